"""The age of the SDKs and API versions that our programs use, as traffic shows them, and what it breaks.

Releases: `ir/review/data/sdk_releases.txt`, dated, with its sources. Versions are compared as `packaging` does.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from packaging.version import InvalidVersion, Version

from ir.core.model import Finding, Json
from ir.core.wording import counted
from ir.review.detect.window import DAY
from ir.review.sql.engine import Engine

BREAKING = (
    "2022-11-15", "2023-08-16", "2023-10-16", "2024-04-10", "2024-06-20", "2024-09-30.acacia", "2025-03-31.basil", "2025-09-30.clover",
    "2026-03-25.dahlia", "2026-09-30.endive",
)  # fmt: skip
"""API versions that are incompatible with those before (wiki pages of the SDKs; docs.stripe.com/api/versioning)."""
RULE = "V-01"
_OLD, _VERY_OLD = 2 * 365, 3 * 365
"""Days from which an age is reported, and from which it is of low severity."""
_ALWAYS_PINNED = frozenset({"go", "java", "dotnet"})
_MOST = 200

_USED = """
SELECT service, key_id, agent, agent_version, api_version, COUNT(*) AS n, MAX(ts) AS last_ts, MIN(request_id) AS request_id FROM requests
WHERE agent LIKE 'stripe-%' AND agent <> 'stripe-cli' AND agent_version <> '' AND ts > 0 AND ts < {until} AND source <> 'webhook-log'
GROUP BY service, key_id, agent, agent_version, api_version ORDER BY n DESC, service, key_id, agent, agent_version, api_version LIMIT 200
"""


@dataclass(frozen=True)
class Release:
    """One release: version, day, and the API version that it pins; "" = none is known."""

    version: Version
    day: str
    api: str


@cache
def releases() -> dict[str, tuple[Release, ...]]:
    """SDK (`python`, `node` …) → its releases, oldest first."""
    found: dict[str, list[Release]] = {}
    for line in files("ir.review").joinpath("data/sdk_releases.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            sdk, version, day, api = line.split()
            earlier = found.setdefault(sdk, [])
            earlier.append(Release(Version(version), day, earlier[-1].api if api == "-" and earlier else api.strip("-")))
    return {sdk: tuple(rows) for sdk, rows in found.items()}


def of(sdk: str, version: str) -> Release | None:
    """The release of a version, or the one before it; None: not known, or older than the data."""
    try:
        wanted, known = Version(version), releases().get(sdk, ())
    except InvalidVersion:
        return None
    at = bisect_right([one.version for one in known], wanted)
    return known[at - 1] if at else None


def ages(engine: Engine, until: int) -> tuple[Json, ...]:
    """One row for each service (or key), client and version, the oldest first.

    `{service, key, client, version, released, days, api_version, api_days, requests, last_seen, evidence, breaks, newest}`; `released`
    and `api_version` "" = not known; `days` and `api_days` −1 then.
    """
    rows = [_row(*row, until=until) for row in engine.rows(_USED.format(until=until))[:_MOST]]
    return tuple(sorted(rows, key=lambda row: (-max(row["days"], row["api_days"]), row["service"], row["client"], row["version"])))


def _row(service: str, key: str, agent: str, version: str, sent: str, n: int, last: int, request: str, *, until: int) -> Json:
    sdk = agent.removeprefix("stripe-")
    release, known = of(sdk, version), releases().get(sdk, ())
    api = sent or (release.api if release else "")
    newest = known[-1] if known else None
    return {
        "service": service,
        "key": key,
        "client": agent,
        "version": version,
        "released": release.day if release else "",
        "days": _days(release.day, until) if release else -1,
        "api_version": api,
        "api_days": _days(api[:10], until) if api else -1,
        "requests": int(n),
        "last_seen": int(last),
        "evidence": request,
        "breaks": _breaks(sdk, version, api, sent, release, until),
        "newest": str(newest.version) if newest else "",
    }


def _breaks(sdk: str, version: str, api: str, sent: str, release: Release | None, until: int) -> str:
    told = []
    if release is None:
        told.append(f"`{sdk} {version}` is older than the releases that are known here (2020), or of an unknown form")
    crossed = [one for one in BREAKING if api and one[:10] > api[:10] and one[:10] <= _day(until)]
    if crossed:
        told.append(f"an upgrade crosses {counted(len(crossed), 'API release')} with breaking changes, up to {crossed[-1]}")
    if not api and release is not None and sdk not in _ALWAYS_PINNED:
        told.append("it sends no API version: the account's default decides, and an upgrade of that changes the answers it gets")
    if not sent and api:
        told.append(f"its API version is the one that it pins ({api}), unless the code sets another")
    return "; ".join(told)


def findings(rows: tuple[Json, ...]) -> tuple[Finding, ...]:
    """One informational finding for old ones, one of low severity for very old ones; none for others."""
    found = []
    for severity, least, most in (("low", _VERY_OLD, 1 << 30), ("informational", _OLD, _VERY_OLD)):
        old = [row for row in rows if least <= max(row["days"], row["api_days"]) < most or (row["days"] < 0 and severity == "low")]
        if old:
            found.append(_finding(severity, old))
    return tuple(found)


def _finding(severity: str, old: list[Json]) -> Finding:
    named = ", ".join(dict.fromkeys(f"{_who(row)}: {row['client']} {row['version']} ({row['released'] or 'unknown'})" for row in old[:3]))
    more = f" and {len(old) - 3} more" if len(old) > 3 else ""
    return Finding(
        rule=RULE,
        severity=severity,
        title="Old SDKs and API versions are in use",
        why=f"{named}{more}; {old[0]['breaks']}".rstrip("; "),
        usual="A new SDK comes out every month; an old one lacks fixes, and an upgrade under pressure breaks more than one in quiet.",
        first_seen=min(int(row["last_seen"]) for row in old),
        last_seen=max(int(row["last_seen"]) for row in old),
        count=sum(int(row["requests"]) for row in old),
        evidence=tuple(dict.fromkeys(row["evidence"] for row in old if row["evidence"])),
        money=(),
        next_action="Not now: after the incident, upgrade these with the migration guides of their major versions (ir review stripe --sdk)",
    )


def _who(row: Json) -> str:
    return str(row["service"] or row["key"] or "a service that is not named")


def _days(day: str, until: int) -> int:
    return max(0, (until - int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())) // DAY)


def _day(ts: int) -> str:
    return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%d")
