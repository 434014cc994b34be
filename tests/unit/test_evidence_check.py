"""The verifier that lies in each bundle: its Ed25519, its Merkle tree, its signatures, and each kind of tampering by name."""

import copy
import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ir.core import sshsig
from ir.core.model import Json
from ir.evidence import hash_chain
from ir.evidence.bundle_verifier import NAMESPACE, Tree, ed25519_holds, printable, signer_of, wanted_keys
from ir.evidence.checkpoints import Signer, statement
from ir.evidence.hash_chain import canonical, chained, verify
from tests.programs import SSH_KEYGEN
from tests.sizes import examples

SIGNER = Signer(Ed25519PrivateKey.generate())
OTHER = Signer(Ed25519PrivateKey.generate())

RFC_8032 = [  # 7.1: public key, message, signature
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [  # of the first n leaves: the test tree of the Certificate Transparency reference implementation
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("holds", [ed25519_holds, hash_chain.ed25519_holds])
@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_ed25519_of_rfc_8032(public: str, message: str, signature: str, holds: Callable[[bytes, bytes, bytes], bool]) -> None:
    key, words, signed = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert holds(key, signed, words)
    assert not holds(key, signed, words + b"x")
    assert not holds(key, signed[:-1] + bytes([signed[-1] ^ 1]), words)
    order = 2**252 + 27742317777372353535851937790883648493
    again = (int.from_bytes(signed[32:], "little") + order).to_bytes(32, "little")
    assert not holds(key, signed[:32] + again, words), "a second form of the same signature is refused"


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 63), st.integers(1, 255))
def test_ed25519_agrees_with_the_library(message: bytes, at: int, flip: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(message).digest())
    public, signed = key.public_key().public_bytes_raw(), key.sign(message)
    assert ed25519_holds(public, signed, message)
    assert not ed25519_holds(public, signed[:at] + bytes([signed[at] ^ flip]) + signed[at + 1 :], message)


@pytest.mark.parametrize("bad", [b"", b"\xff" * 32, (2**255 - 19).to_bytes(32, "little"), (2).to_bytes(32, "little")])
def test_what_is_no_point_is_no_key(bad: bytes) -> None:
    assert not ed25519_holds(bad, bytes(64), b"")
    assert not hash_chain.ed25519_holds(bad, bytes(64), b"")


def test_the_tree_of_rfc_6962() -> None:
    tree = Tree()
    assert tree.root() == ROOTS[0]
    for leaf, root in zip(LEAVES, ROOTS[1:], strict=True):
        tree.add(bytes.fromhex(leaf))
        assert tree.root() == root


@SSH_KEYGEN.needed
def test_signatures_are_those_of_ssh_keygen(tmp_path: Path) -> None:
    program = SSH_KEYGEN.path
    subprocess.run([program, "-q", "-t", "ed25519", "-N", "", "-f", "key"], cwd=tmp_path, check=True)
    signed = subprocess.run([program, "-Y", "sign", "-q", "-n", NAMESPACE, "-f", "key"], cwd=tmp_path, input=b"words", capture_output=True)
    line = (tmp_path / "key.pub").read_text()
    assert signer_of(signed.stdout.decode(), b"words", NAMESPACE) in wanted_keys(line)
    with pytest.raises(ValueError, match="hold"):
        signer_of(signed.stdout.decode(), b"other words", NAMESPACE)
    with pytest.raises(ValueError, match="purpose"):
        signer_of(signed.stdout.decode(), b"words", "ir-approve")
    ours = SIGNER.signed({"size": 1})
    (tmp_path / "allowed").write_text(f"ir {SIGNER.public}\n")
    (tmp_path / "sig").write_text(ours["signature"])
    argv = [program, "-Y", "verify", "-f", "allowed", "-I", "ir", "-n", NAMESPACE, "-s", "sig"]
    assert subprocess.run(argv, cwd=tmp_path, input=canonical(ours["statement"]), capture_output=True, check=False).returncode == 0


def chain(length: int, incident: str = "INC-1", actor: str = "me") -> list[Json]:
    entries: list[Json] = []
    for number in range(length):
        kind = "ended" if number == length - 1 else "step"
        at = f"2026-11-23T03:00:{number:02}Z"
        before = entries[-1] if entries else None
        entries.append(chained(before, at=at, incident=incident, kind=kind, step="s", actor=actor, body={"n": number, "é": "\ud800"}))
    return entries


def checkpoint(entries: list[Json], signer: Signer = SIGNER) -> Json:
    tree = Tree()
    for entry in entries:
        tree.add(canonical(entry))
    return signer.signed(statement(entries[-1], tree))


WHOLE = chain(9)
SIGNED = [checkpoint(WHOLE[:4]), checkpoint(WHOLE[:7]), checkpoint(WHOLE)]
KEY = str(SIGNER.public)


def rehashed(entries: list[Json]) -> list[Json]:
    """Every hash and link made right again, as somebody does who knows how."""
    made: list[Json] = []
    for entry in entries:
        rest = {name: entry[name] for name in ("at", "incident", "kind", "step", "actor", "body")}
        made.append(chained(made[-1] if made else None, **rest))
    return made


def test_what_is_whole_holds_as_far_as_something_outside_says() -> None:
    alone = verify(WHOLE, checkpoints=SIGNED)
    assert (alone.holds, alone.state, alone.covered, alone.signers) == (True, "unanchored", 0, (SIGNER.public.fingerprint,))
    for key in (KEY, SIGNER.public.fingerprint, f"# ours\n{OTHER.public}\n{KEY} comment"):
        signed = verify(WHOLE, checkpoints=SIGNED, public_key=key)
        assert (signed.holds, signed.state, signed.covered) == (True, "signed", 9)
    part = verify(WHOLE, checkpoints=SIGNED[:2], public_key=KEY)
    assert part.covered == 7
    assert "2 entries came later" in part.notes[0]
    held = verify(WHOLE, checkpoints=SIGNED, anchor=WHOLE[5]["hash"])
    assert (held.state, held.covered) == ("anchored", 6)
    assert any("not an end" in note for note in verify(WHOLE[:7]).notes)


EDITED = copy.deepcopy(WHOLE)
EDITED[5]["actor"] = "somebody else"
FORGED = rehashed(EDITED)
STRANGE = chain(9, actor="stranger")
CASES = {
    "edited": (EDITED, "edited: entry 5 was edited"),
    "edited and rehashed": (FORGED, "rewritten: the first 7 entries"),
    "reordered": ([*WHOLE[:3], WHOLE[4], WHOLE[3], *WHOLE[5:]], "reordered: entry 3 stands behind entry 4"),
    "reordered and rehashed": (rehashed([*WHOLE[:3], WHOLE[4], WHOLE[3], *WHOLE[5:]]), "rewritten: the first 4 entries"),
    "removed": ([*WHOLE[:3], *WHOLE[4:]], "truncated: entry 3 is missing"),
    "truncated": (WHOLE[:-2], "truncated: checkpoint 2 counts 9 entries, here are 7"),
    "added": ([*WHOLE[:5], WHOLE[4], *WHOLE[5:]], "spliced: behind entry 4 another entry 4 was added"),
    "spliced": ([*WHOLE[:5], *STRANGE[5:]], "spliced: entry 5 does not follow the one before it"),
    "another incident": ([*WHOLE[:5], *chain(9, incident="INC-2")[5:]], "spliced: entry 5 belongs to another incident"),
    "another stream": (STRANGE, "rewritten: the first 4 entries"),
    "another incident's stream": (chain(9, incident="INC-2"), "spliced: checkpoint 0 belongs to 'INC-1'"),
    "nothing": ([], "truncated: there are no entries"),
}


@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_tampering_is_named(name: str) -> None:
    entries, said = CASES[name]
    for key in ("", KEY):
        verdict = verify(entries, checkpoints=SIGNED, public_key=key)
        assert not verdict.holds
        assert said in verdict.said
        assert verdict.state == "broken"


def test_a_forger_who_drops_or_remakes_the_checkpoints_is_caught_by_what_lies_outside() -> None:
    remade = [checkpoint(FORGED, OTHER)]
    assert verify(FORGED, checkpoints=remade).holds, "nothing inside the bundle can tell"
    assert "no checkpoint is signed by SHA256:" in verify(FORGED, checkpoints=remade, public_key=KEY).said
    assert "no checkpoint is signed by SHA256:" in verify(FORGED, public_key=KEY).said
    assert "the head that was kept outside" in verify(FORGED, checkpoints=remade, anchor=WHOLE[-1]["hash"]).said
    mixed = verify(WHOLE, checkpoints=[*SIGNED, *remade], public_key=KEY)
    assert mixed.holds, "a stranger's checkpoint counts for nothing"
    assert any("other keys" in note for note in mixed.notes)
    owner = [checkpoint(FORGED)]
    assert verify(FORGED, checkpoints=owner, public_key=KEY).holds, "the owner of the key can rewrite what was never noted outside"


@pytest.mark.parametrize("field", ["size", "merkle_root", "head_hash", "ts", "incident"])
def test_an_edited_checkpoint_is_named(field: str) -> None:
    edited = copy.deepcopy(SIGNED)
    edited[1]["statement"][field] = 3 if field == "size" else "x"
    assert "edited: checkpoint 1 was edited" in verify(WHOLE, checkpoints=edited).said


@pytest.mark.parametrize("bad", [None, [], "x", {}, {"statement": {}, "signature": "x"}, {"statement": {"size": 1}, "signature": None}])
def test_a_checkpoint_of_any_other_form_is_named(bad: Json) -> None:
    assert "checkpoint 0 was edited" in verify(WHOLE, checkpoints=[bad]).said


@given(st.binary(max_size=300))
@settings(max_examples=examples(100), deadline=None)
def test_no_signature_makes_it_fall(noise: bytes) -> None:
    armored = sshsig.sign(b"words", Ed25519PrivateKey.generate(), NAMESPACE)
    for text in (noise.decode("latin-1"), armored.replace(armored[60:90], noise.decode("latin-1"))):
        verdict = verify(WHOLE, checkpoints=[{"statement": {"size": 1}, "signature": text}])
        assert "checkpoint 0 was edited" in verdict.said


json_values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda c: st.lists(c, max_size=3))


@given(st.integers(0, 8), st.sampled_from(["n", "at", "incident", "kind", "step", "actor", "body", "prev", "hash", "more"]), json_values)
@settings(max_examples=examples(100), deadline=None)
def test_no_value_in_an_entry_makes_it_fall(index: int, name: str, value: object) -> None:
    entries = copy.deepcopy(WHOLE)
    entries[index][name] = value
    try:
        text = json.dumps(entries[index], allow_nan=False)
    except ValueError:
        return
    if json.loads(text) == WHOLE[index] and not isinstance(value, bool):
        return
    assert not verify(entries).holds


def test_nothing_that_it_says_commands_a_terminal() -> None:
    assert printable("a\x1b[2J\u202eb\x9b") == "a?[2J?b?"
