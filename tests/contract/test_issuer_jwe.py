"""Sealed keys: what opens, and what is refused by name."""

import base64
import json
import os

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ir.adapters.issuers.jwe import RSA_BITS, Envelope
from ir.adapters.issuers.token_match import fits
from ir.core.errors import Rejected
from ir.core.secret import Secret

PLAIN = "rk_" + "live_" + os.urandom(20).hex()


@pytest.fixture(scope="module")
def envelope() -> Envelope:
    return Envelope()


def part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def seal(pem: str, plain: bytes = PLAIN.encode(), cek_bytes: int = 32, header: dict[str, object] | None = None) -> list[str]:
    """A compact JWE in its five parts, made as RFC 7516 says."""
    public = serialization.load_pem_public_key(pem.encode())
    assert isinstance(public, rsa.RSAPublicKey)
    fields = {"alg": "RSA-OAEP-256", "enc": "A256GCM"} | (header or {})
    digest = hashes.SHA1() if fields["alg"] == "RSA-OAEP" else hashes.SHA256()  # noqa: S303  # RFC 7518 fixes it
    protected = part(json.dumps(fields).encode())
    cek, iv = os.urandom(cek_bytes), os.urandom(12)
    sealed = AESGCM(cek).encrypt(iv, plain, protected.encode())
    wrapped = public.encrypt(cek, padding.OAEP(padding.MGF1(digest), digest, None))
    return [protected, *(part(raw) for raw in (wrapped, iv, sealed[:-16], sealed[-16:]))]


@pytest.mark.parametrize("alg", ["RSA-OAEP", "RSA-OAEP-256"])
def test_what_is_meant_for_us_opens(envelope: Envelope, alg: str) -> None:
    compact = ".".join(seal(envelope.public_pem, header={"alg": alg}))
    wrapped = base64.b64encode(compact.encode()).decode()
    for form in (compact, f"{compact}\n", wrapped, wrapped.rstrip("="), part(compact.encode())):
        assert envelope.open(form) == Secret(PLAIN)


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ({"alg": "RSA1_5"}, "RSA1_5"),
        ({"alg": "none"}, "none"),
        ({"alg": "dir"}, "dir"),
        ({"enc": "A128GCM"}, "A128GCM"),
        ({"enc": "A256CBC-HS512"}, "A256CBC-HS512"),
        ({"zip": "DEF"}, "zip"),
        ({"crit": ["exp"]}, "crit"),
    ],
)
def test_other_algorithms_are_refused_by_name(envelope: Envelope, header: dict[str, object], named: str) -> None:
    with pytest.raises(Rejected, match=named):
        envelope.open(".".join(seal(envelope.public_pem, header=header)))


@pytest.mark.parametrize("spoilt", range(5))
def test_a_changed_part_does_not_open(envelope: Envelope, spoilt: int) -> None:
    parts = seal(envelope.public_pem)
    middle = len(parts[spoilt]) // 2
    other = "A" if parts[spoilt][middle] != "A" else "B"
    parts[spoilt] = parts[spoilt][:middle] + other + parts[spoilt][middle + 1 :]
    with pytest.raises(Rejected):
        envelope.open(".".join(parts))


@pytest.mark.parametrize("text", ["", "a.b.c", "a.b.c.d.e", "....", "!!!!.b.c.d.e", "é.b.c.d.e", "QQ==", PLAIN], ids=range(8))
def test_what_is_no_jwe_is_refused_without_being_repeated(envelope: Envelope, text: str) -> None:
    with pytest.raises(Rejected) as refusal:
        envelope.open(text)
    assert PLAIN not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_another_recipients_key_does_not_open(envelope: Envelope) -> None:
    with pytest.raises(Rejected, match="another public key"):
        envelope.open(".".join(seal(Envelope().public_pem)))
    with pytest.raises(Rejected):
        envelope.open(".".join(seal(envelope.public_pem, cek_bytes=16)))
    with pytest.raises(Rejected, match="not a key"):
        envelope.open(".".join(seal(envelope.public_pem, plain=b"\xff\xfe")))


def test_parts_of_odd_lengths_and_endless_headers_do_not_open(envelope: Envelope) -> None:
    for at, odd in ((2, os.urandom(16)), (2, b""), (4, os.urandom(4)), (4, os.urandom(32)), (3, b"")):
        parts = seal(envelope.public_pem)
        parts[at] = part(odd)
        with pytest.raises(Rejected, match="does not open"):
            envelope.open(".".join(parts))
    deep = '{"alg": "RSA-OAEP", "enc": "A256GCM", "x": ' + "[" * 30_000 + "]" * 30_000 + "}"
    for header in (deep, "{" + '"a": 1,' * 10_000, "[]", '"RSA-OAEP"', "null"):
        with pytest.raises(Rejected):
            envelope.open(".".join([part(header.encode()), *seal(envelope.public_pem)[1:]]))


def test_a_fresh_key_of_enough_bits_for_each_mint(envelope: Envelope) -> None:
    public = serialization.load_pem_public_key(envelope.public_pem.encode())
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == RSA_BITS >= 2048
    assert envelope.public_pem.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert Envelope().public_pem != envelope.public_pem


TOKEN = "rk_" + "live_" + "51AbCdEfGh" + "x" * 30 + "ZyXw98"


@pytest.mark.parametrize(
    "redacted",
    ["rk_live_...Xw98", "rk_live_51Ab…Xw98", "rk_live_*****ZyXw98", "rk_live_51Ab••••••••", "…Xw98", "rk_live_51Ab ... Xw98"],
)
def test_a_redacted_token_fits_its_key_only(redacted: str) -> None:
    assert fits(redacted, Secret(TOKEN))
    assert not fits(redacted, Secret(TOKEN[:10] + "99" + TOKEN[12:-2] + "11"))


@pytest.mark.parametrize("redacted", ["", "...", "rk_live_...", "rk_live_...98", "sk_live_...Xw98", "rk_test_...Xw98"])
def test_too_little_or_another_kind_fits_nothing(redacted: str) -> None:
    assert not fits(redacted, Secret(TOKEN))
