#!/usr/bin/env python3
"""Checks an evidence bundle with nothing but the Python standard library (3.8 or newer).

    python3 verify.py [FOLDER] [--anchor HEAD]

FOLDER is where this file lies unless it is given. HEAD is the hash of the chain's last entry as somebody outside noted it;
without it, edits by whoever could write the whole folder cannot be told.

Exit code 0: everything holds. 1: something does not; the first break is named. 2: the files cannot be read.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

GENESIS = "0" * 64


def say(text):
    """One line to standard output."""
    sys.stdout.write(text + "\n")


def entry_hash(entry):
    """SHA-256 over the entry without `hash`: sorted keys, no spaces, UTF-8."""
    rest = {name: value for name, value in entry.items() if name != "hash"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def read_entries(path):
    """One JSON object per line; a torn last line is an error, never dropped silently."""
    lines = path.read_text(encoding="utf-8").split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    entries = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except ValueError:
            raise SystemExit(f"BROKEN: {path.name}:{number}: this line is not JSON; it is torn or was edited") from None
        if not isinstance(entry, dict):
            raise SystemExit(f"BROKEN: {path.name}:{number}: this line is not an audit entry")
        entries.append(entry)
    return entries


def broken_link(entries):
    """What is wrong with the chain, or an empty string."""
    before = GENESIS
    for index, entry in enumerate(entries):
        if entry.get("n") != index:
            return f"entry {index} is numbered {entry.get('n')}: something was removed, added or reordered"
        if entry.get("prev") != before:
            return f"entry {index} does not follow the one before it: reordered or spliced"
        if entry.get("hash") != entry_hash(entry):
            return f"entry {index} was edited"
        if entry.get("incident") != entries[0].get("incident"):
            return f"entry {index} belongs to another incident"
        before = entry["hash"]
    return ""


def broken_file(folder):
    """What is wrong with the files that `sha256sums` lists, or an empty string."""
    for line in (folder / "sha256sums").read_text(encoding="utf-8").splitlines():
        wanted, _, name = line.partition("  ")
        if not name or Path(name).name != name:
            return f"sha256sums has a line that is none: {line[:80]!r}"
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
            return f"{name} was changed"
    return ""


def main():
    """Parse, check, say."""
    parser = argparse.ArgumentParser(description="Check an evidence bundle.")
    parser.add_argument("folder", nargs="?", default=str(Path(__file__).resolve().parent))
    parser.add_argument("--anchor", default="", help="hash of the last entry, as somebody outside noted it")
    given = parser.parse_args()
    folder = Path(given.folder)
    try:
        entries = read_entries(folder / "audit.jsonl")
        said = broken_link(entries) or broken_file(folder)
    except (OSError, UnicodeDecodeError) as error:
        say(f"cannot read the bundle: {error}")
        return 2
    if not entries:
        said = "there are no entries"
    elif not said and given.anchor and given.anchor not in {entry["hash"] for entry in entries}:
        said = "the anchored head is not in this chain: it was cut short or rewritten"
    if said:
        say(f"BROKEN: {said}")
        return 1
    last = entries[-1]["hash"]
    state = "anchored" if given.anchor else "UNANCHORED: whoever could write this folder could have rewritten all of it"
    say(f"{entries[0]['incident']}: {len(entries)} entries, head {last}")
    say(f"the chain holds, the files are as listed, {state}")
    if given.anchor and given.anchor != last:
        later = len(entries) - 1 - [entry["hash"] for entry in entries].index(given.anchor)
        say(f"note: {later} entries came after the anchor; they are chained, but not anchored")
    return 0


if __name__ == "__main__":
    sys.exit(main())
