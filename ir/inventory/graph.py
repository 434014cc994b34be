"""Draw keys, the stores that hold them and the services that read them, as Mermaid or as a picture. Pure."""

from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from ir.inventory import Inventory

_HIGH, _GAP, _BETWEEN, _MARGIN = 34, 14, 110, 20
_LETTER, _LONGEST = 8, 64
"""The width of a letter in pixels, and the most letters in a box; longer words lose their middle."""
_COLOURS = {"key": "#fde68a", "store": "#bfdbfe", "service": "#bbf7d0"}


@dataclass(frozen=True)
class Node:
    """A box; `kind` is `key`, `store` or `service`."""

    id: str
    kind: str
    words: str


@dataclass(frozen=True)
class Graph:
    """Boxes in order, and lines between their ids."""

    nodes: tuple[Node, ...]
    lines: tuple[tuple[str, str], ...]


def graph_of(source: Inventory) -> Graph:
    """Key → store → service; a store that no service reads ends there."""
    nodes: dict[str, Node] = {}
    lines: list[tuple[str, str]] = []

    def node(kind: str, name: str, words: str) -> str:
        made = nodes.setdefault(f"{kind} {name}", Node(f"{kind}{len(nodes)}", kind, words))
        return made.id

    for key in source.held:
        top = node("key", key.name, f"{key.name} ({key.kind.value}, {key.account})")
        for ref in key.stored_in:
            place = node("store", str(ref), str(ref))
            lines.append((top, place))
            readers = [service for service in source.services_of(key.name) if source.store_of(service, key) == ref]
            lines += [(place, node("service", service.name, f"{service.name} (wave {service.wave})")) for service in readers]
    return Graph(tuple(nodes.values()), tuple(dict.fromkeys(lines)))


def mermaid(graph: Graph) -> str:
    """A flowchart for Markdown that knows Mermaid."""
    shapes = {"key": ("([", "])"), "store": ("[(", ")]"), "service": ("[", "]")}
    rows = ["flowchart LR"]
    for node in graph.nodes:
        left, right = shapes[node.kind]
        rows.append(f'  {node.id}{left}"{_mermaid_text(node.words)}"{right}')
    rows += [f"  {start} --> {end}" for start, end in graph.lines]
    return "\n".join(rows) + "\n"


def svg(graph: Graph) -> str:
    """A picture in three columns, without scripts, fonts or links."""
    columns = [[node for node in graph.nodes if node.kind == kind] for kind in ("key", "store", "service")]
    wide = [_MARGIN + _LETTER * max((len(_shown(node.words)) for node in column), default=12) for column in columns]
    starts = [_MARGIN + sum(wide[:at]) + at * _BETWEEN for at in range(3)]
    width = starts[-1] + wide[-1] + _MARGIN
    height = 2 * _MARGIN + max(len(column) for column in columns) * (_HIGH + _GAP) - _GAP
    spots = {
        node.id: _Spot(starts[at], _MARGIN + row * (_HIGH + _GAP), wide[at])
        for at, column in enumerate(columns)
        for row, node in enumerate(column)
    }
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">']
    parts.append(f'<title>Keys, stores and services</title><rect width="{width}" height="{height}" fill="#ffffff"/>')
    parts += [_curve(spots[start], spots[end]) for start, end in graph.lines]
    parts += [_box(node, spots[node.id]) for node in graph.nodes]
    return "\n".join([*parts, "</svg>"]) + "\n"


@dataclass(frozen=True)
class _Spot:
    x: int
    y: int
    wide: int


def _shown(words: str) -> str:
    """Both ends of a place tell it apart: the store, and the field."""
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST // 2]}…{words[-(_LONGEST // 2 - 1) :]}"


def _curve(start: _Spot, end: _Spot) -> str:
    x1, y1, x2, y2 = start.x + start.wide, start.y + _HIGH // 2, end.x, end.y + _HIGH // 2
    middle = (x1 + x2) // 2
    return f'<path d="M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}" fill="none" stroke="#64748b" stroke-width="1.5"/>'


def _box(node: Node, spot: _Spot) -> str:
    fill, words = quoteattr(_COLOURS[node.kind]), escape(_shown(node.words))
    return (
        f"<g><title>{escape(node.words)}</title>"
        f'<rect x="{spot.x}" y="{spot.y}" width="{spot.wide}" height="{_HIGH}" rx="6" fill={fill} stroke="#334155"/>'
        f'<text x="{spot.x + 10}" y="{spot.y + 22}" font-family="sans-serif" font-size="13" fill="#0f172a">{words}</text></g>'
    )


def _mermaid_text(text: str) -> str:
    marks = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;"}
    return "".join(marks.get(char, char) for char in text)
