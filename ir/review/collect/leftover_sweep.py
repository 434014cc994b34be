"""Sweep the lists of everything that an attacker could have left behind, and of money on its way."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from ir.core.concurrency import each
from ir.core.model import Json
from ir.core.secret import scrub
from ir.review.collect.collector import Collector
from ir.review.collect.leftover_kinds import SWEEPS, LeftoverList, whole
from ir.review.collect.pages import epoch

_MOST_ACCOUNTS = 20
_YEAR = 366 * 86400
_YEAR_9999 = 253_370_764_800
_ACCOUNT = re.compile(r"acct_[A-Za-z0-9]{1,40}")


@dataclass
class Swept:
    """Rows in the form of `objects`, and the kinds that could not be read (kind → why)."""

    rows: list[Json] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)
    read: int = 0


def sweep_lists(
    collector: Collector,
    since: int,
    account: str,
    known_webhooks: tuple[str, ...],
    progress: Callable[[str], None],
    kinds: tuple[str, ...] = (),
) -> Swept:
    """Read the lists side by side. A list that is refused or absent is noted, never an error.

    Only the payout destinations of connected accounts have to wait for a list: the one that names them.
    """
    wanted = [sweep for sweep in SWEEPS if not kinds or sweep.kind in kinds]
    swept = Swept()

    def one(sweep: LeftoverList) -> tuple[LeftoverList, list[Json], str]:
        rows, why = collector.objects(sweep.path, since, created=sweep.created, extra=sweep.extra)
        progress(f"list {sweep.path}: {len(rows)}")
        return sweep, rows, why

    def lists() -> None:
        for sweep, rows, why in each(wanted, one):  # the collector keeps the pace, however many threads ask
            if why:
                swept.unread[sweep.kind] = why
            swept.read += not why or bool(rows)
            swept.rows += [_row(sweep.kind, row, known_webhooks) for row in rows if sweep.wanted(row)]

    habits: list[Json] = []
    own = Swept()
    beside: list[Callable[[], None]] = [lists]
    destinations = not kinds or "external_account" in kinds
    if destinations:
        beside.append(lambda: _own_destinations(collector, own, account))
    if not kinds:
        beside.append(lambda: habits.extend(_payout_habits(collector, since)))
    each(beside, lambda read: read())
    swept.rows += own.rows
    swept.unread |= own.unread
    if destinations:
        _destinations_of_new_accounts(collector, swept, account)
    swept.rows += habits
    return swept


def _payout_habits(collector: Collector, since: int) -> list[Json]:
    """Payouts by hand in the year before: events reach back one month, and some people pay out every quarter."""
    rows, _ = collector.objects("/v1/payouts", max(since - _YEAR, 0))
    by_hand = [row for row in rows if row.get("automatic") is False or row.get("method") == "instant"]
    return [
        {**_row("payout_history", row, ()), "detail": f"{_text(row.get('method'))}{_text(row.get('destination'))}"}
        for row in by_hand
        if whole(row.get("created")) < since
    ]


def _own_destinations(collector: Collector, swept: Swept, account: str) -> None:
    """Payout destinations of the account itself."""
    if not _ACCOUNT.fullmatch(account):
        swept.unread["external_account"] = "of the account itself: its id is not known (--account acct_…)"
        return
    _destinations(collector, swept, {account: 0}, account)


def _destinations_of_new_accounts(collector: Collector, swept: Swept, account: str) -> None:
    """Payout destinations of connected accounts that are new: they are as new as their account."""
    fresh = {str(row["id"]): int(row["ts"]) for row in swept.rows if row["kind"] == "connected_account"}
    holders = {name: made for name, made in fresh.items() if name != account and _ACCOUNT.fullmatch(name)}
    asked = dict(list(holders.items())[:_MOST_ACCOUNTS])
    _destinations(collector, swept, asked, account)
    if len(holders) > len(asked):
        swept.unread["external_account"] = f"of connected accounts, only those of the newest {_MOST_ACCOUNTS} were read"


def _destinations(collector: Collector, swept: Swept, holders: dict[str, int], account: str) -> None:
    """Of these accounts, each with the time when it was made."""
    asked = list(holders)
    found = each(asked, lambda holder: collector.objects(f"/v1/accounts/{holder}/external_accounts", 0, created=False))
    for holder, (rows, why) in zip(asked, found, strict=True):
        if why:
            swept.unread["external_account"] = why
        for row in (_row("external_account", row, ()) for row in rows):
            swept.rows.append({**row, "ts": row["ts"] or holders[holder], "account": "" if holder == account else holder})


def _row(kind: str, row: Json, known_webhooks: tuple[str, ...]) -> Json:
    """The fields that judging needs: no secret of a webhook, no name of a person."""
    hook = row.get("webhook_endpoint")
    url = str(row.get("url") or (hook.get("url") if isinstance(hook, dict) else "") or "")
    stamp = row.get("created")
    return {
        "ts": epoch(stamp) if isinstance(stamp, str) else whole(stamp),
        "kind": kind,
        "id": str(row.get("id") or "")[:80],
        "status": "reversed" if row.get("reversed") is True else str(row.get("status") or "")[:40],
        "amount": whole(row.get("amount")),
        "currency": str(row.get("currency") or "")[:10],
        "customer": _text(row.get("customer")),
        "url": _address(url),
        "known": int(bool(url) and (url in known_webhooks or url.rstrip("/") in {w.rstrip("/") for w in known_webhooks})),
        "account": "",
        "detail": _text(row.get("method") or row.get("destination") or row.get("type")) + _due(row.get("arrival_date")),
    }


def _text(value: object) -> str:
    return scrub(str(value))[:80] if isinstance(value, str) else ""


def _due(arrival: object) -> str:
    """The latest time at which a payout can be stopped, where Stripe says it."""
    at = whole(arrival)
    return f", arrives {datetime.fromtimestamp(at, UTC).date()}" if 0 < at < _YEAR_9999 else ""


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "unreadable"
    return scrub(f"{parts.scheme}://{parts.hostname or ''}{parts.path}")[:200] if parts.scheme else ""
