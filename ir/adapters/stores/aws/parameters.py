"""Calls on one parameter of AWS's Parameter Store. A parameter read by its name is its newest version.

A write repeats the settings that AWS would otherwise forget: a KMS key that is left out becomes the account's default one.
"""

from collections.abc import Collection
from typing import Any

from ir.adapters.stores.aws import client as aws_client
from ir.adapters.stores.names import moment
from ir.adapters.stores.newest import StoredVersion
from ir.adapters.stores.old_news import awaited
from ir.core import untrusted_json
from ir.core.errors import Missing, Rejected

_REPEATED = ("Type", "KeyId", "Description", "AllowedPattern", "DataType")
_newest: dict[str, int] = {}
"""Region and name → the newest version that this process has seen. A read of an older one is out of date."""


class ParameterStore:
    """The parameters of a region; each call raises Missing, Denied, Conflict, Rejected, Unknown.

    Args:
        region: where.
        timeout: seconds per call.
        plain: see `client.client`.
    """

    def __init__(self, region: str, timeout: float, plain: Collection[str] = ()) -> None:
        self._region, self._timeout, self._plain = region, timeout, plain

    def current(self, name: str) -> StoredVersion:
        """The newest version. That there is none is old news, too, where this process has written one."""
        what = self._what(name)

        def look() -> StoredVersion | Missing:
            try:
                return self._get(name)
            except Missing as error:
                return error

        newest = _newest.get(what, 0)
        found = awaited(look, lambda found: newest > 0 and (isinstance(found, Missing) or found.number < newest), what)
        if isinstance(found, Missing):
            raise found
        return found

    def at(self, name: str, version: str) -> StoredVersion:
        """An earlier version; AWS keeps the last hundred."""
        return self._get(f"{name}:{version}")

    def about(self, name: str) -> dict[str, Any]:
        """The newest version's row of the history: `Type`, `KeyId`, `LastModifiedUser` and others; the value is left encrypted."""
        rows: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            page = self._call("get_parameter_history", name, "Parameters", Name=name, **token)
            rows += page["Parameters"]
            if not page.get("NextToken"):
                break
            token = {"NextToken": page["NextToken"]}
        if not rows:
            raise Missing(f"AWS has no parameter at {self._what(name)}")
        return max(rows, key=lambda row: int(row.get("Version", 0)))

    def put(self, name: str, text: str, about: dict[str, Any]) -> int:
        """A new version, which is current at once; returns its number. `about` as the parameter is, or as it shall be."""
        kept = {field: about[field] for field in _REPEATED if about.get(field)}
        if about.get("Tier") == "Advanced":
            kept["Tier"] = "Advanced"
        answer = self._call("put_parameter", name, "Version", Name=name, Value=text, Overwrite=True, **kept)
        number = int(answer["Version"])
        _newest[self._what(name)] = max(number, _newest.get(self._what(name), 0))
        return number

    def create(self, name: str, text: str, about: dict[str, Any]) -> None:
        """Make one that must not be there yet. Raises Conflict when it is, which AWS says only to those who may write it."""
        kept = {field: about[field] for field in ("Type", "KeyId") if about.get(field)}
        self._call("put_parameter", name, "Version", Name=name, Value=text, Overwrite=False, **kept)

    def delete(self, name: str) -> None:
        """Delete it with all of its versions, and see it gone: the answer says nothing. Raises Missing when it does not exist."""
        self._call("delete_parameter", name, "ResponseMetadata", Name=name)
        _newest.pop(self._what(name), None)
        awaited(lambda: self._there(name), bool, self._what(name))

    def names(self, start: str) -> list[str]:
        """Of all parameters whose names begin so; values are not read."""
        return [str(row["Name"]) for row in self.rows(start)]

    def rows(self, start: str = "") -> list[dict[str, Any]]:
        """`Name`, `Type`, `LastModifiedDate`, `LastModifiedUser` and others of those parameters, or of all; values are not read."""
        filters = [{"Key": "Name", "Option": "BeginsWith", "Values": [start]}] if start else []
        found: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            page = self._call("describe_parameters", start, "Parameters", ParameterFilters=filters, **token)
            found += page["Parameters"]
            if not page.get("NextToken"):
                return found
            token = {"NextToken": page["NextToken"]}

    def _there(self, name: str) -> bool:
        try:
            self._get(name)
        except Missing:
            return False
        return True

    def _get(self, name: str) -> StoredVersion:
        row = self._call("get_parameter", name, "Parameter", Name=name, WithDecryption=True)["Parameter"]
        if row.get("Type") == "StringList":
            raise Rejected(f"{self._what(name)} is a StringList, which holds no single key")
        return StoredVersion(str(row["Version"]), str(row["Value"]))

    def _what(self, name: str) -> str:
        return f"the parameter {name} in {self._region}"

    def _call(self, call: str, name: str, needed: str, **arguments: Any) -> Any:
        client, what = aws_client.parameters(self._region, self._timeout, self._plain), self._what(name)
        return aws_client.answer(aws_client.ask(lambda: getattr(client, call)(**arguments), what), what, needed)


def expires(about: dict[str, Any]) -> float:
    """Epoch seconds at which a policy of the parameter deletes it, 0 = never; `about` as of `ParameterStore.about`."""
    for policy in about.get("Policies") or []:
        try:
            told = untrusted_json.loads(str(policy.get("PolicyText", "")))
        except ValueError:
            continue
        if isinstance(told, dict) and told.get("Type") == "Expiration" and isinstance(told.get("Attributes"), dict):
            return moment(told["Attributes"].get("Timestamp"))
    return 0.0
