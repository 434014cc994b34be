"""From what a review tells of used endpoints (`Reviewed.used`) to permissions, and how far that can be relied on."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ir.core.errors import Refused
from ir.core.model import Json
from ir.core.wording import counted
from ir.permissions.derived import Derived, Times, sorted_out
from ir.permissions.uses import Use

_DAY = 86400
_LOG = {"egress": "our egress logs", "request-log": "Stripe's request log"}


def derive_used(used: Json, needs: Mapping[str, Iterable[str]], services: Iterable[str] = (), *, partial: str = "") -> Derived:
    """What a review saw used, and what services declare.

    Args:
        used: of a review that was asked for it; {} = there were no logs, and what services declare is all.
        needs: service → what it declares.
        services: all that the inventory lists for the key.
        partial: why logs that do not cover the time are accepted.

    Raises:
        Refused: the review cannot tell whether a log is whole, and that was not accepted.
    """
    lacking = gaps(used)
    if lacking and not partial:
        raise Refused(
            "the logs may not hold all calls, so a right in use may be missing: " + "; ".join(lacking),
            safe="nothing was derived",
            next_step="give the missing logs, Stripe's events or a review key, or take what there is: --accept-partial REASON",
        )
    uses = [Use(**{**row, "expands": tuple(row["expands"])}) for row in used.get("calls", ())]
    since, until, safe = (int(used.get(name, 0)) for name in ("since", "until", "safe"))
    times = Times(since, until, safe, str(used.get("how", "unknown")))
    return sorted_out(uses, needs, times, sentence(used, uses, services), partial if lacking else "")


def gaps(used: Json) -> list[str]:
    """Why the logs may not hold all calls; empty where there are none or they are whole."""
    return [
        f"{_LOG[name]}: {row['lacks'] or 'do not cover the whole time'}" for name, row in used.get("logs", {}).items() if not row["full"]
    ]


def sentence(used: Json, uses: list[Use], services: Iterable[str]) -> str:
    """The one honest sentence of coverage."""
    if not used.get("logs"):
        return "no log was read, so this is what services declare, and nothing else"
    days = max(1, round((used["until"] - used["since"]) / _DAY))
    parts = [f"{counted(days, 'day')} of logs: a job that runs more rarely is not in them"]
    if "request-log" not in used["logs"]:
        parts.append("without Stripe's request log, calls that none of our logs holds are not seen")
    seen = {use.service for use in uses if use.service}
    reading = {use.service for use in uses if use.method == "GET"}
    silent, mute = sorted(set(services) - seen), sorted(seen - reading)
    if silent and seen:
        parts.append(f"no call of {_named(silent)} is in the logs")
    if mute:
        parts.append(f"no read of {_named(mute)} is logged")
    parts.append("what a write expands is not logged")
    if used.get("left_out"):
        parts.append(f"{counted(used['left_out'], 'request')} that the review holds to be misuse left out")
    return "; ".join(parts)


def _named(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def day(ts: float) -> str:
    """`2026-11-30`."""
    return datetime.fromtimestamp(min(ts, 253_402_300_799), UTC).strftime("%Y-%m-%d")


def minute(ts: float) -> str:
    """`2026-11-30 03:10 UTC`."""
    return datetime.fromtimestamp(min(ts, 253_402_300_799), UTC).strftime("%Y-%m-%d %H:%M UTC")


def document(derived: Derived, services: Mapping[str, Any]) -> Json:
    """What `--json` prints: the derivation as `Derived.read` takes it, and the lists that follow from it."""
    return {
        "permissions": list(derived.permissions),
        "connect_permissions": list(derived.connect_permissions),
        "by_api": list(derived.by_api),
        "not_by_api": list(derived.not_by_api),
        "apart": [line.name for line in derived.apart],
        "unmapped": [endpoint for line in derived.unmapped for endpoint in line.endpoints],
        "coverage": derived.coverage,
        "complete": False,
        "services": dict(services),
        "derived": derived.document(),
    }
