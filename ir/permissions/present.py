"""A derivation in words: for the screen, and as Markdown for a ticket."""

from collections.abc import Iterator
from dataclasses import replace

from ir.core.wording import counted
from ir.permissions.derived import Derived
from ir.permissions.names import dashboard_page, label
from ir.permissions.of_review import day, minute
from ir.permissions.uses import PermissionLine

_HOW = {
    "given": "the key got out then",
    "found": "misuse was found from then on, before the time that was given",
    "proposed": "the review proposes that the key got out then",
    "unknown": "it is not known when the key got out, so this is 30 days before the end",
}
_SHOWN = 3
PAGE = "https://dashboard.stripe.com/apikeys/create"


def lines(derived: Derived, key: str) -> Iterator[str]:
    """For a screen of 80 columns; each line stands for itself and may be broken between words."""
    yield f"{key}: {counted(len(derived.permissions), 'permission')}."
    if derived.since:
        yield f"Evidence from {day(derived.since)} to {day(derived.until)}."
        yield f"Granted is what was first used before {minute(derived.safe_until)}: {_HOW[derived.how]}."
    yield from _block("Granted", derived.granted, derived.permissions)
    yield from _block("Ticked by you", derived.ticked)
    yield from _block("Apart: first used since, perhaps by a stranger alone. Not granted until you tick it (--tick NAME)", derived.apart)
    yield from _block("Tried by services and refused each time: not granted", derived.refused)
    yield from _unmapped(derived)
    yield from _places(derived)
    yield ""
    yield f"Coverage: {derived.coverage}."
    if derived.partial:
        yield f"Accepted although the logs may not hold all calls: {derived.partial}"


def _block(title: str, rows: tuple[PermissionLine, ...], least: tuple[str, ...] = ()) -> Iterator[str]:
    """`least`: the list in the fewest names; a read that is not in it goes where its write is."""
    if rows:
        yield ""
        yield f"{title}:"
    for row in rows:
        within = least and not row.connect and row.permission not in least
        marks = [" (connected accounts)" * row.connect, f"; it {row.danger}" * bool(row.danger), ", which Write includes" * bool(within)]
        yield f"  {label(row.permission)}, {row.name}{''.join(marks)}"
        yield f"      {_why(row)}"
        yield f"      {_source(row)}"


def _why(row: PermissionLine) -> str:
    who = "a client that is in none of our logs" if row.unlogged else ", ".join(row.callers)
    parts = [f"{who or 'a service that the log does not name'}: {counted(row.calls, 'call')}, last {day(row.last)}"] if row.calls else []
    parts += [f"declared by {', '.join(row.declared)}"] if row.declared else []
    parts += [_few(row.endpoints)] if row.endpoints else []
    return "; ".join(parts)


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _source(row: PermissionLine) -> str:
    if not row.sources:
        return "by its name, as it was declared"
    return ("sourced: " if row.sourced else "inferred, so please confirm: ") + ", ".join(row.sources)


def _unmapped(derived: Derived) -> Iterator[str]:
    if derived.unmapped or derived.unread:
        yield ""
        yield "The map does not know what these need; look them up, and add it to `needs:` of the service:"
    for row in derived.unmapped:
        yield f"  {row.endpoints[0]}"
        yield f"      {_why(replace(row, endpoints=()))}"
    for name in derived.unread:
        yield f"  expand[]={name}"


def _places(derived: Derived) -> Iterator[str]:
    if not derived.permissions:
        return
    boxes, lacking = dashboard_page(derived.permissions)
    yield ""
    yield f"In the Dashboard ({PAGE}), in this order, all others None:"
    for box in boxes:
        if box.choice != "None":
            yield f"  {box.group} › {box.label}: {box.choice}"
    for name in lacking:
        yield f"  {name}: its row is not known"
    yield ""
    yield f"By the API: {', '.join(derived.by_api) or 'nothing'}."
    if derived.not_by_api:
        yield f"A key made by the API cannot have {', '.join(derived.not_by_api)}: make it in the Dashboard."
    if derived.connect_permissions:
        yield f"For connected accounts: {', '.join(derived.connect_permissions)}."


def page(derived: Derived) -> Iterator[str]:
    """The whole page of the Dashboard, None included."""
    boxes, lacking = dashboard_page(derived.permissions)
    group = ""
    for box in boxes:
        if box.group != group:
            group = box.group
            yield group
        yield f"  {box.label:<40}{box.choice}"
    for name in lacking:
        yield f"its row is not known: {name}"


def markdown(derived: Derived, key: str) -> str:
    """For a ticket."""
    parts = [
        f"## Permissions for the replacement of `{key}`",
        f"Granted is what was first used before {minute(derived.safe_until)}: {_HOW[derived.how]}." if derived.since else "",
        f"Coverage: {derived.coverage}. This list is not complete.",
        _table("Granted", (*derived.granted, *derived.ticked)),
        _table("Apart: not granted until a person ticks it", derived.apart, tick=True),
        _table("Tried and always refused: not granted", derived.refused),
    ]
    if derived.unmapped:
        parts.append("**No permission known:** " + ", ".join(f"`{row.endpoints[0]}`" for row in derived.unmapped))
    chosen = [
        f"- [ ] {box.group} › {box.label}: **{box.choice}**" for box in dashboard_page(derived.permissions)[0] if box.choice != "None"
    ]
    parts.append("\n".join([f"**In the Dashboard** ({PAGE}), all others None:", "", *chosen]))
    parts.append("**By the API:** " + (", ".join(f"`{name}`" for name in derived.by_api) or "nothing"))
    if derived.not_by_api:
        parts.append("**Not by the API:** " + ", ".join(f"`{name}`" for name in derived.not_by_api))
    if derived.partial:
        parts.append(f"Accepted although the logs may not hold all calls: {_cell(derived.partial)}")
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(title: str, rows: tuple[PermissionLine, ...], *, tick: bool = False) -> str:
    if not rows:
        return ""
    head = f"**{title}**\n\n| permission | why | source |\n|---|---|---|\n"
    box = "[ ] " if tick else ""
    told = [
        f"| {box}`{row.name}`{' ⚠ it ' + row.danger if row.danger else ''} | {_cell(_why(row))} | {_cell(_source(row))} |" for row in rows
    ]
    return head + "\n".join(told)


def _cell(text: str) -> str:
    return "".join(f"\\{c}" if c in "|`*_<>[]\\" else c for c in text).replace("\n", " ")
