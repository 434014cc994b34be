"""`ir inventory init`: propose an inventory from what stores and hosts hold, or the rows that an existing inventory lacks."""

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ir import inventory
from ir.cli.terminal import inventory_source
from ir.cli.terminal.consent_prompt import PIN, YES, Consent
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.plain_text import plain
from ir.cli.terminal.screen import Screen
from ir.core import place as places
from ir.core import yaml_file
from ir.core.errors import BadFile, Refused, UsageError
from ir.core.key_search import FoundKey, SearchResult
from ir.core.place import Place
from ir.core.reference import Reference
from ir.core.reference import plain as plain_ref
from ir.core.wording import counted
from ir.inventory import additions, consent, skeleton
from ir.inventory.opened import Opened
from ir.inventory.proposal import Proposal, Proposer
from ir.runtime import adapter_registry
from ir.runtime.app_state import actor, open_state
from ir.runtime.first_look import FirstLook
from ir.storage import written_file

_MODES = ("live", "test")
_SHOWN, _IN_FILE = 5, 200
"""Names that are shown of what was not looked into: on the screen, in a comment."""
_SHORT = {
    "gcp": "gcp-sm",
    "azure": "azure-kv",
    "ssm": "aws-ssm",
    "aws": "aws-sm",
    "kubernetes": "k8s",
    "github": "github-actions",
    "env": "dotenv",
}
_HERE = {
    "gcp-sm": ("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"),
    "azure-kv": (),
    "aws-ssm": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "aws-sm": ("AWS_REGION", "AWS_DEFAULT_REGION"),
}
"""Variables of the hosts' own tools that say which project or region is meant."""
OUTPUT = "Write it there, mode 0600, instead of printing it; to a file that is there, rows are added."
FROM = "What lies at a host, by name: vercel, github-actions://acme, k8s://CONTEXT, gcp-sm://PROJECT, azure-kv://VAULT, ssm, vault://MOUNT"
READ = "Read the values that hosts tell, to know keys by their beginning and to match them by fingerprint; in a terminal it is asked."
LISTED = "An inventory that lists some already: it says how hosts are reached, and its keys are not proposed again."


def init(
    from_: Annotated[list[str] | None, typer.Option("--from", help=FROM, metavar="PLACE")] = None,
    read: Annotated[bool, typer.Option("--read", help=READ)] = False,
    aws: Annotated[list[str] | None, typer.Option("--aws", help="All secrets of this region, read.", metavar="REGION")] = None,
    vault: Annotated[
        list[str] | None, typer.Option("--vault", help="All secrets under this mount or path, read.", metavar="MOUNT[/PATH]")
    ] = None,
    env_files: Annotated[
        list[str] | None, typer.Option("--env-files", help="All env files under this folder, read.", metavar="FOLDER")
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Account of the keys of a mode.", metavar="live=acct_…|test=acct_…")
    ] = None,
    output: Annotated[
        str,
        typer.Option(help=OUTPUT, metavar="FILE"),
    ] = "",
    inventory_file: Annotated[str, typer.Option("--inventory", help=LISTED, metavar="FILE")] = "",
    yes: Annotated[bool, typer.Option("--yes", help=f"With an inventory: {YES}")] = False,
    inventory_sha256: Annotated[str, typer.Option(help=f"With an inventory: {PIN}", metavar="HEX")] = "",
) -> None:
    """An inventory from what stores and hosts hold: names, values by fingerprint, services. Reads only; asks Stripe nothing."""
    screen = Screen()
    wanted = [_place(text) for text in from_ or ()]
    old = [("aws-sm", one) for one in aws or ()] + [("vault", one) for one in vault or ()] + [("dotenv", one) for one in env_files or ()]
    if not wanted and not old:
        todo = "--from PLACE, --aws REGION, --vault MOUNT[/PATH] or --env-files FOLDER; each may be given again"
        raise UsageError("where should it look?", next_step=todo)
    given = _accounts(account or ())
    there = bool(output) and os.path.lexists(output)
    if inventory_file and output and (there or Path(output).absolute().parent != Path(inventory_file).resolve().parent):
        todo = f"--output alone adds to {output}" if there else f"write it beside {inventory_file}"
        raise UsageError("the new inventory begins with what --inventory lists, whose paths start from its folder", next_step=todo)
    opened = _added_to(output) if there else inventory_source.read(inventory_file) if inventory_file else None
    operator = Terminal(screen, name=actor(), yes=False)
    asked = Consent(open_state, operator, opened, yes=yes, pin=inventory_sha256) if opened else None
    if asked and opened:
        asked.ask(consent.reading(opened.source, [Reference(one.scheme, one.host, "*") for one in wanted]))
    base = opened.base if opened else Path(output).absolute().parent if output else Path.cwd()
    seen = [_look(screen, scheme, place) for scheme, place in old]
    found = _first_look(wanted, opened, operator, base, read=read)
    found_keys = _relative([*(find for one in seen for find in one.found_keys), *found.found_keys], base)
    held = _held(found, found_keys, asked) if asked else {}
    readers, named = found.readers(), [replace(row, ref=_from(row.ref, base)) for row in found.named()]
    proposal = Proposer(found_keys, named, readers, given, opened.source if opened else None, held).proposal()
    for line in found.unread:
        screen.warn(f"not looked into: {skeleton.one_line(line)}")
    for line in found.not_looked_into(_SHOWN):
        screen.err.print(plain(skeleton.one_line(f"not looked into: {line}")))
    if found.failed and len(found.failed) == len(wanted) and not seen:
        raise next(iter(found.failed.values()))
    unread = [*(line for one in seen for line in one.unread), *found.unread, *found.not_looked_into(_IN_FILE)]
    _deliver(screen, proposal, unread, opened, output, there=there)


def _held(look: FirstLook, found_keys: Sequence[FoundKey], asked: Consent) -> dict[str, str]:
    """Fingerprint → listed key, of the keys that none of the finds is a place of; only what may be read is."""
    known = {plain_ref(find.ref) for find in found_keys}
    keys = [key for key in asked.opened.source.keys if found_keys and not known & set(map(plain_ref, key.stored_in))]
    agreed = [key for key in keys if asked.may(consent.reading(asked.opened.source, key.stored_in))]
    return {mark: key.name for key in agreed if (mark := look.held(key))}


def _added_to(output: str) -> Opened:
    """The file that rows are added to. Raises Refused: something else is there."""
    try:
        return inventory_source.read(output)
    except BadFile as error:
        what = f"{output} exists, and is no inventory that rows could be added to: {error.what}"
        raise Refused(what, safe="nothing was changed", next_step="choose another name, or move it away") from None


def _deliver(screen: Screen, proposal: Proposal, unread: Sequence[str], opened: Opened | None, output: str, *, there: bool) -> None:
    """Print it, or write it where that was asked for."""
    if proposal.empty and opened is None:
        others = f"; {counted(len(proposal.remarks), 'thing')} seen that `ir` does not rotate" if proposal.remarks else ""
        what = f"nothing shaped like a Stripe key was found{others}"
        raise Refused(what, safe="nothing was changed", next_step="look elsewhere, or with other rights; --read looks at values, too")
    text = additions.added(opened.text, opened.name, proposal) if opened else skeleton.text(proposal, unread)
    made = inventory.loads(text, output or "(the new inventory)")
    if opened is not None:
        _tell_more(screen, proposal)
    if not output:
        typer.echo(text, nl=False)
        return
    _write(Path(output), text, opened.text if opened and there else None)
    screen.say(f"{output}: {counted(len(made.keys), 'key')} in {counted(sum(len(key.stored_in) for key in made.keys), 'place')}")
    named = counted(len(made.services), "service")
    hint = f"look at the {named}, list the others" if made.services else "list the services that read them"
    screen.say(f"next: {hint}, then: ir inventory check {output}")


def _tell_more(screen: Screen, proposal: Proposal) -> None:
    rows = [f"key {key.name} ({', '.join(key.places)})" for key in proposal.keys]
    rows += [f"places of key {name}: {', '.join(refs)}" for name, refs in proposal.more.items()]
    rows += [f"service {row['name']}" for row, _ in proposal.services]
    for row in rows:
        screen.err.print(plain(f"new: {row}"))
    if not rows:
        screen.err.print(plain("nothing new: all that was found is listed"))
    for remark in proposal.remarks:
        screen.err.print(plain(skeleton.one_line(f"seen too: {remark}")))


# ── looking ──


def _first_look(wanted: Sequence[Place], opened: Opened | None, operator: Terminal, base: Path, *, read: bool) -> FirstLook:
    """Names, then, if somebody agrees, values."""
    look = FirstLook(wanted, opened.source if opened else None, operator, base)
    look.list_names()
    for place in wanted:
        if place not in look.failed:
            count = sum(1 for at, _ in look.rows if at == place)
            operator.screen.err.print(plain(f"{place}: {counted(count, 'name')}"))
    count = len(look.readable)
    told = f"Read {counted(count, 'value')} that the hosts tell? Keys are matched by fingerprint; nothing of the others is kept."
    if count and (read or (operator.interactive and operator.confirm(told))):
        look.read_values()
    elif count:
        operator.screen.err.print(plain(f"{counted(count, 'value')} could be read and {'was' if count == 1 else 'were'} not: --read"))
    return look


def _look(screen: Screen, scheme: str, place: str) -> SearchResult:
    looked = adapter_registry.look_through(scheme, place)
    screen.err.print(plain(f"{place}: {counted(len(looked.found_keys), 'key')} in {counted(looked.places, 'place')}"))
    for line in looked.unread:
        screen.warn(f"not read: {line}")
    return looked


def _place(text: str) -> Place:
    """A place as it was typed; a bare name of a host means what its own tools mean.

    Raises:
        UsageError: it is none, or they mean nothing.
    """
    name, mark, rest = text.partition("://")
    try:
        found = places.parse(f"{_SHORT.get(name, name)}{mark}{rest}")
    except ValueError as error:
        raise UsageError(f"--from {skeleton.one_line(text)}: {error}") from None
    if found.host or found.scheme not in ("k8s", *_HERE):
        return found
    host = adapter_registry.current_context() if found.scheme == "k8s" else next(filter(None, map(os.environ.get, _HERE[found.scheme])), "")
    if not host:
        what = {"k8s": "context", "gcp-sm": "project", "azure-kv": "vault"}.get(found.scheme, "region")
        raise UsageError(f"--from {name}: which {what}?", next_step=f"write it as {found.scheme}://{what.upper()}")
    return replace(found, host=host)


def _relative(found_keys: Iterable[FoundKey], base: Path) -> list[FoundKey]:
    """Env files below the inventory's folder are named from there, so that both can move together."""
    return list({find.ref: find for find in (replace(one, ref=_from(one.ref, base)) for one in found_keys)}.values())


def _from(ref: Reference, base: Path) -> Reference:
    path = Path(ref.path)
    below = ref.scheme == "dotenv" and path.is_relative_to(base)
    return Reference("dotenv", "", f"./{path.relative_to(base)}", ref.field) if below else ref


def _accounts(rows: Iterable[str]) -> dict[str, str]:
    found = {}
    for row in rows:
        mode, _, ident = row.partition("=")
        if mode not in _MODES or not ident.startswith("acct_"):
            raise UsageError(f"--account {row}: write live=acct_… or test=acct_…")
        found[mode] = ident
    return found


# ── writing ──


def _write(path: Path, text: str, before: str | None) -> None:
    """A new file, mode 0600; or `before` with rows added, in the mode that it has, if it is still what was read."""
    if before is None:
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from None
        return
    if text == before:
        return
    if yaml_file.read(path) != before:
        raise Refused(f"{path} was changed meanwhile", safe="nothing was changed", next_step="begin again")
    mode = stat.S_IMODE(path.stat().st_mode)
    written_file.write(path, text)
    path.chmod(mode)
