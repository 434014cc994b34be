"""Signatures of approvals, and how many people they come to."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ir import inventory
from ir.cli.terminal.approval_signing import public_half, signed
from ir.core import sshsig
from ir.core.errors import BadFile, UsageError
from ir.core.model import Json
from ir.engine import approvals
from ir.engine.approvals import Question
from ir.inventory import Approver
from tests.programs import SSH_KEYGEN
from tests.sizes import examples
from tests.worlds.signers import Signer, made_by_ssh_keygen

WORDS = b'{"incident":"INC-1"}'


# ── signatures ──


@SSH_KEYGEN.needed
@pytest.mark.parametrize(
    ("kind", "options"), [("ed25519", ()), ("ecdsa", ("-b", "256")), ("ecdsa", ("-b", "521")), ("rsa", ("-b", "2048"))]
)
def test_what_ssh_keygen_signs_is_verified(tmp_path: Path, kind: str, options: tuple[str, ...]) -> None:
    key = made_by_ssh_keygen(tmp_path, kind, *options)
    armored = signed(str(key), WORDS)
    assert sshsig.verify(armored, WORDS) == public_half(str(key)) == public_half(f"{key}.pub")
    with pytest.raises(sshsig.BadSignature, match="not a signature over these words"):
        sshsig.verify(armored, WORDS + b" ")


@SSH_KEYGEN.needed
def test_what_we_sign_is_verified_by_ssh_keygen(tmp_path: Path) -> None:
    alice = Signer(tmp_path, "alice")
    (tmp_path / "sig").write_text(sshsig.sign(WORDS, alice.private))
    (tmp_path / "allowed").write_text(f"alice {alice.public}\n")
    argv = ["-Y", "verify", "-f", str(tmp_path / "allowed"), "-I", "alice", "-n", "ir-approve", "-s", str(tmp_path / "sig")]
    done = subprocess.run([SSH_KEYGEN.path, *argv], input=WORDS, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@SSH_KEYGEN.needed
def test_another_purpose_is_refused(tmp_path: Path) -> None:
    key = made_by_ssh_keygen(tmp_path, "ed25519")
    argv = [SSH_KEYGEN.path, "-Y", "sign", "-q", "-n", "file", "-f", str(key)]
    armored = subprocess.run(argv, input=WORDS, capture_output=True, check=True).stdout.decode()
    with pytest.raises(sshsig.BadSignature, match="not made for this purpose"):
        sshsig.verify(armored, WORDS)


@pytest.mark.parametrize("openssh", [True, False])
def test_keys_in_files_of_either_form_sign(tmp_path: Path, openssh: bool) -> None:
    alice = Signer(tmp_path, "alice", openssh=openssh)
    assert str(sshsig.verify(signed(str(alice.file), WORDS), WORDS)) == alice.public


def test_raw_bytes_are_a_key(tmp_path: Path) -> None:
    alice = Signer(tmp_path, "alice")
    raw = tmp_path / "raw"
    raw.write_bytes(alice.private.private_bytes_raw())
    assert str(public_half(str(raw))) == alice.public
    assert str(sshsig.verify(signed(str(raw), WORDS), WORDS)) == alice.public


@pytest.mark.parametrize(
    "content", [b"", b"x" * 31, b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", None]
)
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    with pytest.raises(UsageError):
        public_half(str(tmp_path / "key"))


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, 250), st.binary(min_size=1, max_size=4))
def test_a_damaged_signature_never_holds(tmp_path_factory: pytest.TempPathFactory, at: int, noise: bytes) -> None:
    import base64

    alice = Signer(tmp_path_factory.getbasetemp(), "alice")
    lines = sshsig.sign(WORDS, alice.private).splitlines()
    blob = base64.b64decode("".join(lines[1:-1]))
    damaged = blob[:at] + noise + blob[at + len(noise) :]
    text = "\n".join([lines[0], base64.b64encode(damaged).decode(), lines[-1]])
    if damaged == blob:
        return
    try:
        assert str(sshsig.verify(text, WORDS)) != alice.public
    except sshsig.BadSignature:
        return


@given(st.text(max_size=300))
def test_anything_else_is_no_signature(text: str) -> None:
    for candidate in (text, f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----"):
        with pytest.raises(sshsig.BadSignature):
            sshsig.verify(candidate, WORDS)


# ── people ──


@pytest.fixture
def alice(tmp_path: Path) -> Signer:
    return Signer(tmp_path, "alice")


@pytest.fixture
def bob(tmp_path: Path) -> Signer:
    return Signer(tmp_path, "bob")


def asked(*signers: Signer, needs: int = 2, requester: str = "mallory@laptop", **logins: list[str]) -> Question:
    rows = tuple(Approver(name=s.name, key=s.public, logins=logins.get(s.name, [])) for s in signers)
    return Question("INC-1", "retire", "plan-hash", "2026-11-23T03:00:00Z", needs, requester, rows)


def unsigned(by: str, **more: object) -> Json:
    return {"kind": "approve", "plan": "plan-hash", "step": "retire", "seen": "2026-11-23T03:00:00Z", "until": 200.0, "by": by, **more}


def by_key(signer: Signer, name: str = "", **more: object) -> Json:
    body = {**unsigned(signer.name), "name": name or signer.name}
    words = approvals.statement("INC-1", "retire", "plan-hash", body["seen"], 200, body["name"])
    return {**body, "signature": sshsig.sign(words, signer.private), **more}


def granted(question: Question, *signals: Json, now: float = 100.0) -> bool:
    return bool(approvals.weigh(question, signals, now)["granted"])


def test_two_signed_people_are_two(alice: Signer, bob: Signer) -> None:
    question = asked(alice, bob)
    assert not granted(question, by_key(alice))
    assert not granted(question, by_key(alice), by_key(alice))
    weighed = approvals.weigh(question, [by_key(alice), by_key(bob)], 100.0)
    assert weighed["granted"] and [p["name"] for p in weighed["people"]] == ["alice", "bob"]
    assert "alice (signed with SHA256:" in weighed["said"]


def test_where_several_are_needed_only_signatures_count(alice: Signer, bob: Signer) -> None:
    question = asked(alice, bob)
    weighed = approvals.weigh(question, [unsigned("carol@a"), unsigned("dave@b"), by_key(alice)], 100.0)
    assert not weighed["granted"] and [person["name"] for person in weighed["people"]] == ["alice"]
    assert "carol@a, it is not signed, and where several people are needed only signatures count" in weighed["said"]
    assert not granted(asked(alice, needs=2, alice=["al"]), unsigned("al@host"), by_key(alice))
    assert granted(asked(alice, needs=1), unsigned("carol@a")), "where one is enough, any name is"


def test_a_key_that_was_taken_out_of_the_inventory_since_is_refused_by_name(alice: Signer, bob: Signer) -> None:
    question = replace(asked(alice, bob), removed=(Approver(name="bob", key=bob.public),))
    weighed = approvals.weigh(question, [by_key(alice), by_key(bob)], 100.0)
    assert not weighed["granted"] and "the key of bob that has been taken out of the inventory since" in weighed["said"]


def test_one_who_opened_it_is_none_of_several(alice: Signer, bob: Signer) -> None:
    for requester in ("alice", "alice@laptop"):
        weighed = approvals.weigh(asked(alice, bob, requester=requester), [by_key(alice), by_key(bob)], 100.0)
        assert not weighed["granted"] and weighed["not_counted"] == [{"by": "alice", "why": "it is from the one who opened the incident"}]
    assert not granted(asked(alice, bob, requester="al@x", alice=["al"]), by_key(alice), by_key(bob))
    assert not granted(asked(alice, bob), by_key(bob, name="alice"), by_key(bob))
    assert granted(asked(alice, needs=1, requester="alice"), by_key(alice)), "where one is enough, it may be the same"


def test_an_approval_is_of_one_step_plan_and_verification_and_expires(alice: Signer, bob: Signer) -> None:
    question = asked(alice, bob)
    good = by_key(bob)
    assert granted(question, by_key(alice), good)
    assert not granted(question, by_key(alice), good, now=200.0)
    for part, value in (
        ("plan", "other"),
        ("step", "contain"),
        ("seen", "2026-11-23T02:00:00Z"),
        ("seen", ""),
        ("until", 900.0),
        ("name", "alice"),
    ):
        assert not granted(question, by_key(alice), {**good, part: value}), part
    assert not granted(question, by_key(alice), {k: v for k, v in good.items() if k != "seen"})
    assert not granted(question, by_key(alice), {k: v for k, v in good.items() if k != "until"})


def test_a_signature_of_somebody_who_is_not_listed_is_nobodys(alice: Signer, bob: Signer) -> None:
    weighed = approvals.weigh(asked(alice), [by_key(bob), by_key(bob, name="alice")], 100.0)
    assert not weighed["people"] and len(weighed["not_counted"]) == 2
    assert "does not list" in weighed["not_counted"][0]["why"]


def test_a_forged_signature_does_not_fall_back_to_unsigned(alice: Signer) -> None:
    forged = {**by_key(alice), "signature": "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----"}
    weighed = approvals.weigh(asked(alice, needs=1), [forged], 100.0)
    assert not weighed["granted"] and "does not hold" in weighed["said"]


def test_broken_glass_is_enough_and_loud(alice: Signer, bob: Signer) -> None:
    weighed = approvals.weigh(asked(alice, bob), [unsigned("mallory@laptop", break_glass="everybody sleeps")], 100.0)
    assert weighed["granted"] and weighed["said"].startswith("BREAK GLASS by mallory@laptop: everybody sleeps")
    assert not granted(asked(alice, bob), unsigned("mallory@laptop", break_glass="x", until=50.0))


BOOK = "version: 1\naccounts: [{{name: main, id: acct_1A, mode: test}}]\nkeys: [{{name: k, account: main, kind: secret, stored_in: ['env://K']}}]\n{}"


def test_the_inventory_says_what_is_wrong_with_a_key(alice: Signer) -> None:
    cases = {
        "approvers: [{name: alice, key: nonsense}]": "public key",
        f"approvers: [{{name: alice, key: '{alice.public[:40]}'}}]": "cut or damaged",
        f"approvers: [{{name: alice, key: '{alice.public}'}}, {{name: bob, key: '{alice.public}'}}]": "belongs to `alice`",
    }
    for text, said in cases.items():
        with pytest.raises(BadFile, match=said) as caught:
            inventory.loads(BOOK.format(text), "keys.yaml")
        assert caught.value.line > 0
    assert inventory.loads(BOOK.format(f"approvers: [{{name: alice, key: '{alice.public} alice@home'}}]"), "keys.yaml").approvers
