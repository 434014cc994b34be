"""A look through places for keys of Stripe's: names first; values only when somebody has agreed to that; and which programs read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ir.core import concurrency
from ir.core.errors import IrError, PortError
from ir.core.key_search import FoundKey
from ir.core.model import Mode
from ir.core.name_shape import NameShape, of_name
from ir.core.place import Place
from ir.core.reference import Reference, parse
from ir.core.wording import counted
from ir.inventory import Inventory, Key
from ir.inventory.proposal import Named
from ir.inventory.proposed_services import Reader
from ir.ports import Listed, Operator
from ir.runtime import adapter_registry

_COPY = "a replica of "
"""How a hint begins of what is written where its primary is, and nowhere else."""
_JSON = ("aws-sm", "aws-ssm", "gcp-sm", "azure-kv")
"""Hosts of which the fields of a value are not known by name."""


@dataclass
class FirstLook:
    """At some places.

    Attributes:
        source: says how hosts are reached; None: as their own tools do.
        rows: what is listed, by name. failed: place → why nothing of it is known.
        found_keys, looked: values that are keys, and how many were looked at. unread: what was not looked into, and why.
    """

    places: Sequence[Place]
    source: Inventory | None
    operator: Operator
    base: Path
    rows: list[tuple[Place, Listed]] = field(default_factory=list)
    failed: dict[Place, PortError] = field(default_factory=dict)
    found_keys: list[FoundKey] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    looked: set[Reference] = field(default_factory=set)

    def list_names(self) -> None:
        """Ask each place for its names. One that does not answer is noted, and the others count."""
        for place in self.places:
            try:
                listing = adapter_registry.lister(place, self.source, self.operator, self.base).names(place)
            except PortError as error:
                self.failed[place] = error
                self.unread.append(f"{place}: {error.what}")
                continue
            copies = {row: hint for row in listing.rows for hint in row.hints if hint.startswith(_COPY)}
            self.rows += [(place, row) for row in listing.rows if row not in copies]
            self.unread += [f"{place}: {line}" for line in listing.unseen]
            self.unread += [f"{row.ref}: {hint}, look there" for row, hint in copies.items()]

    @property
    def readable(self) -> list[tuple[Reference, Listed]]:
        """Whose value the host tells."""
        return [(row.ref, row) for _, row in self.rows if row.readable and row.ref is not None]

    def read_values(self) -> None:
        """Look at each value that is told, some side by side; one that cannot be read is noted."""
        wanted = self.readable
        for (ref, row), found in zip(wanted, concurrency.each(wanted, lambda one: self._read(*one)), strict=True):
            if isinstance(found, PortError):
                self.unread.append(f"{ref}: {found.what}")
            else:
                self.looked.add(ref)
                self.found_keys += [replace(find, keepers=(*find.keepers, *_keepers(row))) for find in found]

    def _read(self, ref: Reference, row: Listed) -> tuple[FoundKey, ...] | PortError:
        try:
            lister = adapter_registry.lister(Place(ref.scheme, ref.host, ref.path), self.source, self.operator, self.base)
            return lister.keys_in(row)
        except PortError as error:
            return error

    def named(self) -> list[Named]:
        """Names that look like Stripe's, of what was not looked into; what no reference can name is noted."""
        found: list[Named] = []
        for place, row in self.rows:
            shape = _shape(row)
            if shape is None or (row.ref is not None and row.ref in self.looked):
                continue
            if row.ref is None or not _sound(row.ref):
                said = "; ".join(row.hints) or "no field is told"
                self.unread.append(f"{place}: {row.name} looks like Stripe's, and no reference can name it ({said})")
                continue
            why = "its value was not read" if row.readable else "the host never tells its value"
            more = [f"the same variable is for {ref.field or 'production'}" for ref in row.also]
            more += ["add `#field` if it is one of a JSON text"] if row.ref.scheme in _JSON and not row.ref.field else []
            found.append(Named(row.ref, shape, why, (*more, *row.hints)))
        return found

    def readers(self) -> list[Reader]:
        """Programs that read these places, where the host tells; of what could not be looked at is noted."""
        found = [reader for _, row in self.rows if row.ref is not None for reader in _platform(row.ref)]
        for place in self.places:
            if place.scheme == "k8s" and place not in self.failed:
                rows, unseen = adapter_registry.readers(place, self.source, self.operator, self.base)
                found += rows
                self.unread += unseen
        return found

    def held(self, key: Key) -> str:
        """Fingerprint of the value of a listed key, of the first of its places that tells one; "" = none does, which is noted."""
        why = ""
        for ref in key.stored_in:
            if self.source is None or not ref.promises.reads:
                continue
            try:
                value = adapter_registry.store(ref, self.source, self.operator, self.base).read().value
            except IrError as error:
                why = error.what
                continue
            if value is not None:
                return value.fingerprint
        self.unread.append(f"key {key.name}, so what was found is not compared with it{f': {why}' if why else ''}")
        return ""

    def not_looked_into(self, most: int) -> list[str]:
        """How many values of each place were not seen, and some of their names."""
        said = []
        for place in self.places:
            rows = [row for at, row in self.rows if at == place]
            blind = [row for row in rows if row.ref is None or row.ref not in self.looked]
            names = ", ".join(_known_as(row) for row in blind[:most]) + (" …" if len(blind) > most else "")
            said += [f"{place}: {len(blind)} of {counted(len(rows), 'value')}: {names}"] if blind else []
        return said


def _known_as(row: Listed) -> str:
    return str(row.ref).partition("://")[2] if row.ref else row.name


def _shape(row: Listed) -> NameShape | None:
    """By its own name, or by those of the object that holds it."""
    if row.ref is None:
        return of_name(row.name)
    parts = row.ref.path.split("/")
    shape = of_name(row.ref.field if row.ref.scheme in ("k8s", "dotenv") else "", *(parts[-1:] if row.ref.scheme != "dotenv" else []))
    if shape is not None and shape.mode is None and row.ref.scheme == "vercel" and row.ref.field:
        return NameShape(shape.credential, Mode.TEST)
    return shape


def _sound(ref: Reference) -> bool:
    """Whether an inventory can name it."""
    try:
        return parse(str(ref)) == ref
    except ValueError:
        return False


def _platform(ref: Reference) -> Iterator[Reader]:
    """What a platform starts with a variable of its own: a project, the workflows of a repository."""
    if ref.scheme == "vercel" and ref.field in ("", "preview"):
        target = {"target": ref.field} if ref.field else {}
        yield Reader(ref, ref.host + (f"-{ref.field}" if ref.field else ""), {"vercel": {"project": ref.host, **target}})
    if ref.scheme == "github-actions":
        repo = ref.path.partition("/")[0]
        yield Reader(ref, f"{repo}-actions", remark="a run takes a new value when it begins; say under `polls` how often one does")


def _keepers(row: Listed) -> tuple[str, ...]:
    return () if row.ref is None or row.ref.scheme in ("vercel", "github-actions", "dotenv") else row.hints
