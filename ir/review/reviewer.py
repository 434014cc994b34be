"""The review: collect → normalise → detect → judge. Implements `ir.ports.Reviewer`."""

import json
import tempfile
import time
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ir.clients.stripe_api import StripeApi, account_of
from ir.core.caller_group import CallerGroup
from ir.core.concurrency import both
from ir.core.errors import Unknown
from ir.core.model import Json
from ir.core.stripe_address import STRIPE
from ir.ports import KeyUse, LeftBehind, LoggedCalls, Reviewed, ReviewRequest
from ir.review import apart, key_users, refusals
from ir.review.collect import leftover_kinds, leftover_sweep
from ir.review.collect.collector import Collector
from ir.review.detect import derived_tables
from ir.review.detect.window import DAY, Window
from ir.review.judge import coverage, leftover_list, stoppable_money, timeline
from ir.review.reading import NewEngine, Order, carry_out
from ir.review.workspace import ReviewWorkspace, Say, collect, refuse_leaked

_BASELINE = 14 * DAY
BLIND = "data/blind.json"
_MONEY_SECONDS = 100.0
_SWEEP_SHARE = 0.4
_FILES_SHARE = 0.25
"""The least share of a budget for files, however long Stripe's own record took."""


class StripeReviewer:
    """Reads evidence of one Stripe account; changes nothing.

    Args:
        api: the only way to Stripe.
        memory_limit: of the embedded engine, such as `512MB`.
        new_engine: makes another engine from a URL (`clickhouse://…`, `spark://…`).
    """

    def __init__(self, api: StripeApi, *, memory_limit: str = "350MB", new_engine: NewEngine | None = None) -> None:
        self._api, self._memory, self._new_engine = api, memory_limit, new_engine

    def review(self, request: ReviewRequest, progress: Say) -> Reviewed:
        """See `Reviewer`. Raises Refused (the review key is the leaked one), BadFile, Unknown."""
        refuse_leaked(request)
        if not (request.review_key or request.egress or request.logs) and request.engine in ("", "duckdb"):
            told = timeline.rows([], (), _window(request))
            return replace(
                blind(request.rules), request_ids=tuple(request.own_requests[-500:]), timeline=told, exposed=request.exposed_at > 0
            )
        return self._reviewed(request, progress)

    def _reviewed(self, request: ReviewRequest, progress: Say) -> Reviewed:
        first, begun = len(self._api.request_ids), time.monotonic()
        request = self._named(request)
        window = _window(request)
        store = ReviewWorkspace(Path(request.scratch) / "review", memory_limit=self._memory)
        try:
            store.fresh()
            collector = self._collector(request, store, progress, request.budget)
            reads = collect(collector, window, progress)
            swept = self._sweep(collector, window, request, progress)
        finally:
            store.close()
        own = (*request.own_requests, *self._api.request_ids[first:])
        order = Order(replace(request, review_key=None), window, reads, swept, own, self._memory, keyed=collector is not None)
        if not request.budget or not (request.egress or request.logs) or request.engine not in ("", "duckdb"):
            return carry_out(order, progress, self._new_engine)
        left = max(request.budget - (time.monotonic() - begun), request.budget * _FILES_SHARE)
        why = f"not read: it took longer than the budget of {request.budget:g} s"
        return apart.carried_out(order, left, progress) or carry_out(order.without_files(why), progress)

    def sweep(self, request: ReviewRequest, progress: Say) -> LeftBehind:
        """See `Reviewer`. Uses the makers of objects that the last review of the same scratch folder found."""
        refuse_leaked(request)
        request = self._named(request)
        # however long ago the exposure was: what was left since is still there
        window = _window(replace(request, since=min(request.since, request.exposed_at or request.since)))
        store = ReviewWorkspace(Path(request.scratch) / "review", memory_limit=self._memory)
        try:
            store.tables.mkdir(mode=0o700, parents=True, exist_ok=True)
            collector = self._collector(request, store, progress, request.budget)
            if collector is None:
                raise Unknown("there is no key to read with, so nothing could be swept", next_step="name a review_key")
            swept, activity = both(lambda: self._sweep(collector, window, request, progress), lambda: collector.activity(window.since))
            if not swept.read:
                raise Unknown("Stripe refused every list: " + "; ".join(sorted(set(swept.unread.values())))[:200])
            store.add_activity(activity, progress, named=request.named)
            looked = leftover_list.looked_at(swept.unread, history=activity.available and not activity.why)
            if not swept.rows and store.empty:
                return LeftBehind((), looked)
            store.write_objects(swept)
            store.engine.attach(store.tables)
            declared = [CallerGroup.parse(text) for text in request.ours]
            egress = bool(store.engine.rows("SELECT COUNT(*) FROM requests WHERE own = 1")[0][0])
            derived_tables.derive_sent(
                store.engine, egress=egress, probes=request.own_requests, mine=request.own_objects, declared=declared
            )
            derived_tables.derive_acts(store.engine, [])
            left = leftover_list.list_leftovers(store.engine, window, request.account)
            return LeftBehind(left, looked)
        finally:
            store.close()

    def users(self, request: ReviewRequest, since: float, progress: Say) -> tuple[KeyUse, ...]:
        """See `Reviewer`."""
        return key_users.users(request, since, progress)

    def refused(self, request: ReviewRequest, since: float, progress: Say) -> LoggedCalls | None:
        """See `Reviewer`."""
        return refusals.refused(request, since, progress)

    def money(self, request: ReviewRequest, progress: Say) -> tuple[Json, ...]:
        """See `Reviewer`."""
        refuse_leaked(request)
        request = self._named(request)
        if request.review_key is None:
            raise Unknown("there is no key to read with", next_step="name a review_key in the inventory")
        pages = Path(request.scratch) / "review" / "pages"
        deadline = time.monotonic() + (request.budget or _MONEY_SECONDS)
        collector = Collector(self._api, request.review_key, pages, deadline=deadline, progress=progress)
        since = int(request.exposed_at or request.since)
        swept = leftover_sweep.sweep_lists(collector, since, request.account, (), progress, leftover_kinds.MONEY_KINDS)
        if not swept.read:
            raise Unknown("Stripe refused every list: " + "; ".join(sorted(set(swept.unread.values())))[:200])
        return stoppable_money.list_moving(swept, since, test="_test_" in request.review_key.reveal())

    def _named(self, request: ReviewRequest) -> ReviewRequest:
        """Without an account's id, the account of the review key."""
        if request.account or request.review_key is None:
            return request
        try:
            return replace(request, account=account_of(self._api, request.review_key))
        except Unknown:
            return request

    def _collector(self, request: ReviewRequest, store: ReviewWorkspace, say: Say, budget: float) -> Collector | None:
        if request.review_key is None:
            return None
        deadline = time.monotonic() + budget * (1 - _SWEEP_SHARE) if budget else 0.0
        return Collector(self._api, request.review_key, store.pages, deadline=deadline, progress=say, personal_data=request.personal_data)

    def _sweep(self, collector: Collector | None, window: Window, request: ReviewRequest, say: Say) -> leftover_sweep.Swept:
        if collector is None:
            return leftover_sweep.Swept()
        if request.budget:
            collector.extend(request.budget * _SWEEP_SHARE / 2)
        return leftover_sweep.sweep_lists(collector, window.judged, request.account, request.known_webhooks, say)


def blind(rules: tuple[str, ...] = ()) -> Reviewed:
    """What a review without any source says, its timeline apart: always the same, so with the shipped rules it was found out beforehand."""
    if rules:
        return found_blind(rules)
    told: dict[str, Any] = json.loads(files("ir.review").joinpath(BLIND).read_text(encoding="utf-8"))
    rows: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Reviewed(**rows)


@cache
def found_blind(rules: tuple[str, ...] = ()) -> Reviewed:
    """The same, by reviewing nothing; `BLIND` is made of it (`python -m docs.generate`)."""
    now = time.time()
    with tempfile.TemporaryDirectory(prefix="ir-review-") as scratch:
        request = ReviewRequest("", STRIPE, now - _BASELINE, now, 0.0, 0.0, None, "", "", scratch, rules=rules)
        return replace(StripeReviewer(StripeApi())._reviewed(request, lambda _text: None), timeline=())  # noqa: SLF001 - the same file


def _window(request: ReviewRequest) -> Window:
    """Evidence begins early enough for a baseline, as far as Stripe keeps it."""
    since = request.since
    if request.exposed_at:
        since = min(since, max(request.until - coverage.KEPT_BY_API, request.exposed_at - _BASELINE))
    return Window.of(since, request.exposed_at, request.until)
