"""Geometry of the pictures: time lines are lists that CSS draws, the bars are inline SVG; the templates escape every text."""

from ir.core.model import Json
from ir.report.exposure import contained_at
from ir.report.formatting import moment, span, utc
from ir.report.source import Story

WIDTH, HEIGHT = 960, 132
"""Of the bars, in their own units: the page stretches them to the room that there is."""
_MOST_BARS = 240


def line(story: Story, milestones: list[Json]) -> list[Json]:
    """Points at equal distances (seconds and days share one line): `{id, name, known, time, date, gap, state, sure}`.

    `gap` is the time since the known point before, written out; `state` is that of the key from this point to the next: `open`
    (strangers can use it), `contained`, `dead`, or `unknown`; `sure` when that stretch lies between known points.
    """
    points: list[Json] = []
    last_known = max((place for place, row in enumerate(milestones) if row["epoch"] is not None), default=-1)
    state, before = "unknown", None
    for place, row in enumerate(milestones):
        state = _state_after(story, row, state)
        points.append({**_point(story, row, before), "state": state})
        before = row["epoch"] if row["epoch"] is not None else before
        points[-1]["sure"] = before is not None and place < last_known
    return points


def _point(story: Story, row: Json, before: float | None) -> Json:
    """`before`: the time of the known point before, None for the first; a day is named where it begins."""
    at = row["epoch"]
    about = {"id": row["id"], "name": row["name"], "known": at is not None}
    if at is None:
        return {**about, "time": _missing(story, row["id"]), "date": "", "gap": ""}
    date, _, clock = utc(at).removesuffix(" UTC").partition(" ")
    gap = "" if before is None else f"+{span(at - before)}"
    return {**about, "time": clock, "date": "" if date == utc(before).partition(" ")[0] else date, "gap": gap}


def _missing(story: Story, id_: str) -> str:
    if id_ == "exposed":
        return "unknown"
    if not story.ended and not story.dry_run:
        return "not yet"
    return "not proven" if id_ == "proven" and not story.dry_run else "not done"


def _state_after(story: Story, row: Json, state: str) -> str:
    if row["id"] in ("exposed", "opened") and state == "unknown":
        return "open"
    if row["epoch"] is None:
        return state
    if row["id"] == "contained" and state != "dead":
        return "contained" if contained_at(story) is not None else state
    return "dead" if row["id"] in ("first_401", "proven") else state


def requests(hours: list[Json], findings: list[Json]) -> Json:
    """Requests per hour beside the usual number, with findings marked, the worst in front; empty when the review counted nothing.

    `{width, height, bars: [{x, y, w, h, said}], usual: "x,y x,y …", marks: [{x, severity, said}], top, from, to}`
    """
    rows = sorted(({**row, "epoch": moment(row["at"]) or 0.0} for row in hours), key=lambda row: row["epoch"])[-_MOST_BARS:]
    if len(rows) < 2:
        return {}
    start, end = rows[0]["epoch"], rows[-1]["epoch"] + 3600
    top = max([row["requests"] for row in rows] + [row["usual"] or 0 for row in rows]) or 1
    scale, height = WIDTH / (end - start), HEIGHT
    bars = [_bar(row, start, scale, height / top) for row in rows]
    usual = [
        f"{bar['x'] + bar['w'] / 2:.1f},{HEIGHT - row['usual'] * height / top:.1f}"
        for bar, row in zip(bars, rows, strict=True)
        if row["usual"] is not None
    ]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "bars": bars,
        "usual": " ".join(usual),
        "marks": [mark for row in reversed(findings) if (mark := _mark(row, start, end, scale))],
        "top": f"{top:,.0f}",
        "from": utc(start),
        "to": utc(end),
    }


def _bar(row: Json, start: float, scale: float, unit: float) -> Json:
    height = row["requests"] * unit
    usual = "no baseline" if row["usual"] is None else f"usual {row['usual']:,.0f}"
    x, width = (row["epoch"] - start) * scale, max(3600 * scale - 1, 0.6)
    said = f"{utc(row['epoch'])}: {row['requests']:,.0f} requests, {usual}"
    return {"x": round(x, 1), "y": round(HEIGHT - height, 1), "w": round(width, 1), "h": round(height, 1), "said": said}


def _mark(row: Json, start: float, end: float, scale: float) -> Json:
    at = moment(row["first_seen"])
    if at is None or not start <= at <= end:
        return {}
    return {"x": round((at - start) * scale, 1), "severity": row["severity"], "said": f"{row['severity']}: {row['title']}"}
