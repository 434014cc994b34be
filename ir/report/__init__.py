"""The incident report, for a manager and an auditor alike: HTML, Markdown or JSON, from the audit entries alone.

The same entries give the same bytes: no clock, no network, nothing that is not in the record. What the record does not
hold is called unknown or not checked, never left out.
"""

from collections.abc import Sequence
from functools import cache

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ir.core import wording
from ir.core.model import Json
from ir.core.resources import shipped_folder
from ir.core.secret import scrub
from ir.incident.record import Incident
from ir.report import charts, document, escape, exposure, formatting, misuse
from ir.report.source import Story

FORMATS = ("html", "md", "json")


def render(incident: Incident, fmt: str, entries: Sequence[Json] = (), *, anchor: str = "", checkpoints: Sequence[Json] = ()) -> str:
    """The report of an incident, finished or not.

    Args:
        incident: the fold of its entries.
        fmt: one of `FORMATS`.
        entries: the entries themselves; without them the chain is reported as not checked, and rows carry no hash.
        anchor: head hash that is kept outside, empty when there is none: then the evidence is *unanchored*.
        checkpoints: what was signed of the entries, purges of evidence files included.

    Raises:
        ValueError: `fmt` is none of `FORMATS`.
    """
    if fmt not in FORMATS:
        raise ValueError(f"a report is one of {', '.join(FORMATS)}, not `{fmt[:20]}`")
    story = Story(incident, entries, anchor, checkpoints)
    return _drawn(story, document.document(story), fmt)


def render_all(incident: Incident, entries: Sequence[Json] = (), *, anchor: str = "", checkpoints: Sequence[Json] = ()) -> dict[str, str]:
    """The report in every one of `FORMATS`, told once; arguments as of `render`."""
    story = Story(incident, entries, anchor, checkpoints)
    told = document.document(story)
    return {fmt: _drawn(story, told, fmt) for fmt in FORMATS}


def load() -> None:
    """Read and compile the templates, which takes as long as to draw several reports; free to repeat."""
    _html().get_template("report.html.j2")
    for page in ("report.md.j2", "bundle.md.j2"):
        _markdown().get_template(page)


def readme(told: Json, state: str, tables: Sequence[str]) -> str:
    """The page that tells people what is in a bundle; `state` says why `affected.csv` has the rows that it has."""
    return scrub(_markdown().get_template("bundle.md.j2").render(r=told, state=state, tables=tables))


def page(template: str, told: Json, fmt: str) -> str:
    """Another document in the reports' own look; every string of it is taken for a stranger's.

    Args:
        template: name of two templates, `.html.j2` and `.md.j2`.
        told: what they show as `r`.
        fmt: one of `FORMATS`.
    """
    tame = escape.Tamer()(told)
    if fmt == "json":
        return orjson.dumps(tame, option=orjson.OPT_INDENT_2).decode() + "\n"
    made = _markdown() if fmt == "md" else _html()
    return scrub(made.get_template(f"{template}.{fmt}.j2").render(r=tame))


def _drawn(story: Story, told: Json, fmt: str) -> str:
    if fmt == "json":
        text = orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n"
    elif fmt == "md":
        text = _markdown().get_template("report.md.j2").render(r=told)
    else:
        drawn = {
            "milestones": charts.line(story, told["milestones"]),
            "open": charts.line(story, exposure.open_line(story)),
            "requests": charts.requests(told["review"]["hours"], told["findings"]),
        }
        text = _html().get_template("report.html.j2").render(r=told, pictures=drawn)
    # The record is free of secrets by construction and was scrubbed string by string; this last scrubbing covers the whole text.
    return scrub(text)


@cache
def _html() -> Environment:
    return _environment(autoescape=True)


@cache
def _markdown() -> Environment:
    made = _environment(autoescape=False)
    made.finalize = lambda value: escape.escape("unknown" if value is None else value)
    made.filters["code"] = escape.code
    made.filters["link"] = lambda url: escape.Markdown(f"<{url}>")  # of our own tables alone, never of a host
    return made


def _environment(*, autoescape: bool) -> Environment:
    made = Environment(
        loader=FileSystemLoader(shipped_folder("templates")),
        auto_reload=False,
        undefined=StrictUndefined,
        autoescape=autoescape,  # noqa: S701 - off for Markdown only, where `finalize` escapes
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: "unknown" if value is None else value,
    )
    told = {"utc": formatting.utc, "span": formatting.span, "counted": wording.counted, "flat": misuse.flat, "label": formatting.label}
    made.filters.update({**told, "spaced": _spaced, "css": _css})
    return made


def _css(text: str) -> Markup:
    """Text for the inside of a string of a style sheet.

    Everything but letters and digits becomes a number, so no character ends the string.
    """
    return Markup("".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):x} " for c in text))  # noqa: S704 - letters, digits, `\`, space


def _spaced(text: str) -> Markup:
    """Let long references break after `/`, `#` and `.`, so that tables keep their width."""
    safe = Markup.escape(text)
    for mark in ("/", "#", "."):
        safe = safe.replace(mark, mark + Markup("<wbr>"))
    return safe
