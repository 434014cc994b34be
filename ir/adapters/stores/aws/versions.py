"""The versions of one AWS secret, and their labels. A version never changes; labels move."""

import uuid
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from ir.adapters.stores.aws import client as aws_client
from ir.adapters.stores.old_news import awaited
from ir.core.errors import Conflict, Missing, PortError, Rejected
from ir.core.reference import Reference
from ir.core.secret import fingerprint

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_secretsmanager.type_defs import DescribeSecretResponseTypeDef

T = TypeVar("T")
CURRENT = "AWSCURRENT"
PENDING = "AWSPENDING"
"""The label of a version that a rotation of AWS's own has made and not finished."""
_TRIES = 4


@dataclass(frozen=True, repr=False)
class SecretVersion:
    """One version: its `VersionId`, and its text, which holds the key."""

    id: str
    text: str


@dataclass
class _Moves:
    """The acts of this process on one secret, whichever of its fields they were about.

    Attributes:
        gone: versions that AWSCURRENT was taken from.
        ours: labels of ours that were moved, and where to; None: taken away.
    """

    gone: set[str] = field(default_factory=set)
    ours: dict[str, str | None] = field(default_factory=dict)


_moves: dict[str, _Moves] = {}


class Versions:
    """Calls on one secret; each raises Missing, Denied, Rejected, Unknown.

    Args:
        ref: `aws-sm://REGION/NAME-OR-ARN#FIELD`.
        timeout: seconds per call.
        plain: see `client.client`.
    """

    def __init__(self, ref: Reference, timeout: float, plain: Collection[str] = ()) -> None:
        self._ref, self._timeout, self._plain = ref, timeout, plain
        self._name, self._moves = ref.path, False
        self._known = _moves.setdefault(f"{ref.host} {ref.path}", _Moves())

    def describe(self) -> "DescribeSecretResponseTypeDef":
        """AWS's metadata of the secret, without its value; one that is about to be deleted is Missing."""
        about = self._call(lambda client: client.describe_secret(SecretId=self._name))
        if about.get("DeletedDate") is not None:
            raise Missing(f"{self._ref.object} is scheduled for deletion", next_step="aws secretsmanager restore-secret")
        return about

    @property
    def moved(self) -> bool:
        """Whether this process has moved AWSCURRENT here."""
        return bool(self._known.gone)

    def labels(self) -> dict[str, str]:
        """Each label, AWS's own included, and the id of the version that has it."""

        def look() -> dict[str, str]:
            stages = self.describe().get("VersionIdsToStages", {})
            return {label: version for version, labels in stages.items() for label in labels}

        return awaited(
            look, lambda found: any(self._is_old(label, found.get(label)) for label in (CURRENT, *self._known.ours)), str(self._ref)
        )

    def _is_old(self, label: str, version: str | None) -> bool:
        """Whether a label is read at a version that we know has lost it."""
        if label == CURRENT:
            return version in self._known.gone
        return self._known.ours.get(label, version) != version

    def at(self, label: str) -> SecretVersion:
        """The version under a label."""
        # Always by label or id: AWS's answer to neither depends on where the secret was promoted.
        found = self.perhaps(label)
        return found or self._at(label)

    def _at(self, label: str) -> SecretVersion:
        return self._version(self._call(lambda client: client.get_secret_value(SecretId=self._name, VersionStage=label)))

    def perhaps(self, label: str) -> SecretVersion | None:
        """The version under a label; None when there is none."""

        def look() -> SecretVersion | None:
            try:
                return self._at(label)
            except Missing:
                return None

        return awaited(look, lambda found: self._is_old(label, found.id if found else None), str(self._ref))

    def by_id(self, version: str) -> SecretVersion:
        """The version of that id; without a label AWS may have pruned it."""
        return self._version(self._call(lambda client: client.get_secret_value(SecretId=self._name, VersionId=version)))

    def created(self, version: str) -> float:
        """The time at which a version was made, epoch seconds; 0 when we may not list versions."""
        try:
            answer = self._call(lambda client: client.list_secret_version_ids(SecretId=self._name))
        except PortError:
            return 0.0
        found = [row["CreatedDate"] for row in answer.get("Versions", []) if row.get("VersionId") == version and "CreatedDate" in row]
        return found[0].timestamp() if found else 0.0

    def put(self, incident: str, text: str, label: str) -> str:
        """A version with this text under this label; doing it again finds the first one. Returns its id."""
        # The token is made of the text, since AWS refuses one token for two contents; and of the label, so that custody never
        # becomes current.
        token = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{incident} {self._ref.object} {fingerprint(text)} {label}"))
        self._known.ours.pop(label, None)
        answer = self._call(
            lambda client: client.put_secret_value(SecretId=self._name, ClientRequestToken=token, SecretString=text, VersionStages=[label])
        )
        if label not in answer.get("VersionStages", []):  # it exists already, so AWS ignored the call
            self.label(label, token)
        self._known.ours[label] = token
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
                continue  # it moved meanwhile: another field of this secret is handled side by side
            return
        raise Conflict(f"the label {label} at {self._ref.object} moved {_TRIES} times while we tried to attach it")

    def move(self, label: str, holder: str | None, version: str) -> None:
        """Move a label. Raises Rejected when `holder` does not have it."""
        self._known.ours.pop(label, None)
        if holder is None:
            self._call(lambda client: client.update_secret_version_stage(SecretId=self._name, VersionStage=label, MoveToVersionId=version))
            self._moved(label, None, version)
            return
        self._call(
            lambda client: client.update_secret_version_stage(
                SecretId=self._name, VersionStage=label, MoveToVersionId=version, RemoveFromVersionId=holder
            )
        )
        self._moved(label, holder, version)

    def _moved(self, label: str, holder: str | None, version: str) -> None:
        if label != CURRENT:
            self._known.ours[label] = version
        elif holder is not None:
            self._known.gone = (self._known.gone | {holder}) - {version}

    def prove_move(self, version: str) -> None:
        """Whether we may move labels: asks to move one in a way that AWS refuses, so nothing changes.

        Asked once. Without this right, a version that was put could never be removed again.

        Raises:
            Denied: we may not.
        """
        if self._moves:
            return
        with suppress(Rejected):
            self._call(
                lambda client: client.update_secret_version_stage(
                    SecretId=self._name, VersionStage=f"ir-probe-{uuid.uuid4()}", RemoveFromVersionId=version
                )
            )
        self._moves = True

    def unlabel(self, label: str, version: str) -> None:
        """Take a label of ours away; free to repeat."""
        self._known.ours.pop(label, None)  # until the answer comes, either may be true
        try:
            self._call(
                lambda client: client.update_secret_version_stage(SecretId=self._name, VersionStage=label, RemoveFromVersionId=version)
            )
        except Rejected:
            if self.labels().get(label) == version:
                raise
        self._known.ours[label] = None

    def _version(self, answer: object) -> SecretVersion:
        if not isinstance(answer, dict) or "SecretString" not in answer:
            raise Rejected(f"{self._ref} holds binary data, not text")
        return SecretVersion(str(answer["VersionId"]), str(answer["SecretString"]))

    def _call(self, call: "Callable[[SecretsManagerClient], T]") -> T:
        client = aws_client.client(self._ref.host, self._timeout, self._plain)
        found: T = aws_client.answer(aws_client.ask(lambda: call(client), str(self._ref)), str(self._ref), "ARN")
        return found
