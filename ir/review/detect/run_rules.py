"""Run rules to findings: one query per rule, with at most `SHOWN` rows of evidence for each entity."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import zip_longest

from ir.core.model import Finding, Json
from ir.core.wording import counted
from ir.review.detect.rules import LEVELS, Rule, RuleParameters
from ir.review.sql.engine import Engine, Row

SHOWN = 50
"""The most ids that a finding cites."""
_ENTITIES = 400

_HITS = """
SELECT entity, CAST(ts AS BIGINT) AS ts, evidence, currency, CAST(amount AS BIGINT) AS amount,
  CAST(seen AS DOUBLE) AS seen, CAST(usual AS DOUBLE) AS usual, level FROM ({sql}) z
"""

_WRAP = """
WITH one AS (SELECT entity, level, evidence, MIN(ts) AS ts, MAX(currency) AS currency, MAX(amount) AS amount,
  MAX(seen) AS seen, MAX(usual) AS usual
  FROM {hits} GROUP BY entity, level, evidence),
n AS (SELECT entity, level, ts, evidence, currency, amount,
  ROW_NUMBER() OVER (PARTITION BY entity, level ORDER BY ts, evidence) AS rn,
  ROW_NUMBER() OVER (PARTITION BY entity, level, currency ORDER BY ts, evidence) AS crn,
  COUNT(*) OVER (PARTITION BY entity, level) AS hits,
  MIN(ts) OVER (PARTITION BY entity, level) AS first_ts, MAX(ts) OVER (PARTITION BY entity, level) AS last_ts,
  MAX(seen) OVER (PARTITION BY entity, level) AS seen, MAX(usual) OVER (PARTITION BY entity, level) AS usual,
  SUM(amount) OVER (PARTITION BY entity, level, currency) AS money FROM one)
SELECT entity, level, ts, evidence, currency, amount, rn, crn, hits, first_ts, last_ts, seen, usual, money
FROM n WHERE rn <= {shown} OR crn = 1 ORDER BY hits DESC, entity, level, rn LIMIT {limit}
"""


@dataclass(frozen=True)
class Hit:
    """A finding, and the properties of its rule that the verdict needs; `moments` are (epoch seconds, evidence id)."""

    finding: Finding
    rule: Rule
    entity: str
    moments: tuple[tuple[int, str], ...] = ()


def run_rules(
    engine: Engine, rules: Iterable[Rule], parameters: RuleParameters, have: set[str], progress: Callable[[str], None]
) -> tuple[list[Hit], list[str]]:
    """Run what can run; returns hits and the ids of rules whose sources are missing.

    Keeps `flagged`, evidence of rules that judge writes, and `misused`, evidence of all; of medium severity and more.
    """
    hits: list[Hit] = []
    blind: list[str] = []
    kept: list[tuple[str, str]] = []
    for rule in rules:
        if not set(rule.needs) <= have:
            blind.append(rule.id)
            continue
        progress(f"rule {rule.id}")
        for name, sql in rule.tables(parameters).items():
            engine.keep(name, sql)
        table = f"hits_{len(kept)}"
        engine.keep(table, _HITS.format(sql=rule.query(parameters)))
        if not engine.rows(f"SELECT 1 AS one FROM {table} LIMIT 1"):  # most rules find nothing, and that is cheap to ask
            continue
        found = fold(rule, engine.rows(_WRAP.format(hits=table, shown=SHOWN, limit=SHOWN * _ENTITIES)))
        hits += found
        kept.append((rule.judges, f"SELECT evidence FROM {table} WHERE level NOT IN ('low', 'informational')"))
    nothing = ["SELECT request_id AS evidence FROM probes WHERE 1 = 0"]
    for name, selects in (("flagged", [sql for judges, sql in kept if judges == "writes"]), ("misused", [sql for _, sql in kept])):
        engine.keep(name, "SELECT DISTINCT evidence FROM (" + " UNION ALL ".join(selects or nothing) + ") x")
    return hits, blind


def fold(rule: Rule, rows: list[Row]) -> list[Hit]:
    """Rows of one rule → one hit per severity; the entities with the most rows are named."""
    groups: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        level = str(row[1]) or rule.level
        groups[level if level in LEVELS else rule.level][str(row[0])].append(row)
    return [_hit(rule, level, entities) for level, entities in groups.items()]


_COUNTED = re.compile(r"\{hits\} (\w+)\(s\)")
"""A rule writes `{hits} request(s)`; a person reads `1 request`."""


def _hit(rule: Rule, level: str, entities: dict[str, list[Row]]) -> Hit:
    names = sorted(entities, key=lambda name: -int(entities[name][0][8]))
    first, rows = entities[names[0]][0], [row for name in names for row in entities[name]]
    hits = sum(int(entities[name][0][8]) for name in names)
    named = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    evidence = _spread([[str(row[3]) for row in entities[name] if row[3]] for name in names])
    why = _COUNTED.sub(lambda found: counted(hits, found[1]), rule.why).format(
        entity=named, hits=hits, seen=_short(first[11]), usual=_short(first[12])
    )
    finding = Finding(
        rule=rule.id,
        severity=level,
        title=rule.title,
        why=why,
        usual=(f"{_short(first[12])} here. " if "{usual}" in rule.why else "") + rule.usual + _innocent(rule),
        first_seen=min(int(row[9]) for row in rows),
        last_seen=max(int(row[10]) for row in rows),
        count=hits,
        evidence=tuple(evidence[:SHOWN]),
        money=_money(rows),
        next_action=rule.next,
    )
    moments = tuple((int(row[2]), str(row[3])) for row in sorted(rows, key=lambda r: int(r[2]))[:SHOWN])
    return Hit(finding, rule, names[0], moments)


def _innocent(rule: Rule) -> str:
    return f" It may also be {' or '.join(rule.falsepositives)}." if rule.falsepositives else ""


def _spread(lists: list[list[str]]) -> list[str]:
    """One of each entity, then the second of each, and so on, so that every entity's evidence is shown."""
    turns = (part for turn in zip_longest(*lists) for part in turn if part is not None)
    return list(dict.fromkeys(turns))


def _money(rows: list[Row]) -> tuple[Json, ...]:
    totals: dict[str, int] = defaultdict(int)
    for row in rows:
        if int(row[7]) == 1 and row[4] and int(row[13]):
            totals[str(row[4])] += int(row[13])
    return tuple({"currency": currency, "amount": amount} for currency, amount in sorted(totals.items()))


def _short(value: object) -> str:
    number = float(str(value))
    return f"{number:.0f}" if number == int(number) or number >= 100 else f"{number:.2g}"
