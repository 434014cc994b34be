"""The port of the misuse review: what it is asked, and what it reports."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ir.core.model import Finding, Json
from ir.core.secret import Secret


@dataclass(frozen=True)
class ReviewRequest:
    """The account, the time and the evidence that one review is asked to look at.

    Attributes:
        since, exposed_at, until: epoch seconds; `exposed_at` 0 = unknown.
        budget: seconds that the review may take, 0 = no limit; newest evidence first, what was not read is said.
        key: value of the leaked key where known, only for its fingerprint and id; never used for a call.
        review_key: key for reading; None = evidence from files only.
        egress, logs: globs of our own egress logs, and of other exports.
        own_requests: request ids of our own probes, to be subtracted.
        scratch: private folder for Parquet.
        own_objects: ids of what this incident made itself (its new key, or the name that it asked for), never leftovers.
        rules: folders of further rules. engine: `duckdb`, or the URL of another one.
        personal_data: keep whole records of Stripe, with names, e-mail and postal addresses; without it ids only.
        ours: groups of callers that a person calls ours (`ir.core.caller_group`).
        addresses: networks of our own egress, for telling whose a use was.
        uses: tell too which endpoints services called (`Reviewed.used`).
        generations: ids and fingerprints of former and later values of the same key, whose uses count as its own.
        named: people stand in the results by their names; never where results are recorded, since a record cannot be purged.
    """

    account: str
    api_base: str
    since: float
    until: float
    exposed_at: float
    budget: float
    review_key: Secret | None
    key_fingerprint: str
    key_id: str
    scratch: str
    egress: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    own_requests: tuple[str, ...] = ()
    known_webhooks: tuple[str, ...] = ()
    own_objects: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    engine: str = "duckdb"
    personal_data: bool = False
    named: bool = False
    uses: bool = False
    ours: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    generations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reviewed:
    """The result of a review. Verdicts: `confirmed | suspected | none seen within coverage | cannot tell`.

    Attributes:
        verdicts: for `writes`, `reads` and `account`.
        coverage: `{source, from, to, rows, gaps, blind_to}` per source, one with 0 rows for a source not given.
        leftovers: `{kind, id, created, severity, why, undo}`.
        complete: coverage of writes is complete, so that `--policy auto` may propose `exposed`.
        hours: `{at, requests, usual}` for the picture. reasons: why a verdict cannot be better.
        affected: path of `affected.csv` in the scratch folder, "" when no customer was affected.
        collected: files in the scratch folder that are evidence. inputs: files that were given and read.
        exposed: whether it is known when the key got out.
        proposed: where it is not known, groups of requests that came late, the latest rare one first; if one is not ours, the key was out
            by then: `{at, group, who, key, requests, of, last_seen, new, kinds, every, said, follows, evidence}`.
        proposed_at: epoch seconds of the one that is judged by; 0 = none. Never an exposure time.
        regular: consumers that come rarely but regularly: `{who, key, every, visits, requests, last_seen, due, said}`.
        sdks: age of SDKs and API versions per service (`ir.review.judge.sdk_ages.ages`).
        used: which endpoints services called, less misuse, where it was asked for: `{calls, logs, since, until, safe}` (`used_calls.read`).
        began: epoch seconds of the first misuse where that was before the stated exposure, else 0; all is then judged from there.
    """

    verdict: str
    verdicts: dict[str, str]
    score: float
    findings: tuple[Finding, ...] = ()
    coverage: tuple[Json, ...] = ()
    blast_radius: Json = field(default_factory=dict)
    leftovers: tuple[Json, ...] = ()
    timeline: tuple[Json, ...] = ()
    complete: bool = False
    request_ids: tuple[str, ...] = ()
    hours: tuple[Json, ...] = ()
    score_parts: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    affected: str = ""
    collected: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    exposed: bool = True
    began: int = 0
    proposed: tuple[Json, ...] = ()
    proposed_at: int = 0
    regular: tuple[Json, ...] = ()
    sdks: tuple[Json, ...] = ()
    used: Json = field(default_factory=dict)


@dataclass(frozen=True)
class LeftBehind:
    """The result of a sweep for leftovers.

    Attributes:
        rows: `{kind, id, created, severity, why, undo}`.
        looked: kinds of which everything was read (`app_*`: all that begin so): of those, what is not in `rows` is not there.
    """

    rows: tuple[Json, ...] = ()
    looked: frozenset[str] = frozenset()


@dataclass(frozen=True)
class KeyUse:
    """One use of a key, as a log tells it.

    Attributes:
        at: epoch seconds, by the clock of the log.
        ours: it came from an address or a client of ours; a stranger's otherwise.
        who: the client in words.
        by_us: it is in a log of our own, whose clock is ours.
    """

    at: float
    ours: bool
    who: str
    by_us: bool = False


@dataclass(frozen=True)
class RefusedCall:
    """Calls of ours that Stripe refused with 403, as our own log tells.

    Attributes:
        endpoint: its path, ids replaced by `:id`.
        service: which program of ours, where the log says so.
        at: of the last one, epoch seconds by the log's clock.
    """

    method: str
    endpoint: str
    service: str
    at: float


@dataclass(frozen=True)
class LoggedCalls:
    """What our own egress logs hold of a key since a moment.

    Attributes:
        refused: with 403, and not before.
        services: the programs whose calls they hold, "" = calls whose program they do not name, as a proxy's log of all.
    """

    refused: tuple[RefusedCall, ...]
    services: frozenset[str]


class Reviewer(Protocol):
    """Reads evidence; changes nothing."""

    def review(self, request: ReviewRequest, progress: Callable[[str], None]) -> Reviewed:
        """Collect evidence, detect and judge. Raises Unknown only when no source at all could be read."""
        ...

    def sweep(self, request: ReviewRequest, progress: Callable[[str], None]) -> LeftBehind:
        """Find what an attacker left behind. Raises Unknown when no list at all could be read."""
        ...

    def users(self, request: ReviewRequest, since: float, progress: Callable[[str], None]) -> tuple[KeyUse, ...]:
        """Uses of the key (`key_id`, `key_fingerprint`) after `since`, newest first, by the given logs alone; Stripe is not asked.

        Our own probes (`own_requests`) do not count. The list is also empty where no log names keys. Raises BadFile (a map).
        """
        ...

    def refused(self, request: ReviewRequest, since: float, progress: Callable[[str], None]) -> LoggedCalls | None:
        """What Stripe refused us after `since` with that key (`key_id`, `key_fingerprint`), and not before, by our egress logs alone.

        None: they hold no call of ours since then, so they tell nothing. Raises BadFile (a map).
        """
        ...

    def money(self, request: ReviewRequest, progress: Callable[[str], None]) -> tuple[Json, ...]:
        """Money that can still be stopped, found in under two minutes: `{kind, id, created, severity, why, undo, money}`."""
        ...
