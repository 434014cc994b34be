"""The review on one screen: verdict, coverage, findings, and the three things to do next."""

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain

from ir.core.model import Finding, Json
from ir.core.wording import counted
from ir.ports import Reviewed
from ir.review.judge.blast_radius import shown
from ir.review.judge.proposing import RULE as LATE
from ir.review.present.json_document import MISUSE, next_steps

_AREAS = {"writes": "writes", "reads": "reads", "account": "account changes"}
_FINDINGS = 4
# The number of findings, and whether sources that were not given share a line: fewer until it fits.
_TIGHTER = ((_FINDINGS, False), (3, False), (3, True), (2, True), (1, True))
NEXT = "Next"


def lines(reviewed: Reviewed, width: int = 0, height: int = 0) -> list[str]:
    """The lines to print. They fit the terminal's size where it is given (0 = no terminal), and steps break between words."""
    steps = _steps(reviewed, width)
    blocks = [*_blocks(reviewed, _FINDINGS, merged=False), steps]
    spacious = [*chain.from_iterable(("", *block) for block in blocks)][1:]
    if not height or len(spacious) <= height:
        return spacious
    tight: list[str] = []
    for findings, merged in _TIGHTER:
        tight = [*chain.from_iterable(_blocks(reviewed, findings, merged=merged)), *steps]
        if len(tight) <= height:
            break
    return tight


def _blocks(reviewed: Reviewed, most: int, *, merged: bool) -> Iterator[list[str]]:
    yield _verdict(reviewed)
    there = [row for row in reviewed.coverage if row["rows"] or row["to"] or not merged]
    absent = ", ".join(str(row["source"]) for row in reviewed.coverage if row not in there)
    yield ["Coverage", *map(_source, there), *([f"  not given   {absent}"] if absent else [])]
    if reviewed.proposed or reviewed.regular:
        yield _callers(reviewed, 1 if merged else 3)
    if _shown(reviewed) or reviewed.leftovers:
        yield _found(reviewed, most)


def _verdict(reviewed: Reviewed) -> list[str]:
    parts = " + ".join(f"{points:g} {name}" for name, points in reviewed.score_parts.items())
    out = [f"Misuse: {reviewed.verdict.upper()}   score {reviewed.score:g}" + (f" = {parts}" if parts else "")]
    for area, name in _AREAS.items():
        why = reviewed.reasons.get(area) or []
        told = reviewed.verdicts[area]
        out.append(f"  {name:<16}{told}" + (f" ({why[0]})" if why and told not in MISUSE else ""))
    if reviewed.began:
        out.append(f"  Misuse shows before the stated exposure: judged from {_day(reviewed.began)} on")
    return out


def sdk_lines(reviewed: Reviewed) -> list[str]:
    """Age of SDKs and API versions, one line for each service, client and version."""
    if not reviewed.sdks:
        return ["No SDK and version was seen: a request log or our own log with user agents shows them (--logs, --egress)"]
    out = ["SDK and API version, as seen in traffic (oldest first)"]
    for row in reviewed.sdks:
        age = f"released {row['released']} ({row['days']} days ago)" if row["released"] else "release not known"
        api = f"API {row['api_version']} ({row['api_days']} days)" if row["api_version"] else "API version not told"
        out.append(f"  {row['service'] or row['key'] or '-'}  {row['client']} {row['version']}  {age}; {api}; newest known {row['newest']}")
        out += [f"      {row['breaks']}"] if row["breaks"] else []
    return out


def _callers(reviewed: Reviewed, most: int) -> list[str]:
    """The groups that came late, where the exposure time is not known, and the rare consumers."""
    out = ["When the key got out is not known; proposed (out by then, if these are not yours)"] if reviewed.proposed else []
    for row in reviewed.proposed[:most]:
        follows = f"; {row['follows'][0]}" if row["follows"] else "; nothing dangerous seen"
        out.append(
            f"  {_day(row['at'])}  {row['requests']:,} of {row['of']:,} requests: {row['who']}, {row['new']} not seen before{follows}"
        )
        out.append(f"      if it is yours: --ours '{row['group']}'")
    if reviewed.proposed:
        out.append(f"      for good, in the inventory's account: ours: ['{reviewed.proposed[0]['group']}']")
    rare = [f"  {row['said']}" for row in reviewed.regular[:most]]
    return [*out, *(["Comes rarely, and would be refused after the kill"] if rare else []), *rare]


def _shown(reviewed: Reviewed) -> list[Finding]:
    """Findings, without those that describe the groups themselves."""
    return [one for one in reviewed.findings if one.rule != LATE]


def _found(reviewed: Reviewed, most: int) -> list[str]:
    found = _shown(reviewed)
    count = len(found)
    head = f"Findings ({count}{f', the worst {most}; --json gives all' if count > most else ''})"
    out = [head, *(f"  {f.severity:<9}{f.rule}  {'(told before) ' if f.told else ''}{f.why}{_money(f.money)}" for f in found[:most])]
    if reviewed.leftovers:
        first = reviewed.leftovers[0]
        out.append(f"  leftovers: {len(reviewed.leftovers)}, first {first['kind']} {first['id']} ({first['severity']})")
    return out


def _steps(reviewed: Reviewed, width: int) -> list[str]:
    out = [NEXT]
    for n, step in enumerate(next_steps(reviewed), 1):
        broken = textwrap.wrap(step, width - 6, break_on_hyphens=False, break_long_words=False) if width else [step]
        out += [f"{'     ' if i else f'  {n}. '}{part}" for i, part in enumerate(broken)]
    return out


def _money(parts: tuple[Json, ...]) -> str:
    return "".join(f", {shown(int(part['amount']), str(part['currency']))}" for part in parts[:2])


def _source(row: Json) -> str:
    span = f"{_day(row['from'])} to {_day(row['to'])}" if row["rows"] and row["from"] else "not given" if not row["rows"] else "no times"
    if not row["rows"] and row["to"]:
        span = f"{_day(row['from'])} to {_day(row['to'])}, empty"
    gaps = f"; {counted(len(row['gaps']), 'gap')}" if row["gaps"] else ""
    answers = f"; {', '.join(row['answers'])}" if row.get("answers") else "; answers nothing" if row["rows"] and "answers" in row else ""
    blind = f"; blind to {row['blind_to']}" if row["blind_to"] else ""
    return f"  {row['source']:<12}{row['rows']:>9,}  {span}{answers}{gaps}{blind}"


def _day(epoch: int) -> str:
    return datetime.fromtimestamp(int(epoch), UTC).strftime("%m-%d %H:%M")
