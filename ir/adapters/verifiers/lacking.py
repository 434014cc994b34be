"""What a service tells of rights that its key lacks: `lacks`, beside the field that tells the key's fingerprint.

A list of permissions, or an object of permission → epoch seconds of the last refusal. Each is a name (`charge_read`, `rak_charge_read`) or
the whole text of Stripe's refusal, of which only the name in it is kept, as the key API has it: what a service says is not trusted.
"""

from collections.abc import Mapping
from typing import Any

from ir.adapters.verifiers import expectation
from ir.core import permission, placeholders
from ir.permissions.names import called

_MOST = 50
"""Rights that are taken from one answer; a longer list is no list of rights."""
_LONGEST = 2000


def field_of(fields: Mapping[str, Any]) -> str:
    """Where the answer tells it: beside the field that is expected to be the fingerprint, else at the top."""
    mark = "\0"  # cannot stand in an inventory
    texts = ((where, value) for where, value in fields.items() if isinstance(value, str))
    beside = next((where for where, value in texts if mark in placeholders.fill(value, fingerprint=mark, key_id="")), "")
    return f"{beside.rpartition('/')[0]}/lacks" if "/" in beside else "lacks"


def told(body: bytes, where: str) -> dict[str, float] | None:
    """As `ports.Check.lacks`; None where the answer tells nothing of the kind."""
    found = expectation.field(expectation.parsed(body), where)
    if isinstance(found, list):
        rows: list[tuple[Any, float]] = [(row, 0.0) for row in found]
    elif isinstance(found, dict):
        rows = [(name, _moment(at)) for name, at in found.items()]
    else:
        return None
    if len(rows) > _MOST:
        return {"": 0.0}
    names: dict[str, float] = {}
    for row, at in rows:
        said = permission.named(row[:_LONGEST]) if isinstance(row, str) else ""
        name = called(said) if said else ""
        names[name] = later(names[name], at) if name in names else at
    return names


def merged(first: Mapping[str, float] | None, second: Mapping[str, float] | None) -> dict[str, float] | None:
    """What two answers tell together."""
    if first is None or second is None:
        told = second if first is None else first
        return None if told is None else dict(told)
    both = {name: later(first[name], second[name]) for name in set(first) & set(second)}
    return {**first, **second, **both}


def later(one: float, other: float) -> float:
    """The later of two times; one that is not told (0) may be the later one."""
    return max(one, other) if one and other else 0.0


def _moment(at: object) -> float:
    return float(at) if isinstance(at, int | float) and not isinstance(at, bool) and 0 < at < 1e11 else 0.0
