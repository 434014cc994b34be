"""The tables of campaigns, their children and the workers, in the database of the leases (`campaign_store` works on them)."""

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from ir.core.model import Json
from ir.fleet.campaign import Child, ChildState
from ir.storage.tables import of_a_process

META = sa.MetaData()
CAMPAIGNS = sa.Table(
    "ir_campaigns",
    META,
    sa.Column("campaign", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False, index=True),
    sa.Column("said", sa.String, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("limits", sa.JSON, nullable=False),
    sa.Column("about", sa.JSON, nullable=False),
    sa.Column("forgiven", sa.Integer, nullable=False),
)
CHILDREN = sa.Table(
    "ir_children",
    META,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("campaign", sa.String, nullable=False, index=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("key", sa.String, nullable=False),
    sa.Column("named", sa.String, nullable=False, index=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("stores", sa.JSON, nullable=False),
    sa.Column("objects", sa.JSON, nullable=False),
    sa.Column("canary", sa.Boolean, nullable=False),
    sa.Column("incident", sa.String, nullable=False, index=True),
    sa.Column("due", sa.Integer, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("owner", sa.String, nullable=False),
    sa.Column("said", sa.String, nullable=False),
    sa.Column("exit_code", sa.Integer, nullable=False),
    sa.Column("not_before", sa.Float, nullable=False),
    sa.Column("postponed", sa.Integer, nullable=False),
    sa.Column("began_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float, nullable=False),
    sa.Column("once", sa.String, unique=True),
    sa.Column("setting", sa.JSON, nullable=False),
)
WORKERS = sa.Table(
    "ir_workers",
    META,
    sa.Column("executor", sa.String, primary_key=True),
    *of_a_process(),
    sa.Column("said", sa.String, nullable=True),
)
SHOWN = [column for column in CHILDREN.c if column.name not in ("setting", "once")]
"""The columns of a child that a listing needs: not the setting of its incident, which is long."""


def only(campaign: str) -> sa.ColumnElement[bool]:
    """The scope of one campaign."""
    return CAMPAIGNS.c.campaign == campaign


def of_kind(*kinds: str) -> sa.ColumnElement[bool]:
    """The scope of campaigns of these kinds."""
    return CAMPAIGNS.c.kind.in_(kinds)


def child_of(row: Any) -> Child:
    """A row of `CHILDREN` in the form that the rules work on."""
    found = {**row, "state": ChildState(row["state"]), "stores": tuple(row["stores"]), "objects": tuple(row["objects"])}
    return Child(**found)


def row_of(child: Child, campaign: str, setting: Json) -> Json:
    """A row of `CHILDREN` to insert; the table gives it its id."""
    row: Json = {**asdict(child), "campaign": campaign, "state": child.state.value, "setting": setting}
    row.pop("id")
    row |= {"stores": list(child.stores), "objects": list(child.objects)}
    row["once"] = f"{child.named} {child.due} {child.attempt}" if child.due else None
    return row
