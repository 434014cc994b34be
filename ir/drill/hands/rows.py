"""The rows of the keys page, as the Dashboard shows them: names, masked tokens and marks, never a value."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from ir.core.model import Json
from ir.drill.twin import Key, Kind, Masking, StripeTwin

_SECTION = {Kind.RESTRICTED: "restricted", Kind.SECRET: "secret", Kind.PUBLISHABLE: "publishable"}
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_MOST_CALLS = 20
_NEVER = "—"


@dataclass(frozen=True)
class Row:
    """One key.

    Attributes:
        kind: restricted | secret | publishable.
        token: masked, with its last four.
        policy: the addresses that may use it; "" = any.
        remaining: what is left until it expires; "" = nothing is set.
        expired: the row says so; the token may answer for some seconds more.
        permissions: of a restricted key.
    """

    id: str
    name: str
    note: str
    kind: str
    token: str
    policy: str
    last_used: str
    created: str
    remaining: str
    expired: bool
    permissions: tuple[str, ...]

    def to_json(self) -> Json:
        """For the text form."""
        return asdict(self)


def rows(twin: StripeTwin) -> list[Row]:
    """Every key of the account in the twin's mode, in order of creation."""
    wanted = (key for key in twin.all_keys() if key.account == twin.account and key.mode is twin.settings.mode and key.kind in _SECTION)
    return [row(key, twin.now) for key in wanted]


def row(key: Key, now: float) -> Row:
    """What the page shows of a key."""
    left = (key.expires_at or 0.0) - now
    return Row(
        id=key.id,
        name=key.name,
        note=key.note,
        kind=_SECTION[key.kind],
        token=key.redacted(Masking.DOTS),
        policy=", ".join(key.ip_allowlist),
        last_used=moment(key.last_used) if key.last_used else _NEVER,
        created=moment(key.created),
        remaining=f"Expires in {lasting(left)}" if key.expires_at is not None and left > 0 else "",
        expired=not key.active(now),
        permissions=tuple(sorted(key.written or ())),
    )


def calls(twin: StripeTwin, key: Key) -> list[Json]:
    """View request logs: the newest calls of a key."""
    newest = twin.used(key)[: -_MOST_CALLS - 1 : -1]
    return [{"at": moment(use.at), "call": f"{use.method} {use.path}", "status": use.status, "ip": use.ip} for use in newest]


def moment(at: float) -> str:
    """`Nov 30, 06:05:12`, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%b %d, %H:%M:%S")


def lasting(seconds: float) -> str:
    """`23 hours`, in the largest unit that fits."""
    size, unit = next((one for one in _UNITS if seconds >= one[0]), _UNITS[-1])
    count = max(1, round(seconds / size))
    return f"{count} {unit}{'' if count == 1 else 's'}"
