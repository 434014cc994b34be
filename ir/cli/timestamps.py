"""`ir evidence timestamp`, and what `ir verify` says of the time stamps that there are."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from ir.cli.incidents import Name, named
from ir.cli.options import AsJson
from ir.cli.terminal.screen import Screen
from ir.core.errors import Refused, Rejected, UsageError
from ir.core.model import Json
from ir.core.wording import counted
from ir.evidence import timestamps
from ir.evidence.bundle_verifier import ChainVerdict, with_stamp
from ir.evidence.timestamps import Stamp
from ir.runtime import words
from ir.runtime.app_state import actor, open_state

TsaRoot = Annotated[str, typer.Option(help="Root certificate of the time stamping authority, PEM.", metavar="FILE")]


def timestamp(
    name: Name = "",
    tsa: Annotated[str, typer.Option(help="Address of an authority that answers RFC 3161.", metavar="URL")] = "",
    tsa_root: TsaRoot = "",
    as_json: AsJson = False,
) -> None:
    """Let an outside authority attest that the record exists now: a time stamp over the last signed checkpoint."""
    screen, kept = Screen(as_json=as_json), open_state()
    if not tsa:
        raise UsageError("no authority is named", next_step="--tsa URL, of one that your auditors trust")
    roots = timestamps.roots_in(Path(tsa_root)) if tsa_root else ()
    name = named(kept, name, ended=True)
    made = kept.checkpoints.of(name)
    if not made:
        raise Refused(f"nothing of {name} is signed yet", safe="nothing was sent", next_step="run it when the incident waits or has ended")
    stamped = timestamps.fetch({part: made[-1][part] for part in ("statement", "signature")}, tsa)
    stamp = timestamps.read(stamped, roots)
    kept.checkpoints.stamp(timestamps.earlier(made[-1], stamped) if "timestamp" in made[-1] else stamped)
    said = {"kind": "stamped", "authority": tsa, "whose": stamp.by, "when": stamp.at, "entries": stamp.entries, "checked": bool(roots)}
    words.say(kept, name, actor(), [said], screen.warn)
    if as_json:
        screen.document({"incident": name, **asdict(stamp), "bundle": str(kept.bundle(name))})
    else:
        screen.say(f"{name}: {_spoken(stamp)}; kept in {kept.bundle(name)}")


def with_stamps(verdict: ChainVerdict, checkpoints: Sequence[Json], tsa_root: str) -> ChainVerdict:
    """A verdict that holds, with a note about each time stamp, anchored by one whose authority is known; broken by one that does not hold.

    Raises:
        UsageError: the file holds no certificate.
        OSError: it cannot be read.
    """
    roots = timestamps.roots_in(Path(tsa_root)) if tsa_root else ()
    stamped = [one for one in checkpoints if "timestamp" in one]
    if not verdict.holds:
        return verdict
    if tsa_root and not stamped:
        return replace(verdict, holds=False, state="broken", said="there is no time stamp to check")
    try:
        stamps = [timestamps.read(one, roots) for one in stamped]
    except Rejected as broken:
        return replace(verdict, holds=False, state="broken", said=broken.what)
    except UsageError as missing:
        if roots:
            raise
        return replace(verdict, notes=(*verdict.notes, f"{len(stamped)} time stamps, not read: {missing.what}"))
    for stamp in stamps if roots else ():
        verdict = with_stamp(verdict, stamp.entries, stamp.at, stamp.by)
    return replace(verdict, notes=(*verdict.notes, *map(_spoken, stamps)))


def _spoken(stamp: Stamp) -> str:
    who = f"time stamp of {stamp.by}" if stamp.by else "time stamp (its signature not checked: --tsa-root FILE)"
    return f"{who}: the first {counted(stamp.entries, 'entry', 'entries')} existed, as signed, at {stamp.at}"
