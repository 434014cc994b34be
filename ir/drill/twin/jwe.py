"""Compact JWE to the caller's RSA key, as live mode hands out minted keys (docs/stripe-facts.md, 1)."""

import base64
import json
import os
from typing import TYPE_CHECKING

from ir.drill.twin.error_answers import bad_request

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_SMALLEST = 2048


def recipient(pem: str) -> "RSAPublicKey":
    """Read a caller's public key.

    Raises:
        ApiError: 400 for anything but a PEM RSA key of at least 2048 bits.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        found = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise bad_request("public_key.pem_key.data: The public key is not a valid PEM", param="public_key") from None
    if not isinstance(found, RSAPublicKey) or found.key_size < _SMALLEST:
        raise bad_request("public_key.pem_key.data: An RSA key of at least 2048 bits is required", param="public_key")
    return found


def seal(plain: str, to: "RSAPublicKey", algorithm: str, *, wrapped: bool) -> str:
    """`plain` as a compact JWE: content by A256GCM, content key by `algorithm`.

    `wrapped` puts base64 over the whole, as one reading of the field's description has it.
    """
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    digest = SHA256() if algorithm == "RSA-OAEP-256" else SHA1()  # noqa: S303 - OAEP with SHA-1 is what `RSA-OAEP` means
    header = _part(json.dumps({"alg": algorithm, "enc": "A256GCM"}, separators=(",", ":")).encode())
    content_key, nonce = os.urandom(32), os.urandom(12)
    sealed_key = to.encrypt(content_key, OAEP(MGF1(digest), digest, None))
    sealed = AESGCM(content_key).encrypt(nonce, plain.encode(), header.encode())
    compact = ".".join((header, _part(sealed_key), _part(nonce), _part(sealed[:-16]), _part(sealed[-16:])))
    return base64.b64encode(compact.encode()).decode() if wrapped else compact


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
