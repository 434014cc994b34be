"""AWS Secrets Manager: a JSON field or the whole string of a secret.

Our versions carry our own staging label: `ir-<incident>` while it is staged, `ir-<incident>-<role>` in
custody. AWS has no way to delete one version: without a label it is *deprecated*, and goes when AWS prunes it.

A move of AWSCURRENT names the version that it takes the label from: the compare in AWS's compare-and-swap. A neighbour's
change in between is merged and tried again.
"""

import re
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ir.adapters.stores import value_field
from ir.adapters.stores.aws.calls import unproven
from ir.adapters.stores.aws.search import kept_by
from ir.adapters.stores.aws.versions import CURRENT, PENDING, SecretVersion, Versions
from ir.adapters.stores.old_news import awaited, settled
from ir.core.errors import Conflict, Denied, Missing, PortError, Rejected, Unknown
from ir.core.ownership import Owner, marked
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.ports import STAGED, Held, Left, Pending, Permission, Store

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.type_defs import DescribeSecretResponseTypeDef

_TRIES = 6
"""Tries against other writers before we give up."""
_STAGED = re.compile(r"ir-(INC-[0-9]+-[A-Za-z0-9]+)")
_OURS = re.compile(r"ir-(INC-[0-9]+-[A-Za-z0-9]+)(?=-|\Z)")


class AwsSecretsManagerStore(Store):
    """One secret of one region.

    Args:
        ref: `aws-sm://REGION/NAME-OR-ARN#FIELD`.
        timeout: seconds per call.
        plain: addresses of other machines that plain http is spoken with, as the inventory says.

    A version is Secrets Manager's `VersionId`.
    """

    def __init__(self, ref: Reference, *, timeout: float = 10.0, plain: Collection[str] = ()) -> None:
        self.ref = ref
        self._versions = Versions(ref, timeout, plain)

    def read(self) -> Held:
        """See `ports.Store`."""
        return self._held(self._versions.at(CURRENT))

    def stamp(self) -> str:
        """See `ports.Store`. An id of a version is never used twice."""
        return self._versions.labels().get(CURRENT, "")

    def check_write(self, incident: str) -> Permission:
        """See `ports.Store`. What AWS cannot simulate is left to `prove_write`."""
        about = self._versions.describe()
        _refuse_unwritable(about, self.ref)
        said = unproven()
        regions = ", ".join(row.get("Region", "?") for row in about.get("ReplicationStatus", []))
        if regions:
            said += f"; AWS copies the secret to {regions}"
        if about.get("RotationEnabled"):
            said += "; AWS rotates it by itself, too"
        return Permission(proven=False, said=said)

    def owners(self) -> tuple[Owner, ...]:
        """See `ports.Store`."""
        return marked(kept_by(self._versions.describe()))

    def pending(self, incident: str) -> Pending | None:
        """See `ports.Store`: AWSPENDING, or another incident's stage, on a version that is not current."""
        about = self._versions.describe()
        for version, labels in about.get("VersionIdsToStages", {}).items():
            if CURRENT in labels:
                continue
            if PENDING in labels:
                owner = about.get("RotationLambdaARN") or "AWSPENDING without a rotation function"
                return Pending(owner, self._versions.created(version), version)
            others = [m.group(1) for m in map(_STAGED.fullmatch, labels) if m and m.group(1) != incident]
            if others:
                return Pending(others[0], self._versions.created(version), version, others[0])
        return None

    def drop(self, found: Pending) -> None:
        """See `ports.Store`. The version stays, without its label, until AWS prunes it."""
        label = f"ir-{found.incident}" if found.incident else PENDING
        labels = self._versions.labels()
        if labels.get(label) is None:
            return
        if labels[label] != found.version or labels.get(CURRENT) == found.version:
            raise Conflict(f"{label} at {self.ref.object} lies on version {labels[label]} now, not on what was shown ({found.version})")
        self._versions.unlabel(label, found.version)

    def left(self, incident: str) -> Left:
        """See `ports.Store`. AWS does not tell the writer of a version."""
        labels = self._versions.labels()
        ours = f"ir-{incident}"
        roles = {
            label.removeprefix(ours).removeprefix("-") or STAGED: at for label, at in labels.items() if f"{label}-".startswith(f"{ours}-")
        }
        first = roles.get("old") or roles.get(STAGED)
        return Left(tuple(sorted(roles)), since=self._versions.created(first) if first else 0.0)

    def incidents(self) -> tuple[str, ...]:
        """See `ports.Store`."""
        return tuple(sorted({found[1] for found in map(_OURS.match, self._versions.labels()) if found}))

    def prove_write(self, incident: str) -> None:
        """Stage the unchanged value under our label, and pin the version that a later promote compares with.

        First it proves that labels may be moved, with a call that changes nothing: a version that could be neither promoted nor
        removed would stay. Idempotent; `discard` removes both labels again. Raises Denied, Missing, Unknown.
        """
        labels = self._versions.labels()
        current = self._versions.at(CURRENT)
        self._versions.prove_move(current.id)
        if f"ir-{incident}" not in labels:
            self._versions.put(incident, current.text, f"ir-{incident}")
        if f"ir-{incident}-before" not in labels:
            self._versions.label(f"ir-{incident}-before", current.id)

    def stage(self, incident: str, new: Secret) -> str:
        """See `ports.Store`."""
        current = self._versions.at(CURRENT)
        if self._value(current) == new:
            return current.id
        staged = self._versions.perhaps(f"ir-{incident}")
        if staged is not None and self._value(staged) == new:
            return staged.id
        return self._versions.put(incident, self._with(current, new), f"ir-{incident}")

    def promote(self, incident: str, new: Secret, *, expected: str) -> str:
        """See `ports.Store`."""

        def may(current: SecretVersion) -> None:
            if current.id != expected and self._value(current) != self._value_at(expected, incident):
                said = f"version {current.id} is current, {expected or 'none'} was expected"
                raise Conflict(f"somebody else changed the key in {self.ref}: {said}")

        return self._switch(incident, new, may)

    def undo(self, incident: str, old: Secret, new: Secret) -> str:
        """See `ports.Store`."""

        def may(current: SecretVersion) -> None:
            if self._value(current) != new:
                raise Conflict(f"{self.ref} holds neither the old key nor ours: version {current.id} is somebody else's")

        settled(lambda: self._versions.at(CURRENT), lambda current: self._value(current) == old, knows=self._versions.moved)
        return self._switch(incident, old, may)

    def discard(self, incident: str) -> None:
        """See `ports.Store`. The versions stay, without a label, until AWS prunes them."""
        ours = f"ir-{incident}"
        try:
            labels = self._versions.labels()
        except Missing:
            return
        for label, version in labels.items():
            if label == ours or label.startswith(ours + "-"):
                self._versions.unlabel(label, version)

    def keep(self, incident: str, role: str, secret: Secret) -> str:
        """See `ports.Store`. The value gets a version of its own, whose label no put and no promotion takes away."""
        label = f"ir-{incident}-{role}"
        if self.fetch(incident, role) != secret:
            current = self._versions.at(CURRENT)
            self._versions.prove_move(current.id)
            self._versions.put(incident, self._with(current, secret), label)
        return f"{self.ref} under the label {label}"

    def fetch(self, incident: str, role: str) -> Secret | None:
        """See `ports.Store`."""
        kept = self._versions.perhaps(f"ir-{incident}" if role == STAGED else f"ir-{incident}-{role}")
        return None if kept is None else self._value(kept)

    def _switch(self, incident: str, wanted: Secret, may: Callable[[SecretVersion], None]) -> str:
        """Make `wanted` current, merged into the value that is current at that moment; `may` raises if that is not allowed."""
        for _ in range(_TRIES):
            current = self._versions.at(CURRENT)
            if self._value(current) == wanted:
                return current.id
            may(current)
            version = self._versions.put(incident, self._with(current, wanted), f"ir-{incident}")
            try:
                self._versions.move(CURRENT, current.id, version)
            except Rejected as refused:
                self._moved_meanwhile(current.id, refused)
                continue  # another writer moved it first, or our read was out of date: look again
            return self._read_back(wanted, f"ir-{incident}", version)
        raise Conflict(f"{self.ref} changed {_TRIES} times while we tried to write it")

    def _moved_meanwhile(self, before: str, refused: Rejected) -> None:
        """Wait until AWSCURRENT is read elsewhere. If it stays, the refusal was not about a move, and is raised."""
        try:
            awaited(lambda: self._versions.at(CURRENT).id, lambda now: now == before, str(self.ref))
        except Unknown:
            raise refused from None

    def _read_back(self, wanted: Secret, label: str, version: str) -> str:
        now = self._versions.at(CURRENT)
        if self._value(now) != wanted:
            raise Conflict(f"somebody else changed the key in {self.ref} right after us: version {now.id}")
        with suppress(PortError):  # nothing is staged any more; `discard` finds what stays behind
            self._versions.unlabel(label, version)
        return now.id

    def _value_at(self, version: str, incident: str) -> Secret | None:
        """The field's value in an earlier version; custody has it when the version itself is gone."""
        if version:
            with suppress(Missing, Rejected):
                return self._value(self._versions.by_id(version))
        return self.fetch(incident, "old")

    def _held(self, version: SecretVersion) -> Held:
        return replace(value_field.read(version.text, self.ref.field, version.id, str(self.ref)), stamp=version.id)

    def _value(self, version: SecretVersion) -> Secret | None:
        return self._held(version).value

    def _with(self, version: SecretVersion, value: Secret) -> str:
        return value_field.write(version.text, self.ref.field, value, str(self.ref))


def _refuse_unwritable(about: "DescribeSecretResponseTypeDef", ref: Reference) -> None:
    primary = about.get("PrimaryRegion")
    if primary and primary != ref.host:
        home = Reference(ref.scheme, primary, about.get("Name", ref.path), ref.field)
        raise Denied(f"{ref} is a replica, and only its primary {home} can be written", next_step=f"list {home} instead")
    owner = about.get("OwningService")
    if owner:
        raise Denied(f"{ref} is managed by the AWS service {owner}, which alone may write it")
