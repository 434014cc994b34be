"""A pasted key is compared with what listed stores, services and other keys hold; nothing is run or told a secret for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ir import inventory
from ir.core.secret import Secret
from ir.drill.simulated.world import SimOperator
from ir.runtime.known_keys import KnownKeys
from tests.worlds.service_world import Instance, ServiceWorld

OURS = "sk_" + "test_" + "ours00ours00ours00ours00"
ANOTHER = "sk_" + "test_" + "other0other0other0other0"
IN_A_SERVICE = "sk_" + "test_" + "served0served0served0serve"
REVIEW = "rk_" + "test_" + "review0review0review0revie"
FREE = "sk_" + "test_" + "free0free0free0free0free00"


@pytest.fixture
def service() -> Iterator[ServiceWorld]:
    with ServiceWorld([Instance("a", Secret(IN_A_SERVICE).fingerprint)]) as made:
        yield made


def known(folder: Path, service: ServiceWorld, *, more: str = "") -> tuple[KnownKeys, SimOperator]:
    for name, value in (("pay.env", OURS), ("other.env", ANOTHER), ("review.env", REVIEW)):
        (folder / name).write_text(f"KEY={value}\n")
        (folder / name).chmod(0o600)
    check = f'{{http: "{service.url}/healthz", expect: {{json: {{key_fingerprint: "{{{{ new.fingerprint }}}}"}}}}}}'
    text = f"""\
version: 1
accounts:
- {{name: main, id: acct_1, mode: test, review_key: 'dotenv://review.env#KEY'}}
- {{name: second, id: acct_2, mode: test}}
keys:
- {{name: payments, account: main, kind: secret, stored_in: ['dotenv://pay.env#KEY']}}
- {{name: other, account: second, kind: secret, stored_in: ['dotenv://other.env#KEY', 'command://vault']}}
services:
- {{name: shop, uses: [payments], reads_from: 'dotenv://pay.env#KEY', reload: {{polls: 1s}}, verify: [{check}]}}
commands:
- {{name: vault, read: ['/bin/touch', '{folder}/ran'], write: ['/bin/false']}}
{more}"""
    source, operator = inventory.loads(text, "inventory.yaml"), SimOperator()
    return KnownKeys(source, source.key("payments"), operator, folder, programs=True), operator


@pytest.mark.parametrize(
    ("value", "holder"),
    [(ANOTHER, "the store of key other"), (IN_A_SERVICE, "service shop"), (REVIEW, "the review_key of account main"), (FREE, "")],
)
def test_who_holds_it_is_named_and_no_other_keys_program_is_run(tmp_path: Path, service: ServiceWorld, value: str, holder: str) -> None:
    keys, operator = known(tmp_path, service)
    said = keys.holder_of(Secret(value))
    assert (holder in said if holder else said == "") and not (tmp_path / "ran").exists()
    assert operator.told == [] and value not in said


def test_what_gives_no_answer_is_named_as_not_compared(tmp_path: Path, service: ServiceWorld) -> None:
    keys, operator = known(tmp_path, service)
    (tmp_path / "other.env").unlink()
    assert keys.holder_of(Secret(FREE)) == ""
    assert "Not compared" in operator.told[0] and "other.env" in operator.told[0]
