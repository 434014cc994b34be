"""What lies at AWS: secrets of Secrets Manager and parameters of Parameter Store, region by region, by their metadata alone."""

from collections.abc import Collection

from ir.adapters.stores.aws import client as aws_client
from ir.adapters.stores.aws import search
from ir.adapters.stores.aws.parameter_custody import FOLDER
from ir.adapters.stores.aws.parameters import ParameterStore
from ir.core import key_search
from ir.core.errors import Rejected
from ir.core.key_search import FoundKey
from ir.core.place import Place
from ir.core.reference import Reference
from ir.ports.listing import Listed, Lister, Listing


class SecretsLister(Lister):
    """See `ports.Lister`.

    Args:
        timeout: seconds per call.
        plain: addresses of other machines that plain http is spoken with, as the inventory says.
    """

    def __init__(self, *, timeout: float = 10.0, plain: Collection[str] = ()) -> None:
        self._timeout, self._plain = timeout, plain

    def names(self, place: Place) -> Listing:
        """See `ports.Lister`."""
        _need_region(place)
        client, what = aws_client.client(place.host, self._timeout, self._plain), f"the secrets of {place.host}"
        rows = []
        for row in aws_client.ask(lambda: search.all_rows(client, what), what):
            ref = Reference("aws-sm", place.host, str(row["Name"]))
            home = row.get("PrimaryRegion", place.host)
            hints = (*search.kept_by(row), *((f"a replica of {home}",) if home != place.host else ()))
            changed = row.get("LastChangedDate") or row.get("CreatedDate")
            rows.append(Listed(ref.path, ref, updated_at=changed.timestamp() if changed else 0.0, readable=True, hints=hints))
        return Listing(tuple(row for row in rows if row.ref and Place("aws-sm", place.host, place.path).holds(row.ref)))

    def keys_in(self, row: Listed) -> tuple[FoundKey, ...]:
        """See `ports.Lister`."""
        ref = _named(row)
        text = search.current_text(aws_client.client(ref.host, self._timeout, self._plain), ref.path)
        return tuple(FoundKey(Reference("aws-sm", ref.host, ref.path, field), value) for field, value in key_search.in_text(text))


class ParametersLister(Lister):
    """See `ports.Lister`. Arguments as `SecretsLister`."""

    def __init__(self, *, timeout: float = 10.0, plain: Collection[str] = ()) -> None:
        self._timeout, self._plain = timeout, plain

    def names(self, place: Place) -> Listing:
        """See `ports.Lister`."""
        _need_region(place)
        rows = []
        for row in ParameterStore(place.host, self._timeout, self._plain).rows():
            ref = Reference("aws-ssm", place.host, _path(str(row["Name"])))
            if row["Name"].startswith(f"{FOLDER}INC-") or not Place("aws-ssm", place.host, place.path).holds(ref):
                continue
            changed = row.get("LastModifiedDate")
            rows.append(Listed(str(row["Name"]), ref, (), changed.timestamp() if changed else 0.0, True, (f"type {row.get('Type')}",)))
        return Listing(tuple(rows))

    def keys_in(self, row: Listed) -> tuple[FoundKey, ...]:
        """See `ports.Lister`. A StringList holds no single key."""
        ref = _named(row)
        text = ParameterStore(ref.host, self._timeout, self._plain).current(row.name).text
        return tuple(FoundKey(Reference("aws-ssm", ref.host, ref.path, field), value) for field, value in key_search.in_text(text))


def _path(name: str) -> str:
    """As a reference writes it: a name with a `/` in it stands for `/NAME`."""
    bare = name.removeprefix("/")
    return bare if "/" in bare else name


def _need_region(place: Place) -> None:
    if not place.host:
        raise Rejected("which region? The place names none", next_step=f"write it as {place.scheme}://eu-west-1")


def _named(row: Listed) -> Reference:
    if row.ref is None:
        raise Rejected(f"{row.name} is no reference")
    return row.ref
