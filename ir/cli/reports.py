"""`ir report` and `ir verify`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ir.cli.incidents import Name, named
from ir.cli.options import AsJson
from ir.cli.terminal.screen import Screen
from ir.cli.timestamps import TsaRoot, with_stamps
from ir.core.errors import ExitCode, UsageError
from ir.incident import folding
from ir.runtime.app_state import open_state
from ir.storage import written_file

Head = Annotated[str, typer.Option("--head", "--anchor", help="A head hash that was kept outside.", metavar="HEX")]
Output = Annotated[str, typer.Option(help="Write it there (0600); default: standard output.", metavar="FILE")]


def report(
    name: Name = "",
    fmt: Annotated[str, typer.Option("--format", help="html | md | json")] = "md",
    output: Output = "",
    head: Head = "",
) -> None:
    """The incident report."""
    from ir.engine.dbos_records import read_entries
    from ir.report import FORMATS, render

    if fmt not in FORMATS:
        raise UsageError(f"--format {fmt}: not known", next_step=f"one of {', '.join(FORMATS)}")
    kept = open_state()
    name = named(kept, name, ended=True)
    entries = read_entries(kept.engine, name)
    record = folding.fold(entries)
    folding.hear_late(record, kept.signals.sent(name))
    text = render(record, fmt, entries, anchor=_head(head), checkpoints=kept.checkpoints.of(name))
    if not output:
        sys.stdout.write(text)
        return
    written_file.write(Path(output), text)
    Screen().say(f"written to {Path(output)}")


def verify(
    name: Name = "",
    public_key: Annotated[
        str, typer.Option(help="The checkpoints' key, as it was kept outside: a file, `ssh-ed25519 AAAA…`, or `SHA256:…`.", metavar="KEY")
    ] = "",
    head: Head = "",
    tsa_root: TsaRoot = "",
    as_json: AsJson = False,
) -> None:
    """Check the audit chain of an incident, its signed checkpoints, report and evidence files. Ends with 1 when something does not hold."""
    from dataclasses import asdict

    from ir.engine.dbos_records import read_entries
    from ir.evidence.bundle_verifier import check_evidence, spoken
    from ir.evidence.hash_chain import lost_before

    kept, screen = open_state(), Screen(as_json=as_json)
    name = named(kept, name, ended=True)
    key, entries = _key(public_key), read_entries(kept.engine, name)
    made = kept.checkpoints.of(name)
    verdict = with_stamps(check_evidence(kept.bundle(name), entries, made, key, _head(head)), made, tsa_root)
    lost = lost_before(entries)
    if as_json:
        screen.document({"incident": name, **asdict(verdict), "lost_before": lost})
    else:
        for line in filter(None, [*spoken(verdict), lost]):
            screen.say(f"{name}: {line}")
    sys.exit(int(ExitCode.DONE if verdict.holds else ExitCode.UNEXPECTED))


def _head(text: str) -> str:
    """A whole hash: a shortened one could be met by another chain.

    Raises:
        UsageError: it is none.
    """
    if text and (len(text) != 64 or not set(text.lower()) <= set("0123456789abcdef")):
        raise UsageError("a head hash has 64 hexadecimal digits", next_step="give it whole, as the end of the run printed it")
    return text.lower()


def _key(text: str) -> str:
    """Lines of public keys or fingerprints.

    Raises:
        UsageError: there is none.
    """
    from ir.evidence.bundle_verifier import wanted_keys

    if not text:
        return ""
    try:
        if not text.startswith(("ssh-ed25519 ", "SHA256:")):
            text = Path(text).read_text(encoding="utf-8") or "\n"
        wanted_keys(text)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"--public-key: {why}", next_step="a file, a line `ssh-ed25519 AAAA…`, or `SHA256:…` of `ir evidence key`"
        ) from None
    return text
