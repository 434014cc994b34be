"""List the money that can still be stopped."""

from ir.core.model import Json
from ir.review.collect.leftover_kinds import MONEY_KINDS, leftover, page
from ir.review.collect.leftover_sweep import Swept
from ir.review.judge.blast_radius import shown

_DONE = frozenset({"paid", "canceled", "failed", "succeeded", "reversed"})


def list_moving(swept: Swept, since: int, *, test: bool) -> tuple[Json, ...]:
    """Pending manual and instant payouts, transfers, new destinations and accounts since the exposure, largest first."""
    rows = []
    for row in swept.rows:
        if row["kind"] not in MONEY_KINDS or row["status"] in _DONE or (row["ts"] and row["ts"] < since):
            continue
        if row["kind"] == "external_account" and not row["ts"]:
            continue  # without a time of creation it is as likely our own
        amount = shown(row["amount"], row["currency"]) if row["currency"] else ""
        said = " ".join(part for part in (amount, row["status"], row["detail"]) if part)
        money = [{"currency": row["currency"], "amount": row["amount"]}] if row["currency"] else []
        found = leftover(row["kind"], row["id"], row["ts"], detail=said)
        rows.append({**found, "undo": f"{found['undo']}: {page(row['kind'], row['id'], test=test)}", "money": money})
    return tuple(sorted(rows, key=lambda r: -(r["money"][0]["amount"] if r["money"] else 0)))
