"""The detections that can speak where our own log and events are given, in straightforward Python.

Written from the text of the rules in `ir/review/rules`, not from their SQL plan. Each function is one rule; it puts its hits
into `Case.found`.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from ir.review.detect.window import Window

Act = dict[str, Any]
"""What one request changed: the columns of `acts`."""
Hits = dict[tuple[str, str], dict[tuple[str, str], Act]]
"""(rule, severity) → (entity, evidence) → the act."""
_CARDS = ("58:decline", "60:payment", "45:setup", "40:intent", "35:payment_method")
_SIX_HOURS = 21600
_PAID = ("60:payment", "58:decline")
_STRANGE = ("ghost", "hole")


@dataclass
class Case:
    """What the rules are asked about.

    Attributes:
        acts: before `window.until`. all_acts: also later ones. events: rows of the store.
        hours: that our log and the events cover before the exposure; at least 1. known: whether that is a baseline.
        loss: share of our own traffic that our log loses.
    """

    acts: list[Act]
    all_acts: list[Act]
    events: list[Act]
    window: Window
    hours: float
    known: bool
    loss: float
    found: Hits = field(default_factory=lambda: defaultdict(dict))

    def hit(self, rule: str, level: str, entity: str, act: Act) -> None:
        """One more."""
        self.found[rule, level].setdefault((entity, act["request_id"]), act)

    def judged(self, act: Act) -> bool:
        """Whether it is after the exposure."""
        return bool(act["ts"] >= self.window.judged)

    def over(self, slot: int, wide: int) -> bool:
        """Whether that slot of so many seconds was over before the exposure."""
        return slot * wide + wide <= self.window.judged


def sides(acts: Iterable[Act], judged: int) -> dict[str, list[Act]]:
    """Strangers' acts by client, and those in holes of our log, which are measured by all that was there before."""
    found: dict[str, list[Act]] = defaultdict(list)
    for act in acts:
        if act["state"] == "ghost":
            found[f"ghost {act['client']}"].append(act)
        if act["state"] == "hole" or (act["ts"] < judged and act["state"] in ("own", "ghost")):
            found["hole"].append(act)
    return found


def ghosts(case: Case) -> None:
    """S-00: writes that none of our systems sent."""
    judged, kinds = case.window.judged, defaultdict[tuple[str, str], list[Act]](list)
    for act in case.acts:
        kinds[act["act"], act["client"]].append(act)
    own = Counter(a["hour"] for a in case.acts if a["state"] == "own")
    most = max((n for hour, n in own.items() if hour * 3600 < judged), default=0)
    before, later = (sum(n for hour, n in own.items() if (hour * 3600 < judged) is old) for old in (True, False))
    grown = later * case.hours / (before * case.window.hours) if before >= 20 else 1.0
    peak = max(Counter(a["hour"] for a in case.acts if a["state"] == "ghost" and a["ts"] < judged).values(), default=0)
    new = Counter[str]()
    for (kind, client), acts in kinds.items():
        if kind >= "40" and never(acts, judged):
            new[client] += sum(a["state"] == "ghost" for a in acts)
    for (kind, client), acts in kinds.items():
        strange = [a for a in acts if a["state"] == "ghost"]
        now = [a for a in strange if case.judged(a)]
        if not now:
            continue
        total = sum(a["state"] in ("ghost", "own") and case.judged(a) for a in acts)
        lost = case.loss * total if any(a["state"] == "own" for a in acts) else 0.0
        usual = (len(strange) - len(now) + 0.5) * case.window.hours / case.hours * max(grown, 1.0)
        expected = max(usual, case.loss * total) if case.known else case.loss * total
        hours = Counter(a["hour"] for a in strange)
        past = max((n for hour, n in hours.items() if hour * 3600 < judged), default=0)
        top = max(
            (n / (own[hour] / most if most >= 5 and own[hour] > most else 1.0) for hour, n in hours.items() if hour * 3600 + 3600 > judged),
            default=0.0,
        )
        first = never(acts, judged) and case.hours >= 168
        level = (
            _ghost_level(kind, len(now), expected, lost, past, top, peak, new[client] if first else 0, first=first)
            if case.known
            else _without_baseline(strange, len(now), lost, top)
        )
        limit = max((a["amount"] for a in strange if not case.judged(a)), default=0)
        for a in now:
            if level or (case.known and kind >= "60" and a["amount"] > 3 * limit > 0):
                case.hit("S-00", level or "medium", f"{kind}/{client}", a)


def never(acts: list[Act], judged: int) -> bool:
    """Whether a kind was never ours, and never there before the exposure."""
    return not any(a["state"] == "own" or (a["state"] == "ghost" and a["ts"] < judged) for a in acts)


def _ghost_level(kind: str, n: int, e: float, lost: float, past: int, top: float, peak: int, new: int, *, first: bool) -> str:
    steep = top > 1.5 * past + 3 or n >= 3 * e + 5
    if n >= e + 4 * math.sqrt(e) + 5 and steep and (kind >= "40" or n >= 20) and (top > peak or n >= 20 or kind >= "60"):
        return "high"
    if (top > 2 * past + 8 and top > peak and n > lost + 4 * math.sqrt(lost) + 5) or (new >= 8 and kind >= "40"):
        return "high"
    return "medium" if n >= e + 3 * math.sqrt(e) + 2 or (first and (kind >= "50" or n >= 3)) else ""


def _without_baseline(strange: list[Act], n: int, lost: float, top: float) -> str:
    days = Counter(a["ts"] // 86400 for a in strange)
    steady = len(days) >= 5 and max(days.values()) * (len(days) - 1) <= 3 * (len(strange) - max(days.values()))
    if n > 3 + lost + 4 * math.sqrt(lost) and top >= 20 and not steady:
        return "high"
    return "medium" if n > lost + 4 * math.sqrt(lost) else ""


def foreign_clients(case: Case) -> None:
    """S-01: idempotency keys in a form that this account, or this kind of write, did not have."""
    judged, known = case.window.judged, [a for a in case.acts if a["state"] != "probe"]
    earlier = Counter((a["client"], a["act"]) for a in known if a["ts"] < judged)
    by_client, by_act = Counter[str](), Counter[str]()
    for (client, kind), n in earlier.items():
        by_client[client] += n
        by_act[kind] += n
    ours = {(a["client"], a["act"]) for a in known if a["state"] == "own"}
    our_clients = {client for client, _ in ours}
    total = sum(a["ts"] < judged for a in case.acts)
    for a in case.acts:
        client, kind = a["client"], a["act"]
        if not case.judged(a) or a["state"] not in _STRANGE:
            continue
        if not by_client[client] and client not in our_clients and total >= 100:
            case.hit("S-01", "medium", f"idempotency keys: {client}", a)
        elif by_client[client] and not earlier[client, kind] and (client, kind) not in ours and by_act[kind] >= 100:
            case.hit("S-01", "medium", f"idempotency keys of {kind}: {client}", a)


def declines(case: Case) -> None:
    """S-04: cards declined in bursts, or most of an hour's."""
    for side, acts in sides((a for a in case.acts if a["act"] in _PAID), case.window.judged).items():
        tried = sorted(acts, key=lambda a: a["ts"])
        times = [a["ts"] for a in tried if a["act"] == "58:decline"]
        begin = end = 0
        burst: dict[int, int] = {}
        for a in tried:
            while end < len(times) and times[end] <= a["ts"]:
                end += 1
            while begin < end and times[begin] < a["ts"] - 600:
                begin += 1
            burst[a["ts"]] = end - begin
        base = [a for a in tried if not case.judged(a)]
        peak = max((burst[a["ts"]] for a in base), default=0)
        usual = sum(a["act"] == "58:decline" for a in base) / max(len(base), 1)
        later = [a for a in tried if case.judged(a)]
        tries, bad = _trailing(later, 3600), _trailing([a for a in later if a["act"] == "58:decline"], 3600, at=later)
        most_of = [int(n >= 30 and 2 * failed >= n and failed / n >= 5.0 * usual) for n, failed in zip(tries, bad, strict=True)]
        for a, most in zip(later, _best(later, most_of, 3600), strict=True):
            if a["act"] == "58:decline" and (most or (burst[a["ts"]] >= 20 and burst[a["ts"]] > 2 * peak)):
                case.hit("S-04", "high", side, a)


def fresh_cards(case: Case) -> None:
    """S-05: many cards, each tried once."""
    carded = [a for a in case.acts if a["card"] and a["act"] in _CARDS]
    found = sides(carded, case.window.judged)
    found["small"] = [a for a in carded if a["state"] == "ghost" and 0 < a["amount"] <= 500]
    for side, acts in found.items():
        name = {"small": "small amounts", "hole": "in a hole of our logs"}
        acts = sorted(acts, key=lambda a: a["ts"])
        bad = [a for a in acts if a["act"] == "58:decline"]
        tries, declined = _trailing(acts, _SIX_HOURS), _trailing(bad, _SIX_HOURS, at=acts)
        cards, cheap = (
            _trailing(_first_tries(acts, ("card",), _SIX_HOURS), _SIX_HOURS, at=acts),
            _trailing([a for a in acts if a["amount"] <= 500], _SIX_HOURS, at=acts),
        )
        alike = [0] * len(acts)
        for group in {a["card_group"] for a in acts}:
            places = [n for n, a in enumerate(acts) if a["card_group"] == group]
            for n, count in zip(places, _trailing([acts[n] for n in places], _SIX_HOURS), strict=True):
                alike[n] = count
        worst = max((n for n, a in zip(declined, acts, strict=True) if not case.judged(a)), default=0)
        hot = [
            int(
                n >= 8
                and 10 * fresh >= 8 * n
                and d > 2 * worst + 2
                and (2 * d >= n or _cheap(side, n, d, small) or (2 * like >= n and 3 * d >= n))
            )
            for n, d, fresh, small, like in zip(tries, declined, cards, cheap, alike, strict=True)
        ]
        later = [n for n, a in enumerate(acts) if case.judged(a)]
        for a, found_hot in zip(
            [acts[n] for n in later], _best([acts[n] for n in later], [hot[n] for n in later], _SIX_HOURS), strict=True
        ):
            if found_hot and (side != "hole" or a["state"] == "hole"):
                case.hit("S-05", "critical", name.get(side, f"idempotency keys {a['client']}"), a)


def _first_tries(acts: list[Act], of: tuple[str, ...], wide: int) -> list[Act]:
    """Those whose card (or whatever it is `of`) was not tried in the time before."""
    last: dict[tuple[object, ...], int] = {}
    fresh = []
    for a in acts:
        what = tuple(a[name] for name in of)
        if last.get(what, 0) < a["ts"] - wide + 1:
            fresh.append(a)
        last[what] = a["ts"]
    return fresh


def _cheap(side: str, tries: int, declined: int, small: int) -> bool:
    return side != "small" and declined >= 6 and 5 * declined >= tries and 5 * small >= 4 * tries


def one_amount(case: Case) -> None:
    """S-06: many customers charged the same."""
    window = case.window
    paid = [a for a in case.acts if a["act"] in _PAID and a["amount"] > 0]
    days: dict[tuple[int, str], set[int]] = defaultdict(set)
    for a in paid:
        if not window.baseline or not case.judged(a):
            days[a["amount"], a["currency"]].add(a["ts"] // 86400)
    born: dict[str, int] = {}
    for one in case.events:
        if one["type"] == "customer.created":
            born[one["customer"]] = min(one["ts"], born.get(one["customer"], one["ts"]))
    for acts in sides((a for a in paid if a["customer"]), window.judged).values():
        acts = sorted(acts, key=lambda a: a["ts"])
        if sum(map(case.judged, acts)) < 10:
            continue
        for wide, least in ((3600, 10), (86400, 30)):
            for a in _charged(case, acts, days, wide, least):
                if born.get(a["customer"], -1) < a["ts"] - 86400:
                    case.hit("S-06", "critical", f"{a['amount']} {a['currency']}", a)


def _charged(case: Case, acts: list[Act], days: dict[tuple[int, str], set[int]], wide: int, least: int) -> list[Act]:
    """Those after the exposure of a price that was asked of unusually many within so many seconds."""
    fresh = _first_tries(acts, ("amount", "currency", "customer"), wide)
    every = dict(zip(map(id, acts), _trailing(fresh, wide, at=acts), strict=True))
    prices: dict[tuple[int, str], list[Act]] = defaultdict(list)
    firsts: dict[tuple[int, str], list[Act]] = defaultdict(list)
    for a in acts:
        prices[a["amount"], a["currency"]].append(a)
    for a in fresh:
        firsts[a["amount"], a["currency"]].append(a)
    counts = {price: _trailing(firsts[price], wide, at=them) for price, them in prices.items()}
    past = (n for price, them in prices.items() for n, a in zip(counts[price], them, strict=True) if not case.judged(a))
    peak = max(past, default=0)
    hot: list[Act] = []
    for price, them in prices.items():
        rare = sum(1 / max(n, 1) for n in counts[price]) / len(them)
        marks = []
        for a, n in zip(them, counts[price], strict=True):
            most = 10 * n >= 6 * every[id(a)] or n > 6 * peak if case.window.baseline else n * rare > 6
            marks.append(int(case.judged(a) and n >= least and n > 2 * peak and (most or len(days[price]) < 4)))
        hot += [a for a, found in zip(them, _best(them, marks, wide), strict=True) if found and case.judged(a)]
    return hot


def refunds(case: Case) -> None:
    """S-07: more refunds than ever."""
    baseline, found = case.window.baseline, defaultdict[str, list[Act]](list)
    for side, acts in sides((a for a in case.acts if a["act"] == "65:refund"), case.window.judged).items():
        found[side.split()[0]] += acts
    for acts in found.values():
        acts = sorted(acts, key=lambda a: a["ts"])
        hours, totals, days = _trailing(acts, 3600), _trailing(acts, 3600, amounts=True), _trailing(acts, 86400)
        past = [n for n, a in enumerate(acts) if not case.judged(a)]
        peak, most, daily = (max((row[n] for n in past), default=0) for row in (hours, totals, days))
        rows = zip(acts, _best(acts, hours, 3600), _best(acts, totals, 3600), _best(acts, days, 86400), strict=True)
        for a, n, total, day in rows:
            many = n >= 6 and n > 2 * peak + 4 and (peak > 0 or baseline or n >= 20)
            if case.judged(a) and (many or (n >= 3 and total > 3 * most > 0) or (day >= 12 and day > 2 * daily and baseline)):
                case.hit("S-07", "high", "account", a)


def _trailing(acts: list[Act], wide: int, *, amounts: bool = False, at: list[Act] | None = None) -> list[int]:
    """How many (or how much) of some acts, in order of time, the time up to and with each of these (or of `at`) holds."""
    times = [a["ts"] for a in acts]
    sums = [0, *accumulate(a["amount"] if amounts else 1 for a in acts)]
    return [sums[bisect_right(times, a["ts"])] - sums[bisect_right(times, a["ts"] - wide)] for a in (acts if at is None else at)]


def _best(acts: list[Act], counted: list[int], wide: int) -> list[int]:
    """Of each act, the fullest of the times that hold it."""
    times = [a["ts"] for a in acts]
    return [max(counted[bisect_left(times, a["ts"]) : bisect_left(times, a["ts"] + wide)]) for a in acts]


def cash_out(case: Case) -> None:
    """S-08: money sent somewhere new, and payout settings changed."""
    window, usual_ways = case.window, _automatic(case)
    moved = [(a, *_moved(a)) for a in case.acts if a["state"] in (*_STRANGE, "dashboard") and _moves(a)]
    before: dict[str, list[int]] = defaultdict(list)
    kinds, now = Counter[str](), Counter[str]()
    for a, _, habit in moved:
        if case.judged(a):
            now[habit] += 1
        else:
            before[habit].append(a["amount"])
            kinds[a["act"]] += 1
    for a, entity, habit in moved:
        past = before.get(habit, [])
        usual = len(past) * window.hours / window.base_hours
        sellers = habit == "95 of sellers"
        odd = not past or a["amount"] > 3 * max(past) or now[habit] > 2 + usual + 3 * math.sqrt(usual)
        if case.judged(a) and (odd or (not sellers and a["act"] in ("95:external_account", "85:issuing"))):
            calm = len(past) >= 2 or not window.baseline if sellers else a["act"] == "85:issuing" and bool(past)
            calm = calm or a["state"] == "dashboard" or kinds[a["act"]] >= 10 or _lost(case, a["act"], a["client"])
            by_habit = a["act"] == "90:payout" and a["method"] != "instant" and a["destination"] in usual_ways
            if by_habit and entity.startswith("manual payout"):
                entity += ", where automatic ones go"
            calm = calm or by_habit or (not window.baseline and entity.startswith("manual payout"))
            case.hit("S-08", "medium" if calm else "critical", entity, a)
    changed = {e["request_id"] for e in case.events if e["type"] == "balance_settings.updated" and not e["account"]}
    for a in case.acts:
        if a["request_id"] in changed and case.judged(a) and a["state"] in (*_STRANGE, "dashboard"):
            case.hit("S-08", "high" if a["state"] == "ghost" else "medium", "payout settings changed", a)


def _automatic(case: Case) -> set[str]:
    """Where the payouts of the schedule go."""
    auto = (e for e in case.events if e["act"] == "90:payout" and e["automatic"] == 1 and e["destination"])
    return {e["destination"] for e in auto if not case.window.baseline or e["ts"] < case.window.judged}


def _moves(a: Act) -> bool:
    payout = a["act"] == "90:payout" and (a["method"] == "instant" or a["automatic"] != 1)
    return payout or a["act"] in ("95:external_account", "88:transfer", "85:issuing")


def _moved(a: Act) -> tuple[str, str]:
    """What it is called, and what makes it the same as another."""
    if a["act"] == "95:external_account":
        return f"payout destination of {a['account'] or 'the account'}", "95 of sellers" if a["account"] else "95"
    if a["act"] == "88:transfer":
        return f"transfer to {a['destination']}", f"88 {a['destination']}"
    if a["act"] == "85:issuing":
        return "a card that spends the balance", "85"
    if a["object_id"].startswith("tu_"):
        return "top-up of the balance", "90 top-up"
    how = "instant" if a["method"] == "instant" else "manual"
    return f"{how} payout to {a['destination']}", a["act"] + a["method"] + a["destination"]


def _lost(case: Case, kind: str, client: str = "") -> bool:
    """Whether so few strangers of a kind may be ours, with their lines lost."""
    alike = [a for a in case.all_acts if a["act"] == kind and client in ("", a["client"])]
    ours = sum(a["state"] == "own" for a in alike)
    strange = sum(a["state"] != "own" and case.judged(a) for a in alike)
    return ours >= 3 and case.loss > 0 and strange <= 2 + 3 * case.loss * ours


def planted(case: Case) -> None:
    """S-09: money moved through a connected account within a day of its first sign."""
    window, first = case.window, dict[str, int]()
    for one in case.events:
        for name in ("account", "destination", "object_id"):
            if one[name].startswith("acct_") and (name != "object_id" or one["act"] == "70:account"):
                first[one[name]] = min(one["ts"], first.get(one[name], one["ts"]))
    moved = []
    for a in case.acts:
        account = a["destination"] if a["act"] == "88:transfer" else a["account"]
        if a["act"] in ("88:transfer", "90:payout") and a["state"] in _STRANGE and a["ts"] <= first.get(account, -(10**9)) + 86400:
            moved.append((a, account, first[account]))
    usual = sum(window.since + 172800 <= begun < window.judged for _, _, begun in moved)
    calm = usual >= 3 or _lost(case, "88:transfer")
    for a, account, begun in moved:
        if begun >= window.judged and (window.judged > window.since or begun > window.since + 86400):
            case.hit("S-09", "medium" if calm else "critical", account, a)


def reports(case: Case) -> None:
    """S-10: a first report or file."""
    made = [a for a in case.all_acts if a["act"] == "50:report"]
    if not any(not case.judged(a) for a in made):
        for a in made:
            if case.judged(a) and a["ts"] < case.window.until and a["state"] in _STRANGE:
                case.hit("S-10", "high" if case.window.baseline else "medium", "report or file", a)


def settled(case: Case) -> None:
    """S-12: an app authorised, a coupon that gives everything away."""
    apps = {e["request_id"] for e in case.events if e["type"] == "account.application.authorized"}
    free = [e for e in case.events if e["type"] == "coupon.created" and e["percent_off"] >= 100]
    usual = sum(not case.judged(e) for e in free)
    coupons = {e["request_id"] for e in free if case.judged(e) and e["ts"] < case.window.until}
    for a in case.acts:
        if a["state"] not in _STRANGE:
            continue
        if a["request_id"] in apps and case.judged(a):
            case.hit("S-12", "high", "an app was authorised", a)
        if a["request_id"] in coupons:
            new = not usual and case.window.baseline and a["state"] == "ghost"
            case.hit("S-12", "high" if new else "medium", "a coupon that gives everything away", a)


def busiest(case: Case) -> None:
    """D-02: more writes of a kind in an hour than ever."""
    hours = Counter((a["act"], a["client"], a["hour"]) for a in case.acts if a["state"] == "ghost")
    peaks = Counter[str]()
    for (kind, _, hour), n in hours.items():
        if case.over(hour, 3600):
            peaks[kind] = max(peaks[kind], n)
    for a in case.all_acts:
        n, peak = hours[a["act"], a["client"], a["hour"]], peaks[a["act"]]
        if a["state"] == "ghost" and case.judged(a) and not case.over(a["hour"], 3600) and n >= 20 and n > 5 * peak:
            case.hit("D-02", "medium", f"{a['act']}/{a['client']}", a)


WITHOUT_BASELINE: tuple[Callable[[Case], None], ...] = (ghosts, declines, fresh_cards, one_amount, refunds, cash_out, planted, settled)
"""Those that judge writes and account changes and can do without a baseline."""
WITH_BASELINE: tuple[Callable[[Case], None], ...] = (foreign_clients, reports, busiest)
