"""The versions of one AWS secret, and the labels that say which is which. A version never changes; labels move."""

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ir.adapters.stores.aws import client as aws_client
from ir.core.errors import Conflict, Missing, PortError, Rejected
from ir.core.reference import Reference
from ir.core.secret import fingerprint

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import DescribeSecretResponseTypeDef

T = TypeVar("T")
CURRENT = "AWSCURRENT"
PENDING = "AWSPENDING"
"""What a rotation of AWS's own has made and not finished."""
_TRIES = 4


@dataclass(frozen=True, repr=False)
class Version:
    """One version: its `VersionId`, and its text, which holds the key."""

    id: str
    text: str


class Versions:
    """Calls on one secret; each raises Missing, Denied, Rejected, Unknown.

    Args:
        ref: `aws-sm://REGION/NAME-OR-ARN#FIELD`.
        timeout: seconds per call.
        plain: see `client.client`.
    """

    def __init__(self, ref: Reference, timeout: float, plain: Collection[str] = ()) -> None:
        self._ref, self._timeout, self._plain = ref, timeout, plain
        self._name = ref.path

    def describe(self) -> "DescribeSecretResponseTypeDef":
        """What AWS says about the secret, without its value; one that is about to be deleted is Missing."""
        about = self._call(lambda client: client.describe_secret(SecretId=self._name))
        if about.get("DeletedDate") is not None:
            raise Missing(f"{self._ref.object} is scheduled for deletion", next_step="aws secretsmanager restore-secret")
        return about

    def labels(self) -> dict[str, str]:
        """Each label, AWS's own included, and the id of the version that has it."""
        stages = self.describe().get("VersionIdsToStages", {})
        return {label: version for version, labels in stages.items() for label in labels}

    def at(self, label: str) -> Version:
        """The version under a label."""
        # Always by label or id: what AWS answers to neither is a matter of where the secret was promoted.
        return self._version(self._call(lambda client: client.get_secret_value(SecretId=self._name, VersionStage=label)))

    def perhaps(self, label: str) -> Version | None:
        """The version under a label; None when there is none."""
        try:
            return self.at(label)
        except Missing:
            return None

    def by_id(self, version: str) -> Version:
        """The version of that id; without a label AWS may have pruned it."""
        return self._version(self._call(lambda client: client.get_secret_value(SecretId=self._name, VersionId=version)))

    def created(self, version: str) -> float:
        """When a version was made, epoch seconds; 0 when we may not list versions."""
        try:
            answer = self._call(lambda client: client.list_secret_version_ids(SecretId=self._name))
        except PortError:
            return 0.0
        found = [row["CreatedDate"] for row in answer.get("Versions", []) if row.get("VersionId") == version and "CreatedDate" in row]
        return found[0].timestamp() if found else 0.0

    def put(self, incident: str, text: str, label: str) -> str:
        """A version with this text under this label; doing it again finds the first one. Returns its id."""
        # Of the text, too: AWS refuses one token for two contents. Of the label: what is in custody is never made current.
        token = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{incident} {self._ref.object} {fingerprint(text)} {label}"))
        answer = self._call(
            lambda client: client.put_secret_value(SecretId=self._name, ClientRequestToken=token, SecretString=text, VersionStages=[label])
        )
        if label not in answer.get("VersionStages", []):  # It was there already, so AWS ignored the call.
            self.label(label, token)
        return token

    def label(self, label: str, version: str) -> None:
        """Attach a label of ours, wherever it was."""
        for _ in range(_TRIES):
            holder = self.labels().get(label)
            if holder == version:
                return
            try:
                self.move(label, holder, version)
            except Rejected:
                continue  # It moved meanwhile: another field of this secret is handled side by side.
            return
        raise Conflict(f"the label {label} at {self._ref.object} moved {_TRIES} times while we tried to attach it")

    def move(self, label: str, holder: str | None, version: str) -> None:
        """Move a label. Raises Rejected when `holder` does not have it (any more)."""
        if holder is None:
            self._call(lambda client: client.update_secret_version_stage(SecretId=self._name, VersionStage=label, MoveToVersionId=version))
            return
        self._call(
            lambda client: client.update_secret_version_stage(
                SecretId=self._name, VersionStage=label, MoveToVersionId=version, RemoveFromVersionId=holder
            )
        )

    def unlabel(self, label: str, version: str) -> None:
        """Take a label of ours away; free to repeat."""
        try:
            self._call(
                lambda client: client.update_secret_version_stage(SecretId=self._name, VersionStage=label, RemoveFromVersionId=version)
            )
        except Rejected:
            if self.labels().get(label) == version:
                raise

    def _version(self, answer: object) -> Version:
        if not isinstance(answer, dict) or "SecretString" not in answer:
            raise Rejected(f"{self._ref} holds binary data, not text")
        return Version(str(answer["VersionId"]), str(answer["SecretString"]))

    def _call(self, call: "Callable[[SecretsManagerClient], T]") -> T:
        client = aws_client.client(self._ref.host, self._timeout, self._plain)
        found: T = aws_client.answer(aws_client.ask(lambda: call(client), str(self._ref)), str(self._ref), "ARN")
        return found
