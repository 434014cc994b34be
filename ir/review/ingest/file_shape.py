"""What the beginning of a file tells of it, and what makes files alike: those of one shape are loaded by one statement."""

from dataclasses import dataclass, replace

from ir.review.ingest.column_map import ColumnMap
from ir.review.ingest.column_names import Found


@dataclass(frozen=True)
class Sniffed:
    """The properties of one file, as far as its beginning tells them.

    Attributes:
        form: `jsonl`, `json`, `csv`, `logfmt`, `text`, `empty` or `foreign` (nothing that is read here).
        why: what is not read of it, and why.
        kind: `requests`, `events`, `activity` or `webhooks`.
        columns: column → paths; CSV and logfmt have paths of one name.
        delimiter, header, skip: of a CSV; `skip` lines stand before the heading.
        dates: how 05/11/2026 is meant, as `date_order.of` tells; "" = no such dates.
        many: a line holds several request ids.
        plain: UTF-8, so that the fast way can read it.
        folded: records stand inside others, behind a prefix, or have a name twice; or a record has several lines. Only the careful way
            reads that: `batch`, `prefix`, `doubled`, `table`, `lines`, `dump`, one of `listed_fields.FORMS`; "" = none of it. A CSV
            may be `titled` (lines of text stand before its heading) or have `ends` that are a carriage return alone, maybe in part.
        program: that wrote a log of ours, as far as it tells, if no line of it has a request id.
        dialect: of text, one of `dialects.COLUMNS`, "" = none.
    """

    form: str
    kind: str
    columns: Found
    delimiter: str = ""
    header: tuple[str, ...] = ()
    skip: int = 0
    dates: str = ""
    many: bool = False
    plain: bool = True
    why: str = ""
    folded: str = ""
    program: str = ""
    dialect: str = ""


@dataclass(frozen=True)
class Shape:
    """The properties that make files alike: format, kind, columns and side; the other attributes are `Sniffed`'s.

    Attributes:
        mapped: a human's map says so; several paths of a column are joined by `:` instead of tried in order.
        origin: of events, `api` or `archive`.
        zone: of times without one.
        cleaned: the careful way has been over it.
    """

    form: str
    kind: str
    columns: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    own: bool
    delimiter: str = ""
    header: tuple[str, ...] = ()
    skip: int = 0
    dates: str = ""
    many: bool = False
    plain: bool = True
    mapped: bool = False
    origin: str = "archive"
    zone: str = "UTC"
    cleaned: bool = False
    folded: str = ""
    program: str = ""
    dialect: str = ""

    @classmethod
    def of(cls, sniffed: Sniffed, *, own: bool) -> "Shape":
        """A shape from a file's properties. Webhook logs are our own in any case."""
        if sniffed.form == "jsonl" and sniffed.kind in ("events", "activity"):  # in Stripe's own form
            return cls(sniffed.form, sniffed.kind, (), own, plain=sniffed.plain, folded=sniffed.folded)
        columns = tuple(sorted(sniffed.columns.items()))
        return cls(
            sniffed.form, sniffed.kind, columns, own, sniffed.delimiter, sniffed.header, sniffed.skip,
            sniffed.dates, sniffed.many, sniffed.plain, folded=sniffed.folded, program=sniffed.program, dialect=sniffed.dialect,
        )  # fmt: skip

    @classmethod
    def of_map(cls, column_map: ColumnMap, sniffed: Sniffed, *, own: bool) -> "Shape":
        """A shape from a person's map; only the format is sniffed."""
        side = own if column_map.own is None else column_map.own
        columns = tuple(sorted(column_map.paths().items()))
        seen = cls.of(sniffed, own=side)
        seen = replace(seen, folded="" if seen.folded == "pairs" else seen.folded)  # its paths are those of the file itself
        seen = replace(seen, dates=column_map.dates or sniffed.dates, many=sniffed.many)  # an event's own shape leaves them out
        return replace(seen, kind=column_map.kind, columns=columns, mapped=True, zone=column_map.zone)

    @property
    def label(self) -> str:
        """Name of the source in coverage."""
        if self.kind == "requests":
            return "egress" if self.own else "request-log"
        return {"webhooks": "webhook-log"}.get(self.kind, self.kind)
