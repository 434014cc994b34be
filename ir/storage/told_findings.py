"""Findings that earlier reviews of an account reported, so that the next one does not report them as new.

Hashes of rule and evidence, no ids.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ir.core.model import Finding
from ir.storage import written_file

_MOST = 50_000


def marked(folder: Path, account: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The same findings, each with `told`: whether all of its evidence was told before; and from now on it is.

    Args:
        folder: private, of the state.
        account: `acct_…`, or "" for reviews that name none.
        findings: of the review that has just been made.
    """
    file = folder / f"told-{hashlib.sha256(account.encode()).hexdigest()[:16]}.json"
    known = dict.fromkeys(_read(file))
    found = tuple(findings)
    hashes = [[_hash(one.rule, evidence) for evidence in one.evidence or (one.why,)] for one in found]
    told = tuple(replace(one, told=all(name in known for name in names)) for one, names in zip(found, hashes, strict=True))
    kept = [*known, *(name for names in hashes for name in names if name not in known)]
    written_file.write(file, json.dumps(kept[-_MOST:]))
    return told


def _hash(rule: str, evidence: str) -> str:
    return hashlib.sha256(f"{rule}\0{evidence}".encode()).hexdigest()[:24]


def _read(file: Path) -> list[str]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return []
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []
