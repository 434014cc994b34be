"""`ir permissions stripe`: the least that services need of a key, from what was used."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ir.cli import review_subject
from ir.cli.options import AsJson
from ir.cli.terminal.consent_prompt import PIN, YES, Consent
from ir.cli.terminal.inventory_source import INVENTORY
from ir.cli.terminal.operator import SOURCES, Terminal
from ir.cli.terminal.option_groups import takes
from ir.cli.terminal.option_values import exposed_time, moment
from ir.cli.terminal.screen import Screen
from ir.core import key_kind
from ir.core.errors import Refused, UsageError
from ir.core.key_kind import Credential
from ir.core.model import Json
from ir.core.stripe_address import STRIPE
from ir.inventory import Key, key_split
from ir.inventory.opened import Opened
from ir.permissions import Derived, implied_by
from ir.permissions.names import label
from ir.permissions.of_review import derive_used, document
from ir.permissions.present import lines, markdown, page
from ir.ports import ReviewRequest
from ir.runtime import key_generations, learned_rights
from ir.runtime.app_state import actor, open_state
from ir.runtime.incident_spec import pick_key
from ir.runtime.learned_rights import LearnedRight
from ir.storage import state_folder, written_file

Words = Annotated[list[str] | None, typer.Argument(metavar="KEY", help="Name of the key in the inventory; one key needs no name.")]
Since = Annotated[str, typer.Option(help="Where the evidence begins: 31d, or a time.", metavar="31d|TIME")]
Until = Annotated[str, typer.Option(help="Where it ends, for old logs: a time; default: now.", metavar="TIME")]
Egress = Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Our own egress logs; plain or gzip.")]
Logs = Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Exports: Stripe's request log, events.")]
Maps = Annotated[list[str] | None, typer.Option("--map", metavar="FILE", help="Column map for a foreign log (YAML).")]
_NEVER = {
    Credential.PUBLISHABLE: "a publishable key has no permissions to choose",
    Credential.ORGANIZATION: "an organization key's permissions are set in the organization's Dashboard, for all of its accounts",
}


@dataclass(frozen=True)
class PermissionsOptions:
    """What was said of a derivation."""

    key: Words = None
    inventory_file: Annotated[str, typer.Option("--inventory", help=INVENTORY, metavar="FILE")] = ""
    since: Since = "31d"
    until: Until = ""
    exposed_at: Annotated[str, typer.Option(help="When the key got out: ISO 8601, or 2h.", metavar="TIME")] = ""
    egress: Egress = None
    logs: Logs = None
    maps: Maps = None
    ours: Annotated[list[str] | None, typer.Option(metavar="GROUP", help="Callers that are ours: CLIENT/VERSION@NETWORK.")] = None
    account_id: Annotated[str, typer.Option("--account", help="Account name in the inventory, or acct_….")] = ""
    review_key_from: Annotated[str, typer.Option(help=f"A read-only rk_ key, for Stripe's events: {SOURCES}", metavar="SOURCE")] = ""
    tick: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Take in a permission that is listed apart: you know that a service needs it.")
    ] = None
    accept_partial: Annotated[
        str, typer.Option(metavar="REASON", help="Derive although the logs may not hold all calls; the result repeats the reason.")
    ] = ""
    output: Annotated[str, typer.Option(help="Write the derivation there too, as JSON, mode 0600.", metavar="FILE")] = ""
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, for a ticket.")] = False
    dashboard: Annotated[bool, typer.Option("--dashboard", help="As the Dashboard's page: None, Read or Write for each resource.")] = False
    memory_limit: Annotated[str, typer.Option(help="Of the embedded engine.", metavar="SIZE")] = "350MB"
    api_base: Annotated[str, typer.Option(help="Without an inventory: a Stripe stand-in on loopback.", metavar="URL")] = STRIPE
    yes: Annotated[bool, typer.Option("--yes", help=YES)] = False
    inventory_sha256: Annotated[str, typer.Option(help=PIN, metavar="HEX")] = ""
    as_json: AsJson = False


@takes(PermissionsOptions)
def stripe(asked: PermissionsOptions) -> None:
    """The least that services need of a key, from what they used, without what only an attacker used. Changes nothing."""
    if asked.as_json + asked.as_markdown + asked.dashboard > 1:
        raise UsageError("--json, --markdown and --dashboard are three forms of one result", next_step="leave two of them out")
    screen = Screen(as_json=asked.as_json)
    subject = _subject(asked, screen)
    opened, row = subject.opened, subject.row
    used = used_by(subject.request, asked.memory_limit, screen)
    needs = {service.name: service.needs for service in opened.source.services_of(row.name)} if opened and row else {}
    derived = derive_used(used, needs, needs, partial=asked.accept_partial)
    derived = derived.tick(asked.tick) if asked.tick else derived
    if asked.output:
        written_file.write(Path(asked.output), json.dumps(derived.document(), indent=2) + "\n")
    rights, diff = _split(derived, opened, row)
    if asked.as_json:
        services = {service: list(derived.of_service(service)) for service in derived.services}
        screen.document({**document(derived, services), "inventory_change": diff})
        return
    _show(derived, screen, row.name if row else "key", form="markdown" if asked.as_markdown else "page" if asked.dashboard else "")
    if not (asked.as_markdown or asked.dashboard):
        _propose(rights, diff, screen)
        if row is not None:
            _tell_learned(derived, row, screen)


@dataclass(frozen=True)
class _Subject:
    """What is looked at: the inventory and its row, None without one; and what is read."""

    opened: Opened | None
    row: Key | None
    request: ReviewRequest


def _subject(asked: PermissionsOptions, screen: Screen) -> _Subject:
    """Raises UsageError, Refused: what was named is a value, or a key whose permissions are not chosen so."""
    names, egress, logs = review_subject.sorted_words(asked.key or [], asked.egress or [], asked.logs or [])
    _refuse_kinds(names)
    operator = Terminal(screen, name=actor(), yes=False)
    listed = asked.inventory_file or asked.api_base == STRIPE
    opened = review_subject.opened_inventory(asked.inventory_file, names, asked.account_id, screen) if listed else None
    consent = Consent(open_state, operator, opened, yes=asked.yes, pin=asked.inventory_sha256) if opened else None
    account, known = review_subject.account_of(opened, names, asked.account_id)
    reader = review_subject.review_key(asked.review_key_from, account, consent, operator)
    row, end = pick_key(opened.source, names[0] if names else "") if opened else None, review_subject.end(asked.until)
    request = ReviewRequest(
        account=account.id if account else asked.account_id,
        api_base=account.api_base if account else asked.api_base,
        since=moment(asked.since, end),
        until=end.timestamp(),
        exposed_at=exposed_time(asked.exposed_at),
        budget=0.0,
        review_key=reader,
        key_fingerprint=review_subject.leaked(consent, names, reader, operator),
        key_id=row.id if row else "",
        scratch="",
        egress=(*(account.egress if account else ()), *egress),
        logs=(*(account.logs if account else ()), *logs),
        maps=(*(account.maps if account else ()), *(asked.maps or ())),
        known_webhooks=known,
        ours=(*(account.ours if account else ()), *map(review_subject.group, asked.ours or ())),
        uses=True,
        generations=key_generations.marks(open_state(), row.name) if row else (),
    )
    if opened is None and not (request.egress or request.logs or reader):
        raise UsageError(
            "there is nothing to derive from: no inventory, no log, and no key that may read Stripe's events",
            next_step="--inventory FILE, --egress GLOB, --logs GLOB or --review-key-from prompt",
        )
    return _Subject(opened, row, request)


def was_refused(one: LearnedRight) -> str:
    """Which service was refused, with which key, and the permission that it lacked."""
    who = ", ".join(one.services) or "a call"
    return f"{who} (key {one.key}): refused without {label(one.permission)} ({one.permission})"


def _tell_learned(derived: Derived, row: Key, screen: Screen) -> None:
    """What earlier rotations of this key learned and the evidence at hand does not show."""
    for one in learned_rights.learned(open_state().index, row.name):
        if not implied_by(one.permission, derived.permissions):
            screen.say(f"not in the list, and learned in {one.incident}: {was_refused(one)}; to take it in: `needs:` of that service")


def _refuse_kinds(names: list[str]) -> None:
    """Raises Refused: what was named is of a kind whose permissions are not chosen so."""
    for name in names:
        found = key_kind.credential_of(name)
        if found in _NEVER:
            raise Refused(_NEVER[found], safe="nothing was read", next_step=found.instruction)
        if found not in (Credential.GARBAGE, Credential.KEY_ID):
            raise UsageError(
                f"that is the value of a {found.value}, not its name in the inventory", next_step="keep values off command lines"
            )


def used_by(request: ReviewRequest, memory_limit: str, screen: Screen) -> Json:
    """What a review of the evidence tells of used endpoints; {} without any evidence."""
    from dataclasses import replace

    from ir.clients.stripe_api import StripeApi
    from ir.review import StripeReviewer
    from ir.review.sql.engine import checked_limit

    checked_limit(memory_limit)
    if not (request.egress or request.logs):
        return {}
    try:
        api = StripeApi(request.api_base)
    except ValueError as error:
        raise UsageError(str(error)) from None
    with tempfile.TemporaryDirectory(prefix="permissions-", dir=state_folder.private(state_folder.folder())) as scratch:
        reviewed = StripeReviewer(api, memory_limit=memory_limit).review(replace(request, scratch=scratch), screen.progress)
    screen.hush()
    return reviewed.used


def _show(derived: Derived, screen: Screen, key: str, *, form: str) -> None:
    if form == "markdown":
        typer.echo(markdown(derived, key), nl=False)
        return
    for line in page(derived) if form == "page" else lines(derived, key):
        screen.say(line)


def _split(derived: Derived, opened: Opened | None, row: Key | None) -> tuple[dict[str, tuple[str, ...]], str]:
    """What each service of the inventory needs, where they differ, and the change of the inventory that gives each its own key."""
    if opened is None or row is None:
        return {}, ""
    rights = {service.name: derived.of_service(service.name) for service in opened.source.services_of(row.name)}
    if len(key_split.groups(rights)) < 2:
        return {}, ""
    return rights, key_split.split(opened.text, opened.name, row.name, rights)


def _propose(rights: dict[str, tuple[str, ...]], diff: str, screen: Screen) -> None:
    if not rights:
        return
    screen.say("")
    screen.say("The services need different things, so Stripe advises a key for each. One shared key stays possible.")
    for service, names in rights.items():
        screen.say(f"  {service}: {', '.join(names) or 'nothing that was seen'}")
    if diff:
        screen.say("The change of the inventory would be:")
        typer.echo(diff, nl=False)
    else:
        screen.say("This inventory is to be changed by hand: a row of `keys:` for each, and `uses:` and `reads_from:` of the services.")
