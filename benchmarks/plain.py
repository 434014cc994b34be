"""The review in straightforward Python over orjson: the same lines read, scrubbed and normalised, the same questions asked.

It is what the engine is measured against, so it does what the engine does: every column of `docs/review-schema.md` that the log has,
by the same rules, unreadable lines counted, and every detection that can speak where our own logs and events are given, with the
same findings. Written from the rules' text, not from their SQL plan; `benchmarks.review --python` compares the findings.
"""

import gzip
import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from ir.review.eventnormal import ACTS
from ir.review.holes import measure
from ir.review.window import Window

Row = dict[str, Any]
Found = dict[tuple[str, str], set[str]]
"""(rule, severity) → evidence."""
_SECRET = re.compile(r"(sk|rk|pk|ek|rkcs)_(org_)?(live|test|prod)_[A-Za-z0-9*.]{4,}|whsec_[A-Za-z0-9+/=_-]{8,}")
_CARD = re.compile(r"\b[0-9](?:[ -]?[0-9]){12,18}\b")
_WORD = re.compile(r"[A-Za-z0-9_.@+:,/ -]{0,80}")
_STEP = re.compile(r"/[a-z_]*[^a-z_/][^/]*")
_ID = re.compile(r"[A-Za-z0-9_]{1,40}")
_IP = re.compile(r"[0-9]{1,3}(?:[.][0-9]{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]{1,44}")
_VERSION = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}([.][a-z]{1,20})?")
_UUID = re.compile(r".{8}-.{4}-.{4}-.{4}-.{12}", re.DOTALL)
_BINDINGS = ("Node", "Python", "Ruby", "Php", "Java", "Go", ".Net")


def text(value: Any) -> str:
    """Scrubbed and cut down to its alphabet."""
    if value is None:
        return ""
    shown = str(value)
    if "_live_" in shown or "_test_" in shown or "whsec_" in shown or _CARD.search(shown):
        shown = _CARD.sub("[card]", _SECRET.sub("[secret]", shown))
    hit = _WORD.match(shown)
    return hit[0] if hit else ""


def number(value: Any) -> int:
    """A whole number, 0 when it is none."""
    try:
        return int(float(value))
    except (TypeError, ValueError):
        return 0


def idem(value: Any) -> tuple[int, str]:
    """Hash and format of an idempotency key."""
    if not value:
        return 0, "none"
    kind = "node" if value.startswith("stripe-node-retry-") else "uuid" if _UUID.fullmatch(value) else "other"
    return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8).digest(), "big") >> 1, kind


def agent(value: Any) -> str:
    """Family of the client."""
    for name in _BINDINGS:
        if f"{name}Bindings/" in value:
            return f"stripe-{name.lower()}"
    hit = re.match(r"[a-z][a-z_.-]{0,23}", value.lower())
    return hit[0] if hit else ""


def request(row: Row) -> Row | None:
    """One line of our own log as the store keeps it; None when nothing in it is known."""
    known = ("ts", "request_id", "method", "path", "status", "key", "ip", "user_agent", "idempotency_key", "stripe_version")
    if all(row.get(name) is None for name in known):
        return None
    path = str(row.get("path") or "").split("?")[0]
    found = _IP.match(str(row.get("ip") or ""))
    address = found[0] if found else ""
    ident = str(row.get("request_id") or "")
    method = str(row.get("method") or "").upper()
    hashed, shape = idem(row.get("idempotency_key"))
    key = str(row.get("key") or "")
    version = _VERSION.match(str(row.get("stripe_version") or ""))
    return {
        "ts": number(row.get("ts")),
        "request_id": ident if _ID.fullmatch(ident) else "",
        "method": method,
        "endpoint": _STEP.sub("/:id", path.rstrip("/"))[:80],
        "verb": "read" if method in ("GET", "HEAD") else "write",
        "status": number(row.get("status")),
        "key_id": "key:" + hashlib.sha256(key.encode()).hexdigest()[:16] if "_live_" in key or "_test_" in key else text(key),
        "ip": address,
        "net": address.rpartition(".")[0] + ".0/24" if "." in address else address,
        "agent": agent(str(row.get("user_agent") or "")),
        "api_version": version[0] if version else "",
        "idem": hashed,
        "idem_format": shape,
    }


def act_of(kind: str) -> str:
    """Rank and kind of what an event type means."""
    for rank, name, prefixes in ACTS:
        if kind.startswith(prefixes):
            return f"{rank:02d}:{name}"
    return "10:other"


def event(row: Row) -> Row | None:
    """One event as the store keeps it."""
    if not row.get("id") or not row.get("type"):
        return None
    thing = row["data"]["object"]
    asked = row.get("request") or {}
    card = (thing.get("payment_method_details") or {}).get("card") or {}
    automatic = thing.get("automatic")
    return {
        "ts": number(row["created"]),
        "id": text(row["id"]),
        "type": text(row["type"]),
        "act": act_of(row["type"]),
        "account": text(row.get("account")),
        "request_id": text(asked.get("id")),
        "idem": idem(asked.get("idempotency_key"))[0],
        "client": idem(asked.get("idempotency_key"))[1],
        "object_id": text(thing.get("id")),
        "customer": text(thing.get("id") if thing.get("object") == "customer" else thing.get("customer")),
        "amount": number(thing.get("amount")),
        "currency": text(thing.get("currency")).lower(),
        "status": text(thing.get("status")),
        "card": text(card.get("fingerprint")),
        "card_group": text(" ".join(str(card.get(n)) for n in ("brand", "country", "funding"))) if card.get("brand") else "",
        "destination": text(thing.get("destination")),
        "method": text(thing.get("method")),
        "automatic": -1 if automatic is None else int(automatic),
    }


@dataclass
class Evidence:
    """What was read."""

    ours: set[str] = field(default_factory=set)
    minutes: Counter[int] = field(default_factory=Counter)
    agents: dict[tuple[str, str], int] = field(default_factory=dict)
    events: dict[str, Row] = field(default_factory=dict)
    rows: int = 0
    bad: int = 0
    first: int = 0
    last: int = 0


def lines(files: Iterable[Path], make: Callable[[Row], Row | None], seen: Evidence) -> Iterator[Row]:
    """Normalised rows; what cannot be read is counted."""
    for file in files:
        with gzip.open(file) as stream:
            for line in stream:
                try:
                    row = make(orjson.loads(line))
                except orjson.JSONDecodeError:
                    row = None
                if row is None:
                    seen.bad += 1
                else:
                    seen.rows += 1
                    yield row


def read(folder: Path) -> Evidence:
    """Load everything."""
    seen = Evidence()
    for row in lines(sorted(folder.glob("egress-*.jsonl.gz")), request, seen):
        seen.ours.add(row["request_id"])
        if row["ts"]:
            seen.minutes[row["ts"] // 60] += 1
        pair = (row["key_id"], row["agent"])
        seen.agents[pair] = min(row["ts"], seen.agents.get(pair, row["ts"]))
    seen.first, seen.last = min(seen.minutes) * 60, max(seen.minutes) * 60 + 59
    for row in lines(sorted(folder.glob("events-*.jsonl.gz")), event, seen):
        seen.events[row["id"]] = row
    return seen


def acts_of(seen: Evidence) -> list[Row]:
    """One row per request that changed something, with who sent it."""
    by_request: dict[str, Row] = {}
    for one in seen.events.values():
        if not one["request_id"]:
            continue
        act = by_request.get(one["request_id"])
        if act is None:
            by_request[one["request_id"]] = {
                **one,
                "state": "own" if one["request_id"] in seen.ours else "ghost",
                "hour": one["ts"] // 3600,
            }
            continue
        for name, value in one.items():
            act[name] = (min if name in ("ts", "id", "automatic") else max)(act[name], value)
        act["hour"] = act["ts"] // 3600
    return list(by_request.values())


def mark_holes(acts: list[Row], seen: Evidence, window: Window) -> float:
    """Set strangers inside holes of our logs apart; returns the share that the logs lose."""
    counted: dict[tuple[str, str, int], list[int]] = defaultdict(lambda: [0, 0])
    for act in acts:
        counted[act["act"], act["client"], act["hour"]][act["state"] == "ghost"] += 1
    rows = [(a, c, h, own, ghosts) for (a, c, h), (own, ghosts) in counted.items()]
    found = measure(rows, dict(seen.minutes), window, (seen.first, seen.last))
    holes = set(found.holes)
    for act in acts:
        if act["state"] == "ghost" and (act["act"], act["client"], act["hour"]) in holes:
            act["state"] = "hole"
    return round(found.loss, 6)


def review(folder: Path, window: Window) -> tuple[Found, Evidence]:
    """Load, derive, detect."""
    seen = read(folder)
    acts = acts_of(seen)
    loss = mark_holes(acts, seen, window)
    acts = [act for act in acts if act["ts"] < window.until]
    found: Found = defaultdict(set)
    begin = max(window.since, seen.first, min(one["ts"] for one in seen.events.values()))
    _ghosts(acts, window, max((window.judged - begin) / 3600, 1.0), loss, found)
    _foreign_clients(acts, window, found)
    for side, states in (("ghost", ("ghost",)), ("hole", ("hole",))):
        before = ("own", "ghost") if side == "hole" else ()
        mine = [a for a in acts if a["state"] in states or (a["ts"] < window.judged and a["state"] in before)]
        _declines(mine, window, found)
        _cards(mine, window, found, states)
        _same_amount(mine, window, found, seen)
        _refunds(mine, window, found)
    _cash_out(acts, window, loss, found)
    _planted(acts, window, loss, found, seen)
    _reports(acts, window, found)
    return found, seen


def _ghosts(acts: list[Row], window: Window, base_hours: float, loss: float, found: Found) -> None:
    kinds: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for act in acts:
        kinds[act["act"], act["client"]].append(act)
    hourly = Counter(a["hour"] for a in acts if a["state"] == "ghost" and a["ts"] < window.judged)
    peak = max(hourly.values(), default=0)
    for (kind, _), rows in kinds.items():
        now = [a for a in rows if a["ts"] >= window.judged and a["state"] in ("ghost", "own")]
        ghosts = [a for a in now if a["state"] == "ghost"]
        if not ghosts:
            continue
        before = [a for a in rows if a["ts"] < window.judged and a["state"] == "ghost"]
        ours = any(a["state"] == "own" for a in rows)
        hours = Counter(a["hour"] for a in rows if a["state"] == "ghost")
        bpeak = max((n for h, n in hours.items() if h * 3600 < window.judged), default=0)
        wpeak = max((n for h, n in hours.items() if h * 3600 + 3600 > window.judged), default=0)
        expected = max((len(before) + 0.5) * window.hours / base_hours, loss * len(now))
        lost = loss * len(now) if ours else 0.0
        level = _ghost_level(kind, len(ghosts), expected, lost, bpeak, wpeak, peak)
        most = max((a["amount"] for a in before), default=0)
        for act in ghosts:
            if level or (kind >= "60" and act["amount"] > 3 * most > 0):
                found["S-00", level or "medium"].add(act["request_id"])


def _ghost_level(kind: str, n: int, e: float, lost: float, bpeak: int, wpeak: int, peak: int) -> str:
    steep = wpeak > 1.5 * bpeak + 3 or n >= 3 * e + 5
    if n >= e + 4 * math.sqrt(e) + 5 and steep and (kind >= "40" or n >= 20) and (wpeak > peak or n >= 20 or kind >= "60"):
        return "high"
    if wpeak > 2 * bpeak + 8 and wpeak > peak and n > lost + 4 * math.sqrt(lost) + 5:
        return "high"
    return "medium" if n >= e + 3 * math.sqrt(e) + 2 else ""


def _foreign_clients(acts: list[Row], window: Window, found: Found) -> None:
    if sum(a["ts"] < window.judged for a in acts) < 100:
        return
    usual = {a["client"] for a in acts if a["ts"] < window.judged or a["state"] == "own"}
    for act in acts:
        if act["ts"] >= window.judged and act["state"] not in ("own", "dashboard") and act["client"] not in usual:
            found["S-01", "medium"].add(act["request_id"])


def _declines(acts: list[Row], window: Window, found: Found) -> None:
    tried = sorted((a for a in acts if a["act"] in ("58:decline", "60:payment")), key=lambda a: a["ts"])
    times = [a["ts"] for a in tried if a["act"] == "58:decline"]
    begin = end = 0
    burst: dict[int, int] = {}
    for act in tried:
        while end < len(times) and times[end] <= act["ts"]:
            end += 1
        while begin < end and times[begin] < act["ts"] - 600:
            begin += 1
        burst[act["ts"]] = end - begin
    base = [a for a in tried if a["ts"] < window.judged]
    peak = max((burst[a["ts"]] for a in base), default=0)
    usual = sum(a["act"] == "58:decline" for a in base) / max(len(base), 1)
    hours: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for act in tried:
        if act["ts"] >= window.judged:
            hours[act["hour"]][0] += 1
            hours[act["hour"]][1] += act["act"] == "58:decline"
    for act in tried:
        if act["ts"] >= window.judged and act["act"] == "58:decline":
            tries, declines = hours[act["hour"]]
            fast = burst[act["ts"]] >= 20 and burst[act["ts"]] > 2 * peak
            if fast or (tries >= 30 and 2 * declines >= tries and declines / tries >= 5.0 * usual):
                found["S-04", "high"].add(act["request_id"])


def _cards(acts: list[Row], window: Window, found: Found, states: tuple[str, ...]) -> None:
    kinds = ("58:decline", "60:payment", "45:setup", "40:intent", "35:payment_method")
    slots: dict[int, list[Row]] = defaultdict(list)
    for act in acts:
        if act["card"] and act["act"] in kinds:
            slots[act["ts"] // 21600].append(act)
    declined = {slot: sum(a["act"] == "58:decline" for a in rows) for slot, rows in slots.items()}
    worst = max((n for slot, n in declined.items() if slot * 21600 + 21600 <= window.judged), default=0)
    for slot, rows in slots.items():
        tries, cards, groups = len(rows), len({a["card"] for a in rows}), len({a["card_group"] for a in rows})
        small, bad = sum(a["amount"] <= 500 for a in rows), declined[slot]
        alike = 2 * bad >= tries or (5 * bad >= tries and 5 * small >= 4 * tries) or (groups * 5 <= tries and 3 * bad >= tries)
        if tries >= 8 and cards * 10 >= tries * 8 and bad > 2 * worst + 2 and alike:
            found["S-05", "critical"] |= {a["request_id"] for a in rows if a["ts"] >= window.judged and a["state"] in states}


def _same_amount(acts: list[Row], window: Window, found: Found, seen: Evidence) -> None:
    paid = [a for a in acts if a["act"] in ("60:payment", "58:decline") and a["customer"] and a["amount"] > 0]
    spans: dict[tuple[int, int, int, str], set[str]] = defaultdict(set)
    for a in paid:
        spans[a["ts"] // 3600 * 3600, 3600, a["amount"], a["currency"]].add(a["customer"])
        spans[(a["ts"] + 1800) // 3600 * 3600 - 1800, 3600, a["amount"], a["currency"]].add(a["customer"])
        spans[a["ts"] // 86400 * 86400, 86400, a["amount"], a["currency"]].add(a["customer"])
    peaks: dict[int, int] = defaultdict(int)
    for (start, wide, _, _), customers in spans.items():
        if start + wide <= window.judged:
            peaks[wide] = max(peaks[wide], len(customers))
    hot: dict[tuple[int, str], list[int]] = {}
    for (start, wide, amount, currency), customers in spans.items():
        n = len(customers)
        if start + wide > window.judged and n >= (10 if wide == 3600 else 30) and n > 2 * peaks[wide]:
            span = hot.setdefault((amount, currency), [start, start + wide])
            span[0], span[1] = min(span[0], start), max(span[1], start + wide)
    born: dict[str, int] = {}
    for one in seen.events.values():
        if one["type"] == "customer.created":
            born[one["customer"]] = min(one["ts"], born.get(one["customer"], one["ts"]))
    for a in paid:
        span_of = hot.get((a["amount"], a["currency"]))
        if span_of and a["ts"] >= window.judged and span_of[0] <= a["ts"] < span_of[1] and born.get(a["customer"], -1) < a["ts"] - 86400:
            found["S-06", "critical"].add(a["request_id"])


def _refunds(acts: list[Row], window: Window, found: Found) -> None:
    back = [a for a in acts if a["act"] == "65:refund"]
    hours: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    days = Counter(a["ts"] // 86400 for a in back)
    for a in back:
        hours[a["hour"]][0] += 1
        hours[a["hour"]][1] += a["amount"]
    past = [pair for hour, pair in hours.items() if hour * 3600 + 3600 <= window.judged]
    peak, most = max((n for n, _ in past), default=0), max((total for _, total in past), default=0)
    day_peak = max((n for day, n in days.items() if day * 86400 + 86400 <= window.judged), default=0)
    for a in back:
        n, total = hours[a["hour"]]
        many = n >= 6 and n > 2 * peak and (peak > 0 or window.baseline or n >= 20)
        daily = days[a["ts"] // 86400]
        if a["ts"] >= window.judged and (
            many or (n >= 3 and total > 3 * most > 0) or (daily >= 12 and daily > 2 * day_peak and window.baseline)
        ):
            found["S-07", "high"].add(a["request_id"])


def _cash_out(acts: list[Row], window: Window, loss: float, found: Found) -> None:
    moved = [
        a
        for a in acts
        if a["state"] in ("ghost", "hole", "dashboard")
        and (
            a["act"] in ("95:external_account", "88:transfer")
            or (a["act"] == "90:payout" and (a["method"] == "instant" or a["automatic"] == 0))
        )
    ]

    def habit(a: Row) -> tuple[str, ...]:
        if a["act"] == "95:external_account":
            return ("95", a["account"])
        return ("88", a["destination"]) if a["act"] == "88:transfer" else (a["act"], a["method"], a["destination"])

    before: dict[tuple[str, ...], list[int]] = defaultdict(list)
    kinds: Counter[str] = Counter()
    for a in moved:
        if a["ts"] < window.judged:
            before[habit(a)].append(a["amount"])
            kinds[a["act"]] += 1
    for a in moved:
        past = before.get(habit(a), [])
        if a["ts"] >= window.judged and (not past or a["amount"] > 3 * max(past)):
            alike = [o for o in acts if (o["act"], o["client"]) == (a["act"], a["client"])]
            ours = sum(o["state"] == "own" for o in alike)
            strange = sum(o["state"] != "own" and o["ts"] >= window.judged for o in alike)
            mild = kinds[a["act"]] >= 10 or (ours >= 3 and loss > 0 and strange <= 2 + 3 * loss * ours)
            found["S-08", "medium" if mild else "critical"].add(a["request_id"])


def _planted(acts: list[Row], window: Window, loss: float, found: Found, seen: Evidence) -> None:
    first: dict[str, int] = {}
    for one in seen.events.values():
        for name in ("account", "destination", "object_id"):
            if one[name].startswith("acct_") and (name != "object_id" or one["act"] == "70:account"):
                first[one[name]] = min(one["ts"], first.get(one[name], one["ts"]))
    moved = []
    for a in acts:
        account = a["destination"] if a["act"] == "88:transfer" else a["account"]
        if a["act"] in ("88:transfer", "90:payout") and a["state"] in ("ghost", "hole") and a["ts"] <= first.get(account, -1) + 86400:
            moved.append((a, first[account]))
    usual = sum(window.since + 172800 <= begun < window.judged for _, begun in moved)
    transfers = [a for a in acts if a["act"] == "88:transfer"]
    ours, strange = (sum(a["state"] == "own" for a in transfers), sum(a["state"] != "own" and a["ts"] >= window.judged for a in transfers))
    mild = usual >= 3 or (ours >= 3 and loss > 0 and strange <= 2 + 3 * loss * ours)
    found["S-09", "medium" if mild else "critical"] |= {a["request_id"] for a, begun in moved if begun >= window.judged}


def _reports(acts: list[Row], window: Window, found: Found) -> None:
    made = [a for a in acts if a["act"] == "50:report"]
    if not any(a["ts"] < window.judged for a in made):
        found["S-10", "high"] |= {a["request_id"] for a in made if a["ts"] >= window.judged and a["state"] in ("ghost", "hole")}
    found["S-12", "high"] |= {
        a["request_id"] for a in acts if a["act"] == "75:application" and a["ts"] >= window.judged and a["state"] in ("ghost", "hole")
    }
