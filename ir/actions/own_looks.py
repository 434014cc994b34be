"""Looks of our own at what Stripe refuses the replacement (no action of its own): our egress logs, and one GET per right that is in use.

Each comes as an item like that of a service, with `lacks`; a write is never tried, and what no look tells is not told.
"""

from dataclasses import replace

from ir.actions import review
from ir.core.errors import IrError
from ir.core.model import Did, Item, Json
from ir.core.secret import Secret
from ir.incident.context import World
from ir.incident.record import Incident
from ir.permissions import permission_for

LOG, READS = "our egress log", "one GET of ours"
_WITHIN = 20.0
"""Seconds in which the ends of the logs have to be read."""
_MOST_READS = 40
_SHOWN = 10
"""Refused calls in one sentence."""


def logged(world: World, record: Incident, since: float) -> Item | None:
    """403s of the replacement in our egress logs since that moment; None: there are none, or they hold no call since then.

    The map tells which permission opens a call. Where it does not know, or asks for several, the right is not named.
    """
    if not world.account.egress:
        return None
    new = record.facts["new"]
    asked = replace(review.request(world, record), key_id=new.get("id", ""), key_fingerprint=new["fingerprint"])
    try:
        found = world.within(_WITHIN, lambda: world.ports.reviewer.refused(asked, since, world.hooks.say))
    except (IrError, TimeoutError):
        return None
    if found is None:
        return None
    lacks: dict[str, float] = {}
    for one in found.refused:
        row = permission_for(one.method, one.endpoint)
        name = row.permissions[0] if row is not None and len(row.permissions) == 1 else ""
        lacks[name] = max(lacks.get(name, 0.0), one.at)
    calls = ", ".join(f"{one.method} {one.endpoint}{f' of {one.service}' if one.service else ''}" for one in found.refused[:_SHOWN])
    more = f" and {len(found.refused) - _SHOWN} more" if len(found.refused) > _SHOWN else ""
    facts: Json = {"lacks": lacks, "programs": sorted(found.services)}
    return Item(LOG, Did.DONE, f"refused: {calls}{more}" if calls else "holds no refusal", facts)


def covers(log: Item, service: str) -> bool:
    """Whether that log holds calls of a service since it moved; a log that names no program, as a proxy's, is taken to hold all."""
    return bool({service, ""} & set(log.facts["programs"]))


def read(world: World, new: Secret) -> Item | None:
    """One GET each for rights to read that are in use, by what was derived and by what services declare; None: there are none."""
    wanted = [name for name in _in_use(world) if name.endswith("_read")][:_MOST_READS]
    if not wanted:
        return None
    may = dict(zip(wanted, world.each(wanted, lambda name: world.ports.issuer.may_read(new, name)), strict=True))
    lacks = {name: 0.0 for name, has in may.items() if has is False}
    told = [name for name, has in may.items() if has is not None]
    return Item(READS, Did.DONE, f"tried: {', '.join(told) or 'none could be'}", {"lacks": lacks})


def _in_use(world: World) -> tuple[str, ...]:
    derived = world.plan.wanted.names if world.plan.wanted else ()
    needs = (str(need) for service in world.services for need in service.needs)
    rows = [(need, permission_for(*need.split(" ", 1)) if " " in need else None) for need in needs]
    named = [name for need, row in rows for name in (row.permissions if row else () if " " in need else (need,))]
    return tuple(dict.fromkeys(name for name in (*derived, *named) if not name.startswith("connect:")))
