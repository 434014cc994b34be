"""The secrets of AWS Secrets Manager in one region, by its API reference: versions never change, labels move, each is on one version.

A put under a token that is taken is refused for other content and ignored for the same. A move of a label names the version that has
it. A version without a label is deprecated: no description shows it, and a read by its id still answers.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from ir.core.model import Json
from ir.drill.hosts.server import Refusal

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
LARGEST_VALUE = 65_536
"""Bytes of a value."""


def refused(code: str, message: str = "refused") -> Refusal:
    """A refusal as AWS's JSON protocols write it."""
    return Refusal(400, {"__type": code, "message": message})


@dataclass
class _Version:
    text: str
    made: float
    labels: set[str] = field(default_factory=set)


@dataclass
class _Secret:
    name: str
    arn: str
    made: float
    versions: dict[str, _Version] = field(default_factory=dict)

    def holder(self, label: str) -> str | None:
        """The version that has a label."""
        return next((one for one, version in self.versions.items() if label in version.labels), None)

    def attach(self, label: str, to: str) -> None:
        """Move a label; the version that was current becomes the previous one."""
        before = self.holder(label)
        if before == to:
            return
        if before is not None:
            self.versions[before].labels.discard(label)
            if label == CURRENT:
                self.attach(PREVIOUS, before)
                self.versions[to].labels.discard(PREVIOUS)
        self.versions[to].labels.add(label)


class Secrets:
    """One region.

    Args:
        region: its name, for ARNs.
    """

    def __init__(self, region: str) -> None:
        self._region = region
        self._all: dict[str, _Secret] = {}
        self.calls: dict[str, Callable[[Json], Json]] = {
            "CreateSecret": self._create,
            "DeleteSecret": self._delete,
            "DescribeSecret": lambda asked: self._about(self._found(asked)),
            "GetSecretValue": self._get,
            "ListSecretVersionIds": self._versions,
            "ListSecrets": self._list,
            "PutSecretValue": self._put,
            "UpdateSecretVersionStage": self._move,
        }

    def _found(self, asked: Json) -> _Secret:
        name = str(asked["SecretId"])
        for one in self._all.values():
            if name in (one.name, one.arn):
                return one
        raise refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")

    def _list(self, _asked: Json) -> Json:
        return {"SecretList": [self._about(one) for one in self._all.values()]}

    def _create(self, asked: Json) -> Json:
        name = str(asked["Name"])
        if name in self._all:
            if asked.get("ClientRequestToken") in self._all[name].versions:
                return self._put({**asked, "SecretId": name})
            raise refused("ResourceExistsException", "a secret with this name is there already")
        arn = f"arn:aws:secretsmanager:{self._region}:123456789012:secret:{name}-{uuid.uuid4().hex[:6]}"
        self._all[name] = _Secret(name, arn, time.time())
        return self._put({**asked, "SecretId": name})

    def _delete(self, asked: Json) -> Json:
        found = self._found(asked)
        del self._all[found.name]
        return {"ARN": found.arn, "Name": found.name, "DeletionDate": time.time()}

    def _about(self, found: _Secret) -> Json:
        labelled = {one: sorted(version.labels) for one, version in found.versions.items() if version.labels}
        return {"ARN": found.arn, "Name": found.name, "CreatedDate": found.made, "VersionIdsToStages": labelled}

    def _get(self, asked: Json) -> Json:
        found = self._found(asked)
        wanted = asked.get("VersionId") or found.holder(asked.get("VersionStage") or CURRENT)
        version, stage = found.versions.get(str(wanted)), asked.get("VersionStage")
        if version is None or (stage and stage not in version.labels):
            raise refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret value.")
        return {**self._named(found, str(wanted)), "SecretString": version.text, "CreatedDate": version.made}

    def _versions(self, asked: Json) -> Json:
        found, all_of_them = self._found(asked), bool(asked.get("IncludeDeprecated"))
        rows = [
            {"VersionId": one, "VersionStages": sorted(version.labels), "CreatedDate": version.made}
            for one, version in found.versions.items()
            if version.labels or all_of_them
        ]
        return {"ARN": found.arn, "Name": found.name, "Versions": rows}

    def _put(self, asked: Json) -> Json:
        found, text = self._found(asked), str(asked["SecretString"])
        if len(text.encode()) > LARGEST_VALUE:
            raise refused("InvalidParameterException", f"a value has at most {LARGEST_VALUE} bytes")
        token = str(asked.get("ClientRequestToken") or uuid.uuid4())
        there = found.versions.get(token)
        if there is not None and there.text != text:
            raise refused("ResourceExistsException", "a version with other content has this token")
        if there is None:
            found.versions[token] = _Version(text, time.time())
            for label in asked.get("VersionStages") or [CURRENT]:
                found.attach(label, token)
        return self._named(found, token)

    def _move(self, asked: Json) -> Json:
        found, label = self._found(asked), str(asked["VersionStage"])
        taken, given = asked.get("RemoveFromVersionId"), asked.get("MoveToVersionId")
        if given is not None and given not in found.versions:
            raise refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret version.")
        holder = found.holder(label)
        if taken != holder and (taken is not None or holder != given):
            raise refused("InvalidParameterException", "the label is not on the version that RemoveFromVersionId names")
        if given is not None:
            found.attach(label, str(given))
        elif label == CURRENT or taken is None:
            raise refused("InvalidParameterException", "a label is moved or taken away, and the current one only moved")
        else:
            found.versions[str(taken)].labels.discard(label)
        return {"ARN": found.arn, "Name": found.name}

    def _named(self, found: _Secret, version: str) -> Json:
        labels = sorted(found.versions[version].labels)
        return {"ARN": found.arn, "Name": found.name, "VersionId": version, "VersionStages": labels}
