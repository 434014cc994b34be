"""What lay at breached places, on the screen: looked up, matched to the inventory, in order of danger."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ir import alerts
from ir.cli.alerts import holders, warn_of
from ir.cli.terminal.consent_prompt import Consent
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.core import place as places
from ir.core.errors import UsageError
from ir.core.model import Json
from ir.core.place import Place
from ir.core.reference import Reference
from ir.core.wording import counted
from ir.fleet.breach import looking
from ir.fleet.breach.item import WORDS, BreachItem, DangerRank, ordered
from ir.fleet.breach.matching import Look, Matched, matched
from ir.fleet.breach.reported import items_of
from ir.inventory.consent import reading
from ir.inventory.opened import Opened

_MANY = 12
"""Names of other secrets that are shown line by line; of more, `--json` and the report have all."""


@dataclass(frozen=True)
class BreachList:
    """What lay there.

    Attributes:
        looks: one per place; a scanner's report is none.
        items: what is worse first.
        via: how it got out, in the words of `--leaked-via`.
    """

    looks: Sequence[Look]
    items: Sequence[BreachItem]
    via: str = "host"

    @property
    def places(self) -> list[Place]:
        """That were looked at."""
        return [one.place for one in self.looks]

    @property
    def ours(self) -> list[BreachItem]:
        """Keys and webhooks of the inventory."""
        return [item for item in self.items if item.ours]


def find(stored_in: Sequence[str], opened: Opened, operator: Terminal, consent: Consent, *, read_values: bool) -> BreachList:
    """Everything that lay at these places, or that these reports tell of.

    Raises:
        UsageError: one of them is neither a place nor a file. Refused: no person agreed to what a look there runs or tells.
    """
    wanted = [_place(text) for text in stored_in]
    chosen = list(dict.fromkeys(place for place in wanted if isinstance(place, Place)))
    reports = [file for file in wanted if isinstance(file, str)]
    source, base = opened.source, opened.base
    consent.ask(reading(source, [Reference(place.scheme, place.host, place.path) for place in chosen if place.scheme != "command"]))
    operator.screen.progress("asking the hosts for names")
    looks = looking.look(chosen, source, operator, base)
    operator.screen.hush()
    result = matched(source, base, looks)
    if result.unread and _may_read(result, operator, read_values=read_values):
        operator.screen.progress(f"reading {counted(len(result.unread), 'value')}")
        read = looking.read(result.unread, source, operator, base)
        known = looking.held(source, operator, base, lambda ref: not consent.unagreed(reading(source, [ref])))
        operator.screen.hush()
        for line in read.unread:
            operator.screen.warn(f"not read: {line}")
        result = matched(source, base, looks, read, known)
    told = [item for file in reports for item in _reported(file, opened, operator, consent)]
    mine = {item.key for item in result.items if item.key}
    via = "host" if looks else "unknown"
    return BreachList(looks, ordered([*result.items, *(item for item in told if not item.key or item.key not in mine)]), via)


def _place(text: str) -> Place | str:
    """A place, or the name of a file."""
    if "://" not in text and Path(text).is_file():
        return text
    try:
        return places.parse(text)
    except ValueError as error:
        raise UsageError(f"--stored-in: {error}", next_step="a place such as vercel://shop, or the file of a scanner's report") from None


def _may_read(result: Matched, operator: Terminal, *, read_values: bool) -> bool:
    if read_values:
        return True
    names = counted(len(result.unread), "value")
    asks = f"Read {names} there that the inventory does not list, to find Stripe's keys?"
    if operator.interactive and operator.confirm(asks):
        return True
    operator.screen.note(f"not read: {names} that the inventory does not list; --read-values reads them, to find Stripe's keys")
    return False


def _reported(file: str, opened: Opened, operator: Terminal, consent: Consent) -> list[BreachItem]:
    found = alerts.read_file(file)
    held, unread = holders(opened, operator, consent)
    for name in unread:
        operator.screen.warn(f"{name} was not read: a key that only it holds was not recognised")
    leaks = alerts.leaks(found, held)
    warn_of(operator.screen, file, leaks)
    return items_of(opened.source, leaks, Path(file).name)


# ── showing ──


def show(screen: Screen, found: BreachList) -> None:
    """The whole list, what is worse first; of much that is not ours only the beginning."""
    for one in found.looks:
        if one.why_not:
            screen.warn(f"{one.place} was not listed: {one.why_not}. What follows is what the inventory says of it.")
        else:
            screen.say(f"{one.place}: {counted(len(one.listing.rows), 'name')}")
        for line in one.listing.unseen:
            screen.warn(f"not seen: {line}")
    first = [item for item in found.items if item.danger in (DangerRank.LOGIN, DangerRank.OUR_OWN)]
    for item in first:
        screen.say(f"\nFIRST: {item.name} lay there, too: {WORDS[item.danger]} ({', '.join(item.places)})\n  {_todo(item)}")
    screen.say("")
    if found.ours:
        rows = [(str(n), item.name, WORDS[item.danger], _lines(item)) for n, item in enumerate(found.ours, 1)]
        screen.table(f"{counted(len(rows), 'key')} of the inventory, the most dangerous first", ("", "key", "what", "lay at"), rows)
    else:
        screen.say("no key of the inventory lay there")
    _others(screen, [item for item in found.items if not item.ours and item not in first])


def _lines(item: BreachItem) -> str:
    return "\n".join((*item.places, *(f"({remark})" for remark in item.remarks)))


def _others(screen: Screen, items: Sequence[BreachItem]) -> None:
    titles = {
        "Stripe's, and not in the inventory": [item for item in items if item.vendor == "Stripe"],
        "other vendors', by their names": [item for item in items if item.danger is DangerRank.OTHER_VENDOR],
        "not told by their names": [item for item in items if item.danger is DangerRank.UNKNOWN],
    }
    for title, rows in titles.items():
        if not rows:
            continue
        screen.say(f"\n{counted(len(rows), 'more name')}, {title}:")
        for item in rows[:_MANY]:
            whose = f"{item.vendor}: " if item.danger is DangerRank.OTHER_VENDOR else ""
            screen.say(f"  [ ] {whose}{item.name} ({', '.join(item.places[:2])}{_more(item)})\n      {_todo(item)}")
        if len(rows) > _MANY:
            screen.say(f"  … and {len(rows) - _MANY} more: --json has all")
    seen = sum(item.danger is DangerRank.HARMLESS for item in items)
    if seen:
        screen.say(f"\n{counted(seen, 'name')} made to be seen, or no secret by name: --json has them")


def _more(item: BreachItem) -> str:
    return f" and {len(item.places) - 2} more" if len(item.places) > 2 else ""


def _todo(item: BreachItem) -> str:
    return item.todo + (f": {item.link}" if item.link else "")


def listed(found: BreachList) -> Json:
    """The same as data."""
    return {"items": [{**item.to_json(), "danger": item.danger.name.lower()} for item in found.items]}
