"""Whose uses of one key do logs tell? Ours by our own log, address or declared group; a stranger's otherwise; our probes are none."""

import json
from pathlib import Path

import pytest

from ir.core.secret import Secret
from ir.ports import ReviewRequest
from ir.review import key_users

KEY = "sk_" + "test_" + "used0used0used0used0used"
NOW = 1_796_000_000
MARK = f"key:{Secret(KEY).fingerprint}"


def row(at: int, ident: str, ip: str, agent: str, key: str = "mk_old") -> dict[str, object]:
    call = {"method": "POST", "path": "/v1/charges", "status": 200}
    return {"timestamp": at, "request_id": ident, "ip": ip, "user_agent": agent, "api_key": key, **call}


def asked(folder: Path, own: list[dict[str, object]], every: list[dict[str, object]], **more: object) -> ReviewRequest:
    for name, rows in (("egress.jsonl", own), ("requests.jsonl", every)):
        (folder / name).write_text("".join(json.dumps(one) + "\n" for one in rows))
    return ReviewRequest(
        account="acct_1",
        api_base="",
        since=0.0,
        until=NOW,
        exposed_at=0.0,
        budget=0.0,
        review_key=None,
        key_fingerprint=Secret(KEY).fingerprint,
        key_id="mk_old",
        scratch=str(folder / "scratch"),
        egress=(str(folder / "egress.jsonl"),) if own else (),
        logs=(str(folder / "requests.jsonl"),) if every else (),
        **more,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("own", "every", "more", "ours"),
    [
        ([row(NOW, "req_a1", "10.0.0.5", "cron/1.0")], [], {}, True),
        ([row(NOW, "req_a1", "10.0.0.5", "cron/1.0", key=KEY)], [], {}, True),
        ([], [row(NOW, "req_b1", "198.51.100.7", "python-requests/2.31")], {}, False),
        ([], [row(NOW, "req_b1", "203.0.113.7", "python-requests/2.31")], {"addresses": ("203.0.113.0/24",)}, True),
        ([], [row(NOW, "req_b1", "198.51.100.7", "nightly/1.0")], {"ours": ("nightly@198.51.100.0/24",)}, True),
        ([row(NOW, "req_b1", "10.0.0.5", "cron/1.0", key="")], [row(NOW, "req_b1", "198.51.100.7", "x/1.0")], {}, True),
        ([row(NOW - 90, "req_z9", "198.51.100.7", "cron/1.0", key="")], [row(NOW, "req_b1", "198.51.100.7", "x/1.0")], {}, True),
    ],
    ids=["our log", "our log, by value", "a stranger", "own address", "declared group", "our log has its id", "our log knows its address"],
)
def test_whose_it_was(
    tmp_path: Path, own: list[dict[str, object]], every: list[dict[str, object]], more: dict[str, object], ours: bool
) -> None:
    (use,) = key_users.users(asked(tmp_path, own, every, **more), NOW - 60, lambda _text: None)
    assert use.ours is ours and use.at == NOW and use.by_us is (not every)
    assert KEY not in use.who and not (tmp_path / "scratch" / "users").exists()


def test_other_keys_earlier_uses_and_our_own_probes_are_none(tmp_path: Path) -> None:
    every = [
        row(NOW, "req_b1", "198.51.100.7", "x/1.0", key="mk_new"),
        row(NOW - 3600, "req_b2", "198.51.100.7", "x/1.0"),
        row(NOW, "req_b3", "198.51.100.7", "Stripe/v1 PythonBindings/16.1.0 ir/1.0"),
        row(NOW, "req_b4", "198.51.100.7", "x/1.0"),
    ]
    assert key_users.users(asked(tmp_path, [], every, own_requests=("req_b4",)), NOW - 60, lambda _text: None) == ()


def test_of_a_long_log_its_end_is_read(tmp_path: Path) -> None:
    many = [row(NOW - 7200 + number // 10, f"req_x{number:07d}", "10.0.0.1", "web/1.0", key="mk_new") for number in range(40_000)]
    asking = asked(tmp_path, [], [*many, row(NOW, "req_b1", "198.51.100.7", "x/1.0")])
    assert (tmp_path / "requests.jsonl").stat().st_size > 4_000_000
    (use,) = key_users.users(asking, NOW - 60, lambda _text: None)
    assert not use.ours and use.who == "x at 198.51.100.7"
