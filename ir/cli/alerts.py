"""`ir alert import`, and `--alert` of `ir rotate stripe`: a scanner's findings, and the key of the inventory that each is about."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from ir import alerts
from ir.alerts import Leak, StoredKey
from ir.cli.options import AsJson
from ir.cli.terminal import inventory_source
from ir.cli.terminal.consent_prompt import PIN, YES, Consent
from ir.cli.terminal.operator import SOURCES, Terminal, read_key
from ir.cli.terminal.screen import Screen
from ir.core.errors import IrError, UsageError
from ir.core.key_kind import kind_of
from ir.core.model import Json
from ir.core.secret import Secret
from ir.core.wording import counted
from ir.inventory.consent import reading
from ir.inventory.opened import Opened
from ir.runtime import adapter_registry
from ir.runtime.app_state import actor, open_state

_SHOWN = 10
"""Places of one leak that a screen shows; `--json` has all."""
_ONE_PLACE = "kingfisher names one place of each key unless it runs with --no-dedup: it may lie in more places, and since earlier"

AlertFile = Annotated[
    str, typer.Argument(help="A scanner's report, or the e-mail that told of the leak; - for standard input.", metavar="FILE|-")
]


@dataclass(frozen=True)
class Taken:
    """The parts of an alert that a rotation uses; options of the operator win.

    Attributes:
        exposed_at: epoch seconds, 0 = not said.
        opened: the inventory that it was looked up in, None when there is none.
    """

    leaked: Secret | None
    opened: Opened | None = None
    exposed_at: float = 0.0
    via: str = "unknown"
    reason: str = ""


def import_alerts(
    file: AlertFile,
    inventory_file: Annotated[str, typer.Option("--inventory", help="Inventory file, to tell which key it is.", metavar="FILE")] = "",
    leaked_key_from: Annotated[str, typer.Option(help=f"The key, if the alert does not hold it: {SOURCES}", metavar="SOURCE")] = "",
    yes: Annotated[bool, typer.Option("--yes", help=YES)] = False,
    inventory_sha256: Annotated[str, typer.Option(help=PIN, metavar="HEX")] = "",
    as_json: AsJson = False,
) -> None:
    """What scanners found: where it leaked, since when, which key it is, and what leaked with it. Changes and keeps nothing."""
    screen = Screen(as_json=as_json)
    found = alerts.read_file(file)
    pasted = read_key(leaked_key_from, "The leaked key", screen) if leaked_key_from else None
    operator = Terminal(screen, name=actor(), yes=False)
    consent_for = partial(Consent, open_state, operator, yes=yes, pin=inventory_sha256)
    opened, held, unread = _looked_up(inventory_file, operator, consent_for)
    leaks = alerts.leaks(found, held, pasted)
    if as_json:
        holds = any(leak.in_file for leak in leaks)
        screen.document({"file": file, "leaks": [_row(leak) for leak in leaks], "holds_secrets": holds, "unread": unread})
        return
    stripe = [leak for leak in leaks if leak.stripe]
    screen.say(f"{counted(len(found), 'alert')}, {counted(len(leaks), 'credential')}, of them {counted(len(stripe), 'Stripe key')}")
    for leak in leaks:
        _show(screen, leak, file, opened.name if opened else "")
    _warn_of_unread(screen, unread)
    warn_of(screen, file, leaks)


def take(
    screen: Screen,
    file: str,
    key: str,
    inventory_file: str,
    operator: Terminal,
    pasted: Secret | None,
    consent_for: Callable[[Opened], Consent],
) -> Taken:
    """The one leak of the alert file that a rotation is about; `asking` makes the consent about an inventory.

    Raises:
        BadFile: no alert in it. UsageError: alerts of several keys, or of none.
    """
    found = alerts.read_file(file)
    opened, held, unread = _looked_up(inventory_file, operator, consent_for)
    _warn_of_unread(screen, [name for name in unread if name.startswith("command://")])
    leaks = alerts.leaks(found, held, pasted)
    leak = alerts.the_leak(leaks, file, key, opened.source if opened else None)
    warn_of(screen, file, leaks)
    secret = pasted or (None if leak.cut else leak.secret)
    if secret is None and not key:
        secret = _whole(leak, file, operator)
    if leak.one_place:
        screen.warn(_ONE_PLACE)
    if leak.beside:
        screen.warn(f"leaked with it, rotate these too: {'; '.join(leak.beside)}")
    since = leak.since if leak.since <= datetime.now(UTC).timestamp() else 0.0  # some machine's clock is wrong
    return Taken(secret, opened, since, leak.via, leak.said)


def _whole(leak: Leak, file: str, operator: Terminal) -> Secret | None:
    """The whole key from a person, where the alert lacks it or has only its beginning."""
    if operator.interactive:
        screen = operator.screen
        screen.say(f"The alert holds {'only the beginning of the key' if leak.cut else 'no key'}; with it the right row is found.")
        return read_key("prompt", "The leaked key", screen)
    if leak.cut:
        raise UsageError(
            f"{file} holds only the beginning of the key, and no listed store holds a key that begins so",
            next_step=f"name the row of the inventory, or give the key: --leaked-key-from {SOURCES}",
        )
    return None


def _looked_up(file: str, operator: Terminal, consent_for: Callable[[Opened], Consent]) -> tuple[Opened | None, list[StoredKey], list[str]]:
    """The inventory (None: there is none), and what its stores hold."""
    path = inventory_source.chosen(file, operator.screen)
    if not path:
        return None, [], []
    opened = inventory_source.read(path)
    return opened, *holders(opened, operator, consent_for(opened))


def holders(opened: Opened, operator: Terminal, consent: Consent) -> tuple[list[StoredKey], list[str]]:
    """The content of every store of the inventory, each value once; and the stores that were not read."""
    found: dict[Secret, list[str]] = {}
    unread, source = [], opened.source
    may_run = consent.may(reading(source, [ref for key in source.held for ref in key.stored_in]))
    for key in source.held:
        for ref in key.stored_in:
            if not may_run and reading(source, [ref]):
                unread.append(str(ref))
                continue
            try:
                value = adapter_registry.store(ref, source, operator, opened.base).read().value
            except IrError:
                unread.append(str(ref))
                continue
            if value is not None and key.name not in found.setdefault(value, []):
                found[value].append(key.name)
    return [StoredKey(value, tuple(names)) for value, names in found.items()], unread


def _warn_of_unread(screen: Screen, stores: list[str]) -> None:
    for name in stores:
        screen.warn(f"{name} was not read: a key that only it holds was not recognised")


def warn_of(screen: Screen, file: str, leaks: tuple[Leak, ...]) -> None:
    """Warn of a file with keys in it: it is the next leak."""
    live = [leak for leak in leaks if leak.in_file and leak.live is not False]
    if live and file != "-":
        screen.warn(f"{file} holds {len(live)} secret{'s' * (len(live) != 1)} in plain text that may be alive: delete it when this is over")


def _show(screen: Screen, leak: Leak, file: str, inventory_file: str) -> None:
    first = leak.alerts[0]
    state = {True: "seen alive", False: "seen dead", None: "not known to be alive"}[leak.live]
    what = kind_of(leak.secret).credential.value if leak.secret and leak.stripe else first.kind
    screen.say(f"\n{what}, by {first.scanner}: {state}" + (", public" if leak.public else "") + ("" if leak.open else ", closed there"))
    for place in leak.places[:_SHOWN]:
        screen.say(f"  in {place}{f' {place.url}' if place.url else ''}")
    if (more := len(leak.places) - _SHOWN) > 0:
        screen.say(f"  and in {counted(more, 'more place')}, all of them with --json")
    if leak.one_place:
        screen.say(f"  {_ONE_PLACE}")
    screen.say(f"  since {_time(leak.since)} ({leak.since_what})" if leak.since else "  since when is not said")
    for other in leak.beside:
        screen.say(f"  leaked with it: {other}")
    option = f" --inventory {inventory_file}" if inventory_file else ""
    if not leak.stripe:
        hashed = not option and any(alert.hashes for alert in leak.alerts)
        other = (
            f"  its hash tells whether it is a listed key: ir alert import {file} --inventory FILE"
            if hashed
            else "  not a key that this tool rotates"
        )
        screen.say(_webhook_next(leak, option) if leak.webhook else other)
        return
    if leak.keys:
        screen.say(f"  it is key {', '.join(leak.keys)}{leak.told_by}\n  next: ir rotate stripe {leak.keys[0]}{option} --alert {file}")
    else:
        screen.say("\n".join(f"  {line}" for line in _not_recognised(leak, file, option)))


def _not_recognised(leak: Leak, file: str, option: str) -> tuple[str, str]:
    """What is known of a key that is no row of the inventory, and the next command."""
    rotate = f"next: ir rotate stripe{option} --alert {file}"
    if leak.secret and not leak.cut:
        return f"no listed store holds it ({leak.secret.fingerprint})", rotate
    left = "the beginning of it" if leak.cut else "a hash of it" if any(a.hashes for a in leak.alerts) else "some characters of it"
    if not leak.cut and not any(a.hashes or a.ends for a in leak.alerts):
        return "which key it is cannot be told without the key", f"{rotate} --leaked-key-from prompt"
    if not option:
        return f"the alert holds {left}: enough to find its row in an inventory", f"next: ir alert import {file} --inventory FILE"
    return f"the alert holds {left}, and no listed store holds such a key", f"{rotate} --leaked-key-from prompt"


def _webhook_next(leak: Leak, option: str) -> str:
    since = f" --exposed-at {_time(leak.since)}" if leak.since else ""
    command = f"ir rotate stripe-webhook {leak.keys[0] if leak.keys else 'NAME'}{option} --leaked-via {leak.via}{since}"
    which = f"it is webhook {', '.join(leak.keys)}{leak.told_by}" if leak.keys else "which webhook it is cannot be told from the inventory"
    return f"  {which}\n  next: {command}"


def _row(leak: Leak) -> Json:
    first = leak.alerts[0]
    return {
        "scanner": first.scanner,
        "ids": [alert.id for alert in leak.alerts if alert.id],
        "kind": first.kind,
        "stripe": leak.stripe,
        "webhook": leak.webhook,
        "fingerprint": leak.secret.fingerprint if leak.secret and not leak.cut else "",
        "keys": list(leak.keys),
        "told_by": leak.by,
        "places": [place.__dict__ for place in leak.places],
        "one_place_only": leak.one_place,
        "since": _time(leak.since) if leak.since else "",
        "since_what": leak.since_what,
        "leaked_via": leak.via,
        "live": leak.live,
        "public": leak.public,
        "open": leak.open,
        "beside": list(leak.beside),
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
