"""A stated exposure is an estimate: misuse shortly before it is not taken for what is usual."""

import json
from pathlib import Path

import pytest

from benchmarks import accounts, attacks
from ir.clients.stripe_api import StripeApi
from ir.ports import Reviewed, ReviewRequest
from ir.review import StripeReviewer
from ir.review.judge.detection import LOOK_BACK
from ir.review.judge.verdict import NONE
from ir.review.present.json_document import document
from ir.review.present.screen_summary import lines

NOWHERE = "http://127.0.0.1:9"


def reviewed(world: accounts.World, folder: Path, exposed: float) -> tuple[ReviewRequest, Reviewed]:
    files = accounts.write(world, folder / "logs", requests=False)
    since = world.until - 20 * accounts.DAY
    request = ReviewRequest("acct_1", NOWHERE, since, world.until, exposed, 0, None, "", "", str(folder), **files)
    return request, StripeReviewer(StripeApi(NOWHERE)).review(request, lambda _: None)


@pytest.mark.parametrize("name", ["refunds", "off_session", "cash_out"])
def test_an_attack_before_the_stated_exposure_is_found(name: str, tmp_path: Path) -> None:
    world = accounts.quiet(7001)
    attacks.ATTACKS[name](world)
    request, told = reviewed(world, tmp_path, world.until - 600)
    assert told.verdict in ("suspected", "confirmed")
    assert any(finding.severity in ("high", "critical") and world.evil & set(finding.evidence) for finding in told.findings)
    assert request.exposed_at - LOOK_BACK - 3600 <= told.began < request.exposed_at
    assert json.loads(json.dumps(document(told, request)))["window"]["misuse_before"] == told.began
    assert any("before the stated exposure" in line for line in lines(told))


def test_a_quiet_account_stays_quiet(tmp_path: Path) -> None:
    world = next(w for w in map(accounts.quiet, range(7000, 7100)) if w.hole == (0, 0) and w.loss == 0)
    _, told = reviewed(world, tmp_path, world.until - 6 * 3600)
    assert told.began == 0
    assert told.verdicts["writes"] == NONE
