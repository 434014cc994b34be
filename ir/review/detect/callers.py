"""The callers of each key by Stripe's request log: client and version, network, kind of call; first time and number."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate

from ir.core.caller_group import EVENTS, UNKNOWN, CallerGroup
from ir.review.detect.window import HOUR, Window
from ir.review.sql.engine import Engine
from ir.review.sql.schema import Column

ANY = "*"
"""Stands for all networks of a key that has so many that none of them tells anything."""
_NETS = 300
_MOST = 50_000
_ACTORS = 1000
_GROUPS = """
SELECT r.key_id AS key_id, r.agent AS agent, r.agent_version AS agent_version, r.net AS net, r.endpoint AS endpoint, r.verb AS verb,
  COUNT(*) AS n, SUM(CASE WHEN o.request_id IS NULL THEN 1 ELSE 0 END) AS strange, MIN(r.ts) AS first_ts, MAX(r.ts) AS last_ts,
  SUM(CASE WHEN r.status >= 400 AND r.status <> 402 THEN 1 ELSE 0 END) AS refused
FROM requests r LEFT JOIN ours o ON r.request_id = o.request_id LEFT JOIN dashboard d ON r.request_id = d.request_id
WHERE r.own = 0 AND r.ts >= {since} AND r.ts < {until} AND r.agent NOT IN ('ir', 'browser') AND (r.agent <> '' OR r.net <> '')
  AND d.request_id IS NULL AND r.endpoint IN (SELECT endpoint FROM stripe_paths)
GROUP BY r.key_id, r.agent, r.agent_version, r.net, r.endpoint, r.verb ORDER BY first_ts DESC, n DESC LIMIT {most}
"""
_HOURS = """
SELECT key_id, CAST(FLOOR(ts / 3600) AS BIGINT) AS hour, COUNT(*) AS n FROM requests
WHERE own = 0 AND ts >= {since} AND ts < {until} AND agent NOT IN ('ir', 'browser') AND (agent <> '' OR net <> '')
  AND endpoint IN (SELECT endpoint FROM stripe_paths)
GROUP BY key_id, CAST(FLOOR(ts / 3600) AS BIGINT)
"""
_EVENTS = """
SELECT client, act, COUNT(*) AS n, MIN(ts) AS first_ts, MAX(ts) AS last_ts FROM sent
WHERE state IN ('ghost', 'unknown') AND ts >= {since} AND ts < {until} AND client <> '' GROUP BY client, act
"""

_DECLARED = (
    Column("agent", "VARCHAR", ""),
    Column("agent_version", "VARCHAR", ""),
    Column("ip", "VARCHAR", ""),
    Column("endpoint", "VARCHAR", ""),
)
_ID = (Column("request_id", "VARCHAR", ""),)
_ASKED = (Column("client", "VARCHAR", ""), Column("act", "VARCHAR", ""))
_KNOWN_AS = "SELECT DISTINCT agent, agent_version, ip, endpoint FROM requests WHERE own = 0 LIMIT 1000000"
_ACTS = "SELECT DISTINCT idem_format, act FROM events"
# the groups that a person called ours: requests of Stripe's log, and those that events tell of
_IDS = """
SELECT r.request_id AS request_id FROM requests r JOIN declared d
  ON r.agent = d.agent AND r.agent_version = d.agent_version AND r.ip = d.ip AND r.endpoint = d.endpoint
WHERE r.own = 0 AND r.request_id <> ''
UNION ALL
SELECT e.request_id AS request_id FROM events e JOIN declared_acts a ON e.idem_format = a.client AND e.act = a.act WHERE e.request_id <> ''
"""


@dataclass(frozen=True)
class Actor:
    """One client in one network with one key; `kind` "" stands for everything that it does."""

    key: str
    client: str
    version: str
    net: str

    @property
    def named(self) -> str:
        """The caller in words."""
        if self.net == EVENTS:
            return f"writes with idempotency keys of the form `{self.client}`"
        client = " ".join(filter(None, (self.client, self.version))) or "a client that is not named"
        return f"{client} from {'any network' if self.net == ANY else self.net or 'an address that is not told'}"

    def group(self, kind: str = "") -> str:
        """The caller in the form by which a person calls it ours."""
        endpoint = kind.partition(" ")[2]
        return str(CallerGroup(self.client or UNKNOWN, self.version, self.net or UNKNOWN, endpoint))


@dataclass
class CallerActivity:
    """The requests of an actor of one kind (`read /v1/customers`), or in all.

    Attributes:
        n, strange, refused: requests; those that no log of ours holds; those that Stripe refused.
        first, last: epoch seconds.
    """

    n: int = 0
    strange: int = 0
    refused: int = 0
    first: int = 0
    last: int = 0

    def add(self, other: "CallerActivity") -> None:
        """Join both."""
        self.first = min(self.first or other.first, other.first)
        self.n, self.strange, self.refused, self.last = (
            self.n + other.n,
            self.strange + other.strange,
            self.refused + other.refused,
            max(self.last, other.last),
        )


@dataclass
class Callers:
    """All callers of an account: the requests of each actor, by kind, and the requests of each key by epoch hour."""

    uses: dict[Actor, dict[str, CallerActivity]] = field(default_factory=dict)
    hours: dict[str, dict[int, int]] = field(default_factory=dict)

    @cached_property
    def totals(self) -> dict[Actor, CallerActivity]:
        """The requests of each actor in all."""
        found: dict[Actor, CallerActivity] = {}
        for actor, kinds in self.uses.items():
            found[actor] = CallerActivity()
            for use in kinds.values():
                found[actor].add(use)
        return found

    @cached_property
    def firsts(self) -> dict[tuple[str, ...], int]:
        """When a key first met a client, a network, a kind of call: `(key, "client", name, version)` and so on."""
        found: dict[tuple[str, ...], int] = {}
        for actor, kinds in self.uses.items():
            told = self.totals[actor].first
            rows = [((actor.key, "client", actor.client, actor.version), told), ((actor.key, "net", actor.net), told)]
            rows += [((actor.key, "kind", kind), use.first) for kind, use in kinds.items()]
            for name, first in rows:
                found[name] = min(found.get(name, first), first)
        return found

    @cached_property
    def new_networks(self) -> dict[tuple[str, str], list[int]]:
        """The time at which each network of a (key, client) was first seen, in order."""
        met: dict[tuple[str, str], dict[str, int]] = {}
        for actor, use in self.totals.items():
            nets = met.setdefault((actor.key, actor.client), {})
            nets[actor.net] = min(nets.get(actor.net, use.first), use.first)
        return {who: sorted(nets.values()) for who, nets in met.items()}

    def begin(self, key: str) -> int:
        """The time at which the evidence of a key begins, epoch seconds."""
        return min(self.hours.get(key, {0: 0})) * HOUR

    @cached_property
    def _running(self) -> dict[str, tuple[list[int], list[int]]]:
        hours = {key: sorted(counts) for key, counts in self.hours.items()}
        return {key: (known, [0, *accumulate(self.hours[key][hour] for hour in known)]) for key, known in hours.items()}

    def requests(self, key: str, end: int = 1 << 62) -> int:
        """Requests of a key in the full hours before `at`."""
        known, running = self._running.get(key, ([], [0]))
        return running[bisect_left(known, end // HOUR)]


def declare(engine: Engine, groups: Sequence[CallerGroup]) -> None:
    """Make `declared_ids`: requests of the groups that a person called ours."""
    if not groups:
        engine.fill("declared_ids", _ID, [])
        return
    known = [row for row in engine.rows(_KNOWN_AS) if any(g.holds(str(row[0]), str(row[1]), str(row[2]), str(row[3])) for g in groups)]
    acts = engine.rows(_ACTS) if any(g.network == EVENTS for g in groups) else []
    told = [row for row in acts if any(g.network == EVENTS and g.holds(str(row[0]), "", EVENTS, _act(str(row[1]))) for g in groups)]
    engine.fill("declared", _DECLARED, known)
    engine.fill("declared_acts", _ASKED, told)
    engine.keep("declared_ids", f"SELECT DISTINCT request_id FROM ({_IDS}) x")


def read(engine: Engine, window: Window, ours: Sequence[CallerGroup], *, log: bool) -> Callers:
    """Read the callers from Stripe's request log (`log`: it shows them), else from events; without the groups that are `ours`."""
    found = Callers()
    fill = {"since": max(window.since, 1), "until": window.until, "most": _MOST}
    rows = engine.rows(_GROUPS.format(**fill)) if log else []
    for key, agent, version, net, endpoint, verb, n, strange, first, last, refused in rows:
        if any(group.holds(str(agent), str(version), str(net), str(endpoint)) for group in ours):
            continue
        actor, kind = Actor(str(key), str(agent), str(version), str(net)), f"{verb} {_resource(str(endpoint))}"
        use = CallerActivity(int(n), int(strange), int(refused), int(first), int(last))
        found.uses.setdefault(actor, {}).setdefault(kind, CallerActivity()).add(use)
    for key, hour, n in engine.rows(_HOURS.format(**fill)) if log else []:
        found.hours.setdefault(str(key), {})[int(hour)] = int(n)
    return _bounded(_roaming(found)) if log else _of_events(engine, fill, ours)


def _roaming(found: Callers) -> Callers:
    """Join the networks of a key that has very many."""
    nets: dict[str, set[str]] = {}
    for actor in found.uses:
        nets.setdefault(actor.key, set()).add(actor.net)
    many = {key for key, seen in nets.items() if len(seen) > _NETS}
    if not many:
        return found
    uses: dict[Actor, dict[str, CallerActivity]] = {}
    for actor, kinds in found.uses.items():
        one = replace(actor, net=ANY) if actor.key in many else actor
        for kind, use in kinds.items():
            uses.setdefault(one, {}).setdefault(kind, CallerActivity()).add(use)
    return Callers(uses, found.hours)


def _bounded(found: Callers) -> Callers:
    """Of very many actors, the newest and the busiest, so that a flooded log stays fast to read."""
    if len(found.uses) > 2 * _ACTORS:
        newest = sorted(found.uses, key=lambda actor: -found.totals[actor].first)[:_ACTORS]
        busiest = sorted(found.uses, key=lambda actor: -found.totals[actor].n)[:_ACTORS]
        return Callers({actor: found.uses[actor] for actor in dict.fromkeys((*newest, *busiest))}, found.hours)
    return found


def _of_events(engine: Engine, fill: dict[str, int], ours: Sequence[CallerGroup]) -> Callers:
    found = Callers()
    for client, act, n, first, last in engine.rows(_EVENTS.format(**fill)):
        if any(group.holds(str(client), "", EVENTS, _act(str(act))) for group in ours):
            continue
        kind, use = f"write {_act(str(act))}", CallerActivity(int(n), int(n), 0, int(first), int(last))
        found.uses.setdefault(Actor("", str(client), "", EVENTS), {}).setdefault(kind, CallerActivity()).add(use)
    hours = "SELECT hour, COUNT(*) AS n FROM sent WHERE ts >= {since} AND ts < {until} GROUP BY hour"
    found.hours[""] = {int(hour): int(n) for hour, n in engine.rows(hours.format(**fill))}
    return found


def _resource(endpoint: str) -> str:
    """`/v1/customers/:id/sources` → `/v1/customers`: the kind of thing that a path is about."""
    return "/".join(endpoint.split("/")[:3])


def _act(act: str) -> str:
    return act.partition(":")[2]
