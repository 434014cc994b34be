"""Drafts of notifications, filled with facts of the record; unknown facts say *unknown*. A person reads, completes and sends them."""

from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ir.core.model import Json
from ir.core.resources import shipped_folder
from ir.core.secret import scrub
from ir.incident.ladder import RUNGS
from ir.report import escape, formatting

DRAFTS = ("authority", "customers", "acquirer", "stripe", "internal")
"""The recipients; each has a template `notice-NAME.md.j2`."""


def draft(told: Json, to: str) -> str:
    """The text for one of `DRAFTS`, in Markdown, from the report as one document.

    Raises:
        ValueError: `to` is none of them.
    """
    if to not in DRAFTS:
        raise ValueError(f"a draft is one of {', '.join(DRAFTS)}, not `{to[:20]}`")
    clocks = {row["id"]: row for row in told["deadlines"]}
    rungs = {**dict.fromkeys(RUNGS), **{row["rung"]: row for row in told["ladder"] if row["counts"]}}
    reach = [row for row in told["potential"]["categories"] if row["reachable"] is not False]
    return scrub(_environment().get_template(f"notice-{to}.md.j2").render(r=told, clocks=clocks, rungs=rungs, reach=reach))


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(shipped_folder("templates")),
        auto_reload=False,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown: `finalize` escapes
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters.update({"utc": _utc, "code": escape.code})
    return made


def _shown(value: object) -> str:
    """A fact, never left empty: an unknown one says so."""
    return "*unknown*" if value in (None, "", "unknown") else str(escape.escape(value))


def _utc(value: object) -> str | None:
    return formatting.utc(value) if value else None
