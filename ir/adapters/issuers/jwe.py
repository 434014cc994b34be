"""Opening what Stripe sends once in live mode: a compact JWE for an RSA key that lives only in this process.

RFC 7516 compact form: header.key.iv.ciphertext.tag, each part base64url without padding. Only what Stripe's
documentation leads one to expect is accepted, everything else is refused by its name.
"""

import base64
import binascii
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ir.core import untrusted_json
from ir.core.errors import Rejected
from ir.core.secret import Secret

RSA_BITS = 2048
"""What Stripe asks for at least. The key opens one answer, inside TLS; making one of 3072 bits takes four times as long."""

_OAEP: dict[str, hashes.HashAlgorithm] = {
    "RSA-OAEP": hashes.SHA1(),  # noqa: S303  # RFC 7518 §4.3 fixes it; OAEP does not rest on collision resistance
    "RSA-OAEP-256": hashes.SHA256(),
}
_CEK_BYTES, _IV_BYTES, _TAG_BYTES = 32, 12, 16
_PARTS = 5


class Envelope:
    """One RSA key pair for one mint; it is never written anywhere and dies with this object."""

    def __init__(self) -> None:
        self._private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)

    @property
    def public_pem(self) -> str:
        """SubjectPublicKeyInfo in PEM, as `public_key.pem_key.data` wants it."""
        return self._private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def open(self, ciphertext: str) -> Secret:
        """The secret inside a compact JWE, bare or wrapped in base64 once more.

        Raises:
            Rejected: it is no JWE, uses an algorithm that is not accepted, or was not made for this key.
        """
        parts = _compact(ciphertext)
        header = _header(parts[0])
        alg, enc = str(header.get("alg")), str(header.get("enc"))
        if alg not in _OAEP:
            raise Rejected(f"the encrypted key uses alg {alg[:40]!r}; RSA-OAEP and RSA-OAEP-256 are accepted")
        if enc != "A256GCM":
            raise Rejected(f"the encrypted key uses enc {enc[:40]!r}; only A256GCM is accepted")
        if header.get("zip") or header.get("crit"):
            raise Rejected("the encrypted key uses zip or crit, which are not accepted")
        wrapped, iv, body, tag = (_decode(part) for part in parts[1:])
        if len(iv) != _IV_BYTES or len(tag) != _TAG_BYTES:
            raise Rejected("the encrypted key has an iv or a tag of the wrong length")
        try:
            digest = _OAEP[alg]
            cek = self._private.decrypt(wrapped, padding.OAEP(padding.MGF1(digest), digest, None))
            plain = AESGCM(cek).decrypt(iv, body + tag, parts[0].encode("ascii")) if len(cek) == _CEK_BYTES else None
        except (InvalidTag, ValueError):
            plain = None
        if plain is None:
            raise Rejected("the encrypted key does not open: it was made for another public key, or was changed")
        return _text(plain)


def _text(plain: bytes) -> Secret:
    try:
        return Secret(plain.decode("ascii"))
    except UnicodeDecodeError:
        raise Rejected("what the encrypted key holds is not a key") from None


def _compact(ciphertext: str) -> list[str]:
    parts = ciphertext.strip().split(".")
    if len(parts) == _PARTS:
        return parts
    # The field's description says base64, its format says jwe_compact: take a JWE wrapped once more, too.
    inner = _decode(ciphertext.strip().replace("+", "-").replace("/", "_").rstrip("="))
    parts = inner.decode("ascii", errors="replace").strip().split(".")
    if len(parts) != _PARTS:
        raise Rejected("the encrypted key is not a compact JWE of five parts")
    return parts


def _header(part: str) -> dict[str, Any]:
    try:
        header = untrusted_json.loads(_decode(part))
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise Rejected("the header of the encrypted key cannot be read")
    return header


def _decode(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Rejected("the encrypted key is not base64url") from None
