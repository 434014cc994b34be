"""The review's part of the report: verdicts, coverage, findings, blast radius, leftovers, and evidence that could not be read."""

from fnmatch import fnmatchcase
from typing import Any

from ir.core.model import Json
from ir.report.formatting import iso, label, money, span, utc
from ir.report.source import Story, as_object, as_rows, words

SEVERITIES = ("critical", "high", "medium", "low", "informational")
CANNOT_TELL = "cannot tell"
GONE = "gone when last looked at"


def review(story: Story) -> Json:
    """The review part; without a review every verdict is `cannot tell`."""
    told = story.reviews()
    verdicts = as_object(told.get("verdicts"))
    return {
        "ran": story.settled_run("review") is not None,
        "scope": _scope(story),
        "verdict": str(told.get("verdict") or CANNOT_TELL),
        "verdicts": {about: str(verdicts.get(about) or CANNOT_TELL) for about in ("writes", "reads", "account")},
        "score": told.get("score"),
        "findings": findings(told),
        "coverage": [_source(as_object(row)) for row in as_rows(told.get("coverage"))],
        "blast_radius": as_object(told.get("blast_radius")),
        "proposed": [_group(as_object(row)) for row in as_rows(told.get("proposed"))],
        "regular": [
            {**_texts(as_object(row), "who", "every", "said"), "due": iso(as_object(row).get("due"))}
            for row in as_rows(told.get("regular"))
        ],
        "sdks": [_sdk(as_object(row)) for row in as_rows(told.get("sdks"))],
        "leftovers": leftovers(story),
        "hours": [hour for row in as_rows(told.get("hours")) if (hour := _hour(as_object(row)))],
    }


def _group(row: Json) -> Json:
    """A group of requests that came late; `at` is a proposed exposure time, never a known one."""
    texts = _texts(row, "who", "group", "new", "kinds", "said")
    return {**texts, "at": iso(row.get("at")), "status": "proposed", "follows": [words(one) for one in as_rows(row.get("follows"))]}


def _sdk(row: Json) -> Json:
    texts = _texts(row, "service", "key", "client", "version", "released", "api_version", "breaks")
    return {**texts, "days": row.get("days"), "api_days": row.get("api_days"), "requests": row.get("requests")}


def _texts(row: Json, *names: str) -> Json:
    return {name: words(row.get(name)) for name in names}


def _scope(story: Story) -> str:
    run = story.settled_run("review")
    if run is None:
        return "no review was completed"
    steps = map(as_object, as_rows(story.plan.get("steps")))
    budget = next((as_object(step.get("params")).get("budget") or 0.0 for step in steps if step.get("id") == run.id), 0.0)
    return f"triage only: newest evidence first, within {span(float(budget))}" if budget else "full review"


def findings(told: Json) -> list[Json]:
    """Findings, worst first, then earliest."""
    rows = [_finding(as_object(row)) for row in as_rows(told.get("findings"))]
    return sorted(rows, key=lambda row: (SEVERITIES.index(row["severity"]), row["first_seen"] or ""))


def grave(story: Story) -> list[Json]:
    """Findings that are critical or high."""
    return [row for row in findings(story.reviews()) if row["severity"] in ("critical", "high")]


def _finding(row: Json) -> Json:
    severity = str(row.get("severity") or "").lower()
    text = {name: words(row.get(name)) for name in ("rule", "title", "why", "usual", "next_action")}
    return {
        **text,
        "severity": severity if severity in SEVERITIES else "medium",
        "proposed": bool(row.get("proposed")),
        "first_seen": iso(row.get("first_seen")),
        "last_seen": iso(row.get("last_seen")),
        "count": row.get("count"),
        "evidence": [words(one) for one in as_rows(row.get("evidence"))],
        "money": as_rows(row.get("money")),
        "amounts": [amount(part) for part in as_rows(row.get("money"))],
    }


def amount(part: Any) -> str:
    """`{"currency": "usd", "amount": 4200}` as `42.00 USD`."""
    told = as_object(part)
    return money(told.get("currency", "?"), told.get("amount")) if told else words(part)


def _source(row: Json) -> Json:
    gaps = [_gap(gap) for gap in as_rows(row.get("gaps"))]
    return {
        "source": words(row.get("source")) or "unnamed source",
        "from": iso(row.get("from")),
        "to": iso(row.get("to")),
        "rows": row.get("rows") if isinstance(row.get("rows"), int) else None,
        "gaps": gaps,
        "blind_to": words(row.get("blind_to")),
    }


def _gap(gap: Any) -> str:
    ends = gap if isinstance(gap, list) else [as_object(gap).get("from"), as_object(gap).get("to")]
    when = f"{utc(ends[0])} to {utc(ends[1])}" if len(ends) == 2 and all(iso(end) for end in ends) else ""
    why = words(as_object(gap).get("why"))
    return ": ".join(part for part in (when, why) if part) or words(gap)


def leftovers(story: Story) -> list[Json]:
    """What an attacker left behind, from review and sweep together, worst first; `state`: `owed` (still to undo), gone, or not decided."""
    rows: dict[tuple[str, str], Json] = {}
    for source in ("triage", "review", "sweep"):
        for row in map(as_object, as_rows(as_object(story.facts.get(source)).get("leftovers"))):
            rows[words(row.get("kind")), words(row.get("id"))] = row
    with_debt = {debt.about for debt in story.debts if debt.kind == "leftover"}
    swept = as_object(story.facts.get("sweep"))
    there = {words(as_object(row).get("id")) for row in as_rows(swept.get("leftovers"))}
    looked = [words(kind) for kind in as_rows(swept.get("looked"))]
    gone = {key for key in rows if key[1] not in there | with_debt and any(fnmatchcase(key[0], kind) for kind in looked)}
    told = [_leftover(row, GONE if key in gone else "owed" if key[1] in with_debt else "") for key, row in rows.items()]
    return sorted(told, key=lambda row: SEVERITIES.index(row["severity"]))


def _leftover(row: Json, state: str) -> Json:
    severity = str(row.get("severity") or "").lower()
    text = {name: words(row.get(name)) for name in ("kind", "id", "why", "undo")}
    return {
        **text,
        "created": iso(row.get("created")),
        "severity": severity if severity in SEVERITIES else "medium",
        "state": state or "not decided",
    }


def _hour(row: Json) -> Json:
    at, count, usual = iso(row.get("at") or row.get("from") or row.get("hour")), row.get("requests", row.get("count")), row.get("usual")
    if at is None or isinstance(count, bool) or not isinstance(count, int | float) or count < 0:
        return {}
    return {"at": at, "requests": count, "usual": usual if isinstance(usual, int | float) else None}


def flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    """An object of unknown shape as rows of a table: amounts are written out, and nested names are joined by `·`."""
    if value is None:
        return [(name, "cannot be told")]
    if isinstance(value, dict) and not {"currency", "amount"} <= set(value):
        deeper = (row for key, part in value.items() for row in flat(part, f"{name} · {label(key)}" if name else label(key)))
        return list(deeper)
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        return [(name, "; ".join(_moved(as_object(p)) if "currency" in as_object(p) else words(p) for p in value))]
    return [(name, amount(value) if isinstance(value, dict) else words(value) or "none")]


def _moved(part: Json) -> str:
    """`3 × payout: 900.00 USD (cancel it while it is pending)`."""
    count, what, way_back = part.get("count"), words(part.get("what")), words(part.get("reversible"))
    head = f"{count} × {what}: " if what and count else f"{what}: " if what else ""
    return head + amount(part) + (f" (reversible: {way_back})" if way_back else "")


def missed_consumers(story: Story) -> list[Json]:
    """Signs of a consumer that is not listed, or that fell back to the old key: `{source, said}`."""
    watch, quiet = as_object(story.facts.get("watch")), as_object(story.facts.get("quiet"))
    rows = [{"source": words(name), "said": "fails since the kill"} for name in as_rows(watch.get("failing"))]
    if quiet.get("used_at"):
        said = f"used the old key at {utc(quiet['used_at'])}, after every listed service had moved"
        users = as_object(quiet.get("users"))
        known = [f"{words(name)}: ours" for name in as_rows(users.get("ours"))]
        known += [f"{words(name)}: a stranger" for name in as_rows(users.get("strangers"))]
        rows += [{"source": name, "said": said} for name in known or ["somebody: a stranger, or a consumer that is not listed"]]
    for row in as_rows(story.facts.get("missed_consumers")) + as_rows(watch.get("missed_consumers")):
        told = as_object(row)
        rows.append({"source": words(told.get("source") or row), "said": words(told.get("said")) or "still called with the dead key"})
    return rows


def moving_money(story: Story) -> list[Json]:
    """Movements of money that could still be stopped when containment looked: `{id, kind, why, undo}`."""
    rows = map(as_object, as_rows(as_object(story.facts.get("money")).get("moving")))
    return [{name: words(row.get(name)) for name in ("id", "kind", "why", "undo")} for row in rows]
