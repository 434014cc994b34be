"""What do our own egress logs tell of calls that Stripe refused since the services moved?"""

import json
from pathlib import Path

from ir.ports import LoggedCalls, ReviewRequest
from ir.review import refusals

NOW, MOVED = 1_796_000_000, 1_795_999_000
NEW = "0123456789abcdef"
REFUNDS, CHARGES = "/v1/refunds", "/v1/charges/ch_3Ln3fO2eZvKYlo2C1kqP3AMr"


def row(at: int, method: str, path: str, status: int, **more: object) -> dict[str, object]:
    return {
        "ts": at,
        "method": method,
        "path": path,
        "status": status,
        "request_id": f"req_{method}{at}x{status}",
        "service": "checkout",
        **more,
    }


def logged(folder: Path, *rows: dict[str, object], files: bool = True) -> LoggedCalls | None:
    (folder / "egress.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    request = ReviewRequest(
        account="acct_1",
        api_base="",
        since=0.0,
        until=NOW,
        exposed_at=0.0,
        budget=0.0,
        review_key=None,
        key_fingerprint=NEW,
        key_id="mk_new",
        scratch=str(folder / "scratch"),
        egress=(str(folder / "egress.jsonl"),) if files else (),
    )
    return refusals.refused(request, MOVED, lambda _text: None)


def told(folder: Path, *rows: dict[str, object], files: bool = True) -> object:
    found = logged(folder, *rows, files=files)
    return found if found is None else [(one.method, one.endpoint, one.service, one.at) for one in found.refused]


def test_a_call_that_worked_before_and_is_refused_since_is_told_by_its_endpoint(tmp_path: Path) -> None:
    rows = [row(MOVED - 50, "POST", REFUNDS, 200), row(NOW, "POST", REFUNDS, 403), row(NOW, "GET", CHARGES, 403)]
    assert told(tmp_path, *rows) == [("GET", "/v1/charges/:id", "checkout", NOW), ("POST", REFUNDS, "checkout", NOW)]
    assert not (tmp_path / "scratch" / "refusals").exists()


def test_what_was_refused_before_too_is_not_in_use(tmp_path: Path) -> None:
    assert told(tmp_path, row(MOVED - 50, "POST", REFUNDS, 403), row(NOW, "POST", REFUNDS, 403)) == []


def test_what_works_again_is_not_refused_any_more(tmp_path: Path) -> None:
    assert told(tmp_path, row(NOW - 60, "POST", REFUNDS, 403), row(NOW, "POST", REFUNDS, 402)) == []


def test_a_refusal_of_another_key_or_of_another_account_is_none(tmp_path: Path) -> None:
    other = row(NOW, "POST", REFUNDS, 403, api_key="mk_other")
    connect = row(NOW, "POST", CHARGES, 403, error_code="account_invalid")
    assert told(tmp_path, other, connect, row(NOW, "POST", "/v1/charges", 200)) == []


def test_a_log_that_holds_no_call_since_then_tells_nothing(tmp_path: Path) -> None:
    assert told(tmp_path, row(MOVED - 50, "POST", REFUNDS, 403)) is None
    assert told(tmp_path, files=False) is None


def test_the_programs_whose_calls_it_holds_are_told(tmp_path: Path) -> None:
    lines = [
        row(NOW, "POST", REFUNDS, 200),
        row(NOW, "GET", CHARGES, 200, service="billing"),
        row(MOVED - 9, "GET", CHARGES, 200, service="late"),
    ]
    found = logged(tmp_path, *lines)
    assert found is not None and found.services == {"checkout", "billing"}
