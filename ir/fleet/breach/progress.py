"""The state of a breach as one document: every item with its outcome, and the totals of each place. Pure."""

import time
from collections.abc import Mapping, Sequence

from ir.core.model import Json
from ir.fleet.breach.item import WORDS, BreachItem, DangerRank

SCHEMA = "ir-breach/1"
_OPEN = "still to do"


def document(campaign: Json, about: Json, created_at: float = 0.0, actor: str = "") -> Json:
    """`{schema, campaign, status, left, places[], items[], …}`; `status` is of the keys alone, `left` counts what only people can replace.

    Args:
        campaign: the campaign's own document (`ir campaign status --json`), {} before there is one.
        about: what is kept of the breach (`book.told`).
        created_at: epoch seconds.
        actor: who began it.
    """
    children = {row["key"]: row for row in campaign.get("keys", [])}
    rows = [_row(BreachItem.from_json(item), children, about["done"]) for item in about["items"]]
    servers = sorted({server for row in rows for server in row["servers"]})
    return {
        "schema": SCHEMA,
        "campaign": campaign.get("campaign", ""),
        "status": campaign.get("status", "not begun"),
        "said": campaign.get("said", ""),
        "exit_code": campaign.get("exit_code", 0),
        "policy": campaign.get("about", {}).get("policy", ""),
        "reason": campaign.get("about", {}).get("reason", ""),
        "begun_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(created_at)) if created_at else None,
        "by": actor,
        "left": sum(row["state"] == _OPEN for row in rows),
        "login_by": about["login_by"],
        "looked_at": about["places"],
        "places": [_place(server, rows, about["closed"]) for server in servers],
        "items": rows,
    }


def _row(item: BreachItem, children: Mapping[str, Json], done: Mapping[str, Json]) -> Json:
    """An item with its state: a child's, or what a person said of it."""
    child = children.get(item.key) if item.key else None
    said_by = done.get(item.name, {})
    if child is not None:
        state = str(child["state"])
    elif item.danger is DangerRank.HARMLESS:
        state = "nothing to do"
    else:
        state = f"done, says {said_by['by']}" if said_by else _OPEN
    told = {"state": state, "incident": child["incident"] if child else "", "said": child["said"] if child and state != "done" else ""}
    return {**item.to_json(), "what": WORDS[item.danger], "danger": item.danger.name.lower(), "ours": item.ours, **told}


def _place(server: str, rows: Sequence[Json], closed: Mapping[str, str]) -> Json:
    """One place: its keys and how many are replaced, what else lay there and how much of that is done, who says that it is closed."""
    mine = [row for row in rows if server in row["servers"]]
    keys = [row for row in mine if row["ours"]]
    others = [row for row in mine if not row["ours"] and row["state"] != "nothing to do"]
    return {
        "place": server,
        "closed_by": closed.get(server, ""),
        "keys": len(keys),
        "replaced": sum(row["state"] == "done" for row in keys),
        "waiting": sum(row["state"] == "waiting" for row in keys),
        "others": len(others),
        "others_done": sum(row["state"].startswith("done") for row in others),
        "harmless": len(mine) - len(keys) - len(others),
    }


def finished(told: Json) -> bool:
    """Whether nothing is left to do anywhere."""
    return all(row["keys"] == row["replaced"] and row["others"] == row["others_done"] for row in told["places"])
