"""Geometry of the two pictures; the templates draw them as inline SVG, so that every text is escaped there."""

from ir.core.model import Json
from ir.report.formatting import moment, span, utc
from ir.report.source import Story

WIDTH = 960
_EDGE = 62
_BARS_TOP, _BARS_FLOOR, _MOST_BARS = 12.0, 132.0, 240


def glance(story: Story, milestones: list[Json]) -> Json:
    """Milestones at equal distances (seconds and days share one line), with the time between them written out.

    `{width, points: [{x, known, lines, time, date, id}], segments: [{x1, x2, mid, state, gap}]}`; the state of a segment is
    `open` (strangers can use the key), `contained`, `dead`, or `unknown`.
    """
    step = (WIDTH - 2 * _EDGE) / max(len(milestones) - 1, 1)
    points, shown_date = [], ""
    for index, row in enumerate(milestones):
        point = _point(story, row, _EDGE + index * step)
        point["date"] = "" if point["date"] == shown_date else point["date"]
        shown_date = point["date"] or shown_date
        points.append(point)
    segments, state = [], "unknown"
    for index, row in enumerate(milestones[:-1]):
        state = _state_after(row, state)
        segments.append(_segment(points[index], points[index + 1], row, milestones[index + 1], state))
    return {"width": WIDTH, "points": points, "segments": segments}


def _point(story: Story, row: Json, x: float) -> Json:
    first, _, rest = row["name"].partition(" ")
    date, _, clock = utc(row["epoch"]).removesuffix(" UTC").partition(" ")
    known = row["epoch"] is not None
    missing = "unknown" if row["id"] == "exposed" else "not done" if story.ended or story.rehearsal else "not yet"
    about = {"x": round(x, 1), "known": known, "id": row["id"], "lines": [first, rest]}
    return {**about, "time": clock if known else missing, "date": date if known else ""}


def _state_after(row: Json, state: str) -> str:
    if row["id"] in ("exposed", "opened") and state == "unknown":
        return "open"
    if row["epoch"] is None:
        return state
    if row["id"] == "contained" and state != "dead":
        return "contained"
    return "dead" if row["id"] in ("first_401", "proven") else state


def _segment(left: Json, right: Json, before: Json, after: Json, state: str) -> Json:
    known = before["epoch"] is not None and after["epoch"] is not None
    gap = f"+{span(after['epoch'] - before['epoch'])}" if known else ""
    mid = round((left["x"] + right["x"]) / 2, 1)
    return {"x1": left["x"], "x2": right["x"], "mid": mid, "state": state, "sure": known, "gap": gap}


def requests(hours: list[Json], findings: list[Json]) -> Json:
    """Requests per hour against what is usual, findings marked, the worst in front; empty when the review holds no counts.

    `{width, bars: [{x, y, w, h, said}], usual: "x,y x,y …", marks: [{x, severity, said}], top, from, to}`
    """
    rows = sorted(({**row, "epoch": moment(row["at"]) or 0.0} for row in hours), key=lambda row: row["epoch"])[-_MOST_BARS:]
    if len(rows) < 2:
        return {}
    start, end = rows[0]["epoch"], rows[-1]["epoch"] + 3600
    top = max([row["requests"] for row in rows] + [row["usual"] or 0 for row in rows]) or 1
    scale, height = (WIDTH - 2 * _EDGE) / (end - start), _BARS_FLOOR - _BARS_TOP
    bars = [_bar(row, start, scale, height / top) for row in rows]
    usual = [
        f"{bar['x'] + bar['w'] / 2:.1f},{_BARS_FLOOR - row['usual'] * height / top:.1f}"
        for bar, row in zip(bars, rows, strict=True)
        if row["usual"] is not None
    ]
    return {
        "width": WIDTH,
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
    x, width = _EDGE + (row["epoch"] - start) * scale, max(3600 * scale - 1, 0.6)
    said = f"{utc(row['epoch'])}: {row['requests']:,.0f} requests, {usual}"
    return {"x": round(x, 1), "y": round(_BARS_FLOOR - height, 1), "w": round(width, 1), "h": round(height, 1), "said": said}


def _mark(row: Json, start: float, end: float, scale: float) -> Json:
    at = moment(row["first_seen"])
    if at is None or not start <= at <= end:
        return {}
    return {"x": round(_EDGE + (at - start) * scale, 1), "severity": row["severity"], "said": f"{row['severity']}: {row['title']}"}
