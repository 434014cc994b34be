"""The generic detectors on real logs of another provider, through the ordinary column mapping (`cloudtrail.yaml`).

    python -m benchmarks.cloudtrail FOLDER [--map FILE] [--session accessKeyId,sourceIPAddress]

FOLDER holds `events.jsonl` and `labels.csv` (`eventID,malicious`). Prints precision and recall per session, for findings of at least
medium and at least high severity, and the share of malicious events that the named sessions hold.
"""

import argparse
import csv
import json
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks import running
from ir.clients.stripe_api import StripeApi
from ir.ports import Reviewed, ReviewRequest
from ir.review import StripeReviewer

_NO_STRIPE = "http://127.0.0.1:9"
_SESSION = ("accessKeyId", "sourceIPAddress")
_LEVELS = ("medium", "high", "critical")

Session = tuple[str, ...]


def sessions(events: Path, fields: tuple[str, ...]) -> dict[Session, set[str]]:
    """Event ids by who and from where."""
    found: dict[Session, set[str]] = defaultdict(set)
    with events.open() as lines:
        for line in lines:
            row = json.loads(line)
            found[tuple(str(row.get(name) or row.get("principal")) for name in fields)].add(str(row["eventID"]))
    return found


def look(events: Path, column_map: Path) -> Reviewed:
    """The review of the file alone; when the key got out is not known, so there is no baseline."""
    with tempfile.TemporaryDirectory(prefix="ir-cloudtrail-") as scratch:
        request = ReviewRequest(
            "acct_1", _NO_STRIPE, 1, 4_000_000_000, 0, 0, None, "", "", scratch, logs=(str(events),), maps=(str(column_map),)
        )
        return StripeReviewer(StripeApi(_NO_STRIPE)).review(request, lambda _: None)


def main() -> None:
    """Look, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--map", type=Path, default=Path(__file__).with_name("cloudtrail.yaml"))
    parser.add_argument("--session", default=",".join(_SESSION), help="fields that make a session")
    asked = parser.parse_args()
    by_session = sessions(asked.folder / "events.jsonl", tuple(asked.session.split(",")))
    with (asked.folder / "labels.csv").open() as file:
        evil = {row["eventID"] for row in csv.DictReader(file) if row["malicious"] == "1"}
    bad = {name for name, ids in by_session.items() if ids & evil}
    reviewed = look(asked.folder / "events.jsonl", asked.map)
    print(
        f"{sum(map(len, by_session.values()))} events, {len(by_session)} sessions, {len(bad)} of them malicious; misuse: {reviewed.verdict}"
    )
    for finding in reviewed.findings:
        print(f"  {finding.severity:<9} {finding.rule}  {finding.count} request(s): {finding.why}")
    for least in ("medium", "high"):
        wanted = _LEVELS[_LEVELS.index(least) :]
        named = {e for finding in reviewed.findings if finding.severity in wanted for e in finding.evidence}
        hit = {name for name, ids in by_session.items() if ids & named}
        held = sum(len(by_session[name] & evil) for name in hit)
        print(
            f"{least} or worse: precision {_share(len(hit & bad), len(hit))}, recall {_share(len(hit & bad), len(bad))} of sessions; "
            f"they hold {_share(held, len(evil))} of the malicious events"
        )


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole}" + (f" = {part / whole:.2f}" if whole else "")


if __name__ == "__main__":
    running.run(main)
