"""Other holders of the leaked key (no action of its own): its death would cut them off, and the plan does not move them.

Found before anything was agreed to, it is refused by name. Found later, the plan is never widened: the key is not killed. Where the key
is dead or contained already, what is on it is named as still to do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from ir.core.model import Debt, Did, Item, Json
from ir.incident import debts as debt_rules
from ir.incident.context import World
from ir.incident.record import Incident
from ir.inventory import consent
from ir.ports import Comparison, Holder

_SHOWN = 6
"""Most names in one sentence; the record has all of them."""


def facts(found: Comparison) -> Json:
    """The findings to record: names alone."""
    unread = [{"name": name, "why": why} for name, why in found.unread.items()]
    return {"elsewhere": {"holders": [asdict(holder) for holder in found.holders], "unread": unread}}


def items(world: World, found: Comparison) -> list[Item]:
    """Each place that holds it; one that the operator leaves behind, by name and reason, is passed over."""
    return [_item(world, holder) for holder in found.holders]


def _item(world: World, holder: Holder) -> Item:
    options = world.options
    accepted = [options.accept_unreachable] if holder.kind == "store" else [options.accept_unhealthy, options.accept_unverified]
    reason = next((given[holder.name] for given in accepted if holder.name in given), "")
    if reason:
        said = f"{holder.about}: stays on the old key, accepted ({reason})"
        return Item(holder.name, Did.SKIPPED, said, {"elsewhere": holder.kind, "accepted": reason})
    return Item(
        holder.name, Did.FAILED, f"{holder.about}: holds the leaked key, too, and this plan does not move it", {"elsewhere": holder.kind}
    )


def problems(items: Sequence[Item]) -> list[str]:
    """In words, the holders that its death would cut off."""
    return [f"{item.name}: {item.said}" for item in items if item.did is Did.FAILED]


def fix(world: World, found: Comparison) -> str:
    """The remedy while nothing has changed yet."""
    ways = []
    fields = [holder.name for holder in found.holders if holder.kind == "store" and not holder.key]
    listed = [holder for holder in found.holders if holder.kind == "store" and holder.key]
    services = [holder.name for holder in found.holders if holder.kind == "service"]
    if fields:
        ways.append(f"list {', '.join(fields)} under `stored_in` of `{world.key.name}`, and the services that read it")
    if listed:
        names = ", ".join(holder.name for holder in listed)
        keys = ", ".join(f"`{name}`" for name in sorted({holder.key for holder in listed}))
        ways.append(f"move {names} from {keys} to `stored_in` of `{world.key.name}`; their services then say `uses: [{world.key.name}]`")
    if services:
        ways.append(f"reload {', '.join(services)}, or list the key there")
    leave = "to leave them to fail: --accept-unreachable STORE=REASON, --accept-unhealthy SERVICE=REASON"
    return "; ".join([*ways, leave])


def not_compared(names: Iterable[str]) -> str:
    """The end of a sentence that names places that could not be looked at, "" = none."""
    shown = list(names)
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return f"; not compared with the key: {', '.join(shown[:_SHOWN])}{more}" if shown else ""


def debts(world: World, items: Sequence[Item]) -> tuple[Debt, ...]:
    """Debts about holders of a key that is dead, or is about to be."""
    todo = f"put another key there and reload, then: ir resume {world.incident}"
    kinds = {"store": "store-behind", "service": "service-behind"}
    return tuple(Debt(kinds[item.facts["elsewhere"]], item.name, item.said, todo) for item in items if item.did is Did.FAILED)


def gone(record: Incident, found: Comparison) -> tuple[str, ...]:
    """Holders that were found before and are no longer on that key."""
    before = record.facts.get("elsewhere", {}).get("holders", [])
    still = {holder.name for holder in found.holders}
    return tuple(row["name"] for row in before if row["name"] not in still)


def later(world: World, record: Incident, found: Comparison) -> str:
    """The remedy where the replacement is in use already, and both keys live."""
    again = f"ir rollback {world.incident}, then {debt_rules.again(record)}"
    ways = f"put the replacement, or another key, there and reload, then: ir resume {world.incident}; or take it into a new plan: {again}"
    keys = {holder.key for holder in found.holders if holder.key}
    more = sorted(consent.beyond(world.inventory, world.key, keys))
    return f"{ways}, which then also reaches and runs: {', '.join(more)}" if more else ways
