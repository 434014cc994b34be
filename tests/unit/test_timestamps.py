"""Time stamps over checkpoints, from an authority that openssl plays."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ir.core.errors import Missing, Rejected, UsageError
from ir.core.model import Json
from ir.evidence import bundle_verifier, checkpoints, timestamps
from ir.evidence.checkpoints import Signer
from ir.evidence.hash_chain import canonical, chained
from tests.programs import OPENSSL
from tests.worlds.stamping import Authority, authority, openssl

pytestmark = [pytest.mark.server, OPENSSL.needed]


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with authority(tmp_path_factory.mktemp("tsa")) as made:
        yield made


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer(Ed25519PrivateKey.generate())


def checkpoint(signer: Signer, size: int = 3) -> Json:
    return signer.signed({"incident": "INC-1", "size": size, "merkle_root": "00", "head_hash": "11", "ts": "now"})


def test_a_stamp_holds_for_us_and_for_openssl(tsa: Authority, signer: Signer, tmp_path: Path) -> None:
    stamped = timestamps.fetch(checkpoint(signer), tsa.url)
    stamp = timestamps.read(stamped, timestamps.roots_in(tsa.root))
    assert (stamp.entries, stamp.by) == (3, "CN=an authority")
    assert stamp.at.endswith("Z")
    (tmp_path / "c.json").write_bytes(timestamps.stamped(stamped))
    (tmp_path / "c.tsr").write_bytes(base64.b64decode(stamped["timestamp"]))
    told = openssl("ts", "-verify", "-data", f"{tmp_path}/c.json", "-in", f"{tmp_path}/c.tsr", "-CAfile", str(tsa.root))
    assert "OK" in told


def test_the_authority_sees_a_hash_only(tsa: Authority, signer: Signer) -> None:
    made = checkpoint(signer)
    timestamps.fetch(made, tsa.url)
    assert b"INC-1" not in tsa.asked[-1]
    assert made["signature"].encode() not in tsa.asked[-1]


def test_a_stamp_of_another_checkpoint_is_named(tsa: Authority, signer: Signer) -> None:
    stamped = timestamps.fetch(checkpoint(signer), tsa.url)
    with pytest.raises(Rejected, match="something else"):
        timestamps.read({**checkpoint(signer, 4), "timestamp": stamped["timestamp"]})


def test_an_authority_that_nobody_trusts_is_named(tsa: Authority, signer: Signer, tmp_path: Path) -> None:
    stamped = timestamps.fetch(checkpoint(signer), tsa.url)
    with authority(tmp_path) as other, pytest.raises(Rejected, match="does not hold"):
        timestamps.read(stamped, timestamps.roots_in(other.root))


@pytest.mark.parametrize("kind", ["junk", "rejection", "replay"])
def test_an_answer_that_is_no_stamp_of_ours_is_refused(tsa: Authority, signer: Signer, kind: str) -> None:
    earlier = base64.b64decode(timestamps.fetch(checkpoint(signer), tsa.url)["timestamp"])
    # RFC 3161 §2.4.2: PKIStatusInfo with status 2 and no token.
    tsa.answers = {"junk": b"<html>", "rejection": bytes.fromhex("30053003020102"), "replay": earlier}[kind]
    try:
        with pytest.raises(Rejected):
            timestamps.fetch(checkpoint(signer), tsa.url)
    finally:
        tsa.answers = b""


def test_nobody_there_and_no_certificate(signer: Signer, tmp_path: Path) -> None:
    with pytest.raises(Missing):
        timestamps.fetch(checkpoint(signer), "http://127.0.0.1:9/")
    (tmp_path / "none.pem").write_text("nothing")
    with pytest.raises(UsageError):
        timestamps.roots_in(tmp_path / "none.pem")


def test_an_answer_with_a_chain_of_certificates_is_read(signer: Signer, tmp_path: Path) -> None:
    with authority(tmp_path, chain=True) as tsa:
        stamped = timestamps.fetch(checkpoint(signer), tsa.url)
        assert timestamps.read(stamped, timestamps.roots_in(tsa.root)).by == "CN=an authority"
        (plain,) = bundle_verifier.stamps_of([stamped])
        assert plain.at[:19] == timestamps.read(stamped).at[:19], "the program of the bundle reads the same time"


def test_of_two_stamps_the_earlier_is_kept(tsa: Authority, signer: Signer) -> None:
    made = checkpoint(signer)
    first = timestamps.fetch(made, tsa.url)
    second = timestamps.fetch(made, tsa.url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timestamps, "read", lambda one: timestamps.Stamp(3, "2026-01-01" if one is second else "2026-01-02"))
        assert timestamps.earlier(first, second) is second and timestamps.earlier(second, first) is second


def test_a_stamp_is_an_anchor_for_the_program_of_the_bundle(tsa: Authority, signer: Signer, tmp_path: Path) -> None:
    entry = chained(None, at="2026-11-23T03:00:00.000Z", incident="INC-1", kind="ended", step="", actor="kim", body={})
    made = signer.signed(checkpoints.statement(entry, checkpoints.tree_of([entry])))
    stamped = timestamps.fetch(made, tsa.url)
    bare = bundle_verifier.check([canonical(entry)], [stamped])
    assert bare.state == "unanchored"
    told = bundle_verifier.with_stamps(bare, [stamped], str(tsa.root))
    assert (told.holds, told.state, told.covered) == (True, "anchored", 1)
    assert "unanchored" not in told.said and "anchored by a time stamp" in told.said
    other = tmp_path / "another"
    other.mkdir()
    with authority(other) as stranger:
        assert "is not signed under" in bundle_verifier.with_stamps(bare, [stamped], str(stranger.root)).said
    moved = {**stamped, "statement": {**stamped["statement"], "ts": "earlier"}}
    assert "covers something else" in bundle_verifier.with_stamps(bare, [moved], "").said
    torn = {**stamped, "timestamp": stamped["timestamp"][:40]}
    assert not bundle_verifier.with_stamps(bare, [torn], "").holds
