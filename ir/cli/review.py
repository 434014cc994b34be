"""`ir review stripe`: what did the leaked key do?"""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any

from ir.cli import review_subject
from ir.cli.review_options import ReviewOptions
from ir.cli.terminal.consent_prompt import Consent
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.option_groups import takes
from ir.cli.terminal.option_values import duration, exposed_time, moment
from ir.cli.terminal.plain_text import plain
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode, Refused, UsageError
from ir.core.model import Finding
from ir.core.stripe_address import STRIPE
from ir.inventory import Account
from ir.inventory.consent import reading
from ir.inventory.opened import Opened
from ir.ports import Reviewed, ReviewRequest
from ir.runtime import adapter_registry, notifications, wiring
from ir.runtime.app_state import actor, open_state
from ir.storage import state_folder, told_findings, written_file

_KEPT = ("timeline.jsonl", "affected.csv", "aside.jsonl")


@takes(ReviewOptions)
def review(asked: ReviewOptions) -> None:
    """What did the leaked key do? Evidence, findings, blast radius, leftovers. Ends with 7 when misuse is confirmed or suspected."""
    screen = Screen(as_json=asked.as_json)
    names, egress_globs, log_globs = review_subject.sorted_words(asked.key or [], asked.egress or [], asked.logs or [])
    operator = Terminal(screen, name=actor(), yes=False)
    opened = (
        review_subject.opened_inventory(asked.inventory_file, names, asked.account_id, screen)
        if asked.inventory_file or asked.api_base == STRIPE
        else None
    )
    consent = Consent(open_state, operator, opened, yes=asked.yes, pin=asked.inventory_sha256) if opened else None
    account, known = review_subject.account_of(opened, names, asked.account_id)
    reader = review_subject.review_key(asked.review_key_from, account, consent, operator)
    fingerprint = review_subject.leaked(consent, names, reader, operator)
    if consent and asked.watch:
        consent.ask(reading(consent.opened.source, [row.to for row in consent.opened.source.notify]))
    folder = _folder(asked.output)
    end = review_subject.end(asked.until, asked.watch)
    request = ReviewRequest(
        account=account.id if account else asked.account_id,
        api_base=account.api_base if account else asked.api_base,
        since=moment(asked.since, end),
        until=end.timestamp(),
        exposed_at=exposed_time(asked.exposed_at),
        budget=duration("--budget", asked.budget) if asked.budget else 0.0,
        review_key=reader,
        key_fingerprint=fingerprint,
        key_id="",
        scratch=str(folder),
        egress=(*(account.egress if account else ()), *egress_globs),
        logs=(*(account.logs if account else ()), *log_globs),
        maps=(*(account.maps if account else ()), *(asked.maps or ())),
        known_webhooks=known,
        rules=tuple(asked.rules or ()),
        engine=asked.engine,
        personal_data=asked.with_personal_data,
        named=asked.with_personal_data,
        ours=(*(account.ours if account else ()), *map(review_subject.group, asked.ours or ())),
    )
    from ir.review.sql.engine import checked_limit

    checked_limit(asked.memory_limit)
    try:
        tell = _teller(opened, account, names, operator)
        code = (
            _watch(request, asked.watch, asked.memory_limit, screen, tell)
            if asked.watch
            else _once(request, asked.memory_limit, screen, sdk=asked.sdk)
        )
    finally:
        shutil.rmtree(folder / "review", ignore_errors=True)
    sys.exit(int(code))


def _once(request: ReviewRequest, memory_limit: str, screen: Screen, *, sdk: bool) -> ExitCode:
    from ir.review.present.json_document import MISUSE
    from ir.review.present.screen_summary import sdk_lines

    reviewed = _run(request, memory_limit, screen)
    told = told_findings.marked(_reviews(), request.account, reviewed.findings)
    reviewed = replace(reviewed, findings=told)
    _show(reviewed, request, screen)
    for line in sdk_lines(reviewed) if sdk and not screen.as_json else ():
        screen.out.print(plain(line), soft_wrap=True)
    return ExitCode.MISUSE if reviewed.verdict in MISUSE else ExitCode.DONE


def _run(request: ReviewRequest, memory_limit: str, screen: Screen) -> Reviewed:
    from ir.clients.stripe_api import StripeApi
    from ir.review import StripeReviewer

    try:
        api = StripeApi(request.api_base)
    except ValueError as error:
        raise UsageError(str(error)) from None
    reviewed = StripeReviewer(api, memory_limit=memory_limit).review(request, screen.progress)
    screen.hush()
    _write(Path(request.scratch) / "timeline.jsonl", reviewed)
    return reviewed


def _write(target: Path, reviewed: Reviewed) -> None:
    written_file.write(target, "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in reviewed.timeline))


def _show(reviewed: Reviewed, request: ReviewRequest, screen: Screen) -> None:
    from ir.review.present.json_document import document
    from ir.review.present.screen_summary import NEXT, lines

    if screen.as_json:
        screen.document(document(reviewed, request))
        return
    out, steps = screen.out, False
    kept = [file.name for name in _KEPT if (file := Path(request.scratch) / name).exists() and file.stat().st_size]
    files = f"Files: {request.scratch}/ ({', '.join(kept)})" if kept else ""
    width, height = (out.width, out.height - ceil(len(files) / out.width) - 2) if out.is_terminal else (0, 0)
    for line in lines(reviewed, width, height):
        steps = steps or line == NEXT
        # the next step is never cut; a piped screen is neither cut nor broken
        if steps or not out.is_terminal:
            out.print(plain(line), soft_wrap=True)
        else:
            out.print(plain(line), no_wrap=True, overflow="ellipsis", crop=True)
    if files:
        screen.say(files)


def _watch(request: ReviewRequest, watch: str, memory_limit: str, screen: Screen, tell: Callable[[list[Finding]], list[str]]) -> ExitCode:
    from ir.cli.review_watch import watch as run_on

    def look(until: float) -> Reviewed:
        return _run(replace(request, until=until), memory_limit, screen)

    def show(reviewed: Reviewed) -> None:
        _show(reviewed, request, screen)

    return run_on(look, show, tell, duration("--watch", watch), wiring.SystemClock(), screen, request.exposed_at)


def _teller(opened: Opened | None, account: Account | None, names: list[str], operator: Terminal) -> Callable[[list[Finding]], list[str]]:
    """The recipients of a watch's findings: the incidents of the inventory's key, and through them people."""

    def tell(found: list[Finding]) -> list[str]:
        if opened is None or account is None or not found:
            return []
        from ir.runtime import reopen

        kept = open_state()
        desk = wiring.desk(opened.source, kept, adapter_registry.reference_resolver(opened.source, operator, opened.base))
        told = reopen.tell_misuse(kept, account.id, names[0] if names else "", found, actor(), desk.announce)
        notifications.flush_all()
        return told

    return tell


def _reviews() -> Path:
    reviews: Any = state_folder.private(state_folder.folder() / "reviews")
    return Path(reviews)


def _folder(output: str) -> Path:
    if output:
        folder = Path(output)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (folder / "review").exists():  # our own scratch of that name is removed at the end
            raise Refused(f"{folder / 'review'} exists", safe="nothing was changed", next_step="choose another folder, or move it away")
        return folder
    return state_folder.private(_reviews() / datetime.now(UTC).strftime("%Y%m%dT%H%M%S-%f"))
