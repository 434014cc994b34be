"""OpenSSH's signatures over files (`ssh-keygen -Y sign`): parsed, verified, and made with an Ed25519 key.

Format: https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig. The namespace keeps a signature that was made
for one purpose from being used for another. `cryptography` is imported when it is needed.
"""

import base64
import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAMESPACE = "ir-approve"
KEY_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")
_MAGIC = b"SSHSIG"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_LONGEST = 16_384
_HASHES = ("sha256", "sha512")


class BadSignature(ValueError):
    """The signature cannot be read, or does not fit the message; the text says which."""


@dataclass(frozen=True)
class PublicKey:
    """A public key as a line of `id_….pub` or `authorized_keys` has it, without the comment."""

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it: `SHA256:…`."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    def __str__(self) -> str:
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"


def public_key(text: str) -> PublicKey:
    """Read one line such as `ssh-ed25519 AAAA… comment`.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    parts = text.split()
    if len(parts) < 2 or parts[0] not in KEY_TYPES:
        raise ValueError(f"a public key is one line that starts with {', '.join(KEY_TYPES)}, as in id_ed25519.pub")
    try:
        blob = base64.b64decode(parts[1], validate=True)
        kind, rest = _string(blob)
        fields = 0
        while rest:
            _, rest = _string(rest)
            fields += 1
    except ValueError:
        raise ValueError("the public key is cut or damaged") from None
    if fields != (1 if parts[0] == "ssh-ed25519" else 2):
        raise ValueError("the public key is cut or damaged")
    if kind != parts[0].encode():
        raise ValueError("the public key is of another kind than it says")
    return PublicKey(parts[0], blob)


def private_key(data: bytes) -> "Ed25519PrivateKey":
    """An Ed25519 private key without a passphrase: PEM (PKCS#8), OpenSSH's own, 32 raw bytes, or these in base64.

    Raises:
        ValueError: it is none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    if len(data) == 32:
        return Ed25519PrivateKey.from_private_bytes(data)
    for load in (load_ssh_private_key, load_pem_private_key):
        try:
            key = load(data, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        if isinstance(key, Ed25519PrivateKey):
            return key
    if len(data) <= 64 and len(raw := base64.b64decode(data.strip(), validate=True)) == 32:
        return Ed25519PrivateKey.from_private_bytes(raw)
    raise ValueError("not an Ed25519 private key without a passphrase")


def verify(armored: str, message: bytes, namespace: str = NAMESPACE) -> PublicKey:
    """The key that signed `message`. Whether that key is a known one, the caller decides.

    Raises:
        BadSignature: damaged, of another namespace, of a kind that is not taken, or over other bytes.
    """
    blob = _unarmored(armored)
    if not blob.startswith(_MAGIC) or blob[6:10] != b"\0\0\0\x01":
        raise BadSignature("it is not an SSH signature of version 1")
    key_blob, rest = _string(blob[10:])
    space, rest = _string(rest)
    reserved, rest = _string(rest)
    algorithm, rest = _string(rest)
    signature, rest = _string(rest)
    if rest or space != namespace.encode() or algorithm.decode("ascii", "replace") not in _HASHES:
        raise BadSignature(f"it was not made for this purpose (`ssh-keygen -Y sign -n {namespace}`)")
    kind, _ = _string(key_blob)
    signed = _to_sign(message, space, reserved, algorithm)
    _check(kind.decode("ascii", "replace"), key_blob, signature, signed)
    return PublicKey(kind.decode(), key_blob)


def sign(message: bytes, key: "Ed25519PrivateKey", namespace: str = NAMESPACE) -> str:
    """An armored signature, as `ssh-keygen -Y sign` makes it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    space, algorithm = namespace.encode(), b"sha512"
    made = _pack(b"ssh-ed25519") + _pack(key.sign(_to_sign(message, space, b"", algorithm)))
    parts = (public_key(line).blob, space, b"", algorithm, made)
    blob = _MAGIC + b"\0\0\0\x01" + b"".join(_pack(part) for part in parts)
    text = base64.b64encode(blob).decode()
    return "\n".join([_BEGIN, *(text[at : at + 70] for at in range(0, len(text), 70)), _END]) + "\n"


def _to_sign(message: bytes, space: bytes, reserved: bytes, algorithm: bytes) -> bytes:
    digest = hashlib.new(algorithm.decode(), message).digest()
    return _MAGIC + b"".join(_pack(part) for part in (space, reserved, algorithm, digest))


def _check(kind: str, key_blob: bytes, signature: bytes, signed: bytes) -> None:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    if kind not in KEY_TYPES:
        raise BadSignature("it was made with a kind of key that is not taken here")
    made_by, body = _string(signature)
    raw, rest = _string(body)
    try:
        key = load_ssh_public_key(f"{kind} {base64.b64encode(key_blob).decode()}".encode())
        holds = not rest and _holds(key, made_by.decode("ascii", "replace"), raw, signed)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        holds = False
    if not holds:
        raise BadSignature("it is not a signature over these words")


def _holds(key: object, algorithm: str, raw: bytes, signed: bytes) -> bool:
    """True when it holds; otherwise False, or InvalidSignature is raised."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    if isinstance(key, Ed25519PublicKey) and algorithm == "ssh-ed25519":
        key.verify(raw, signed)
        return True
    if isinstance(key, RSAPublicKey) and algorithm in ("rsa-sha2-256", "rsa-sha2-512") and key.key_size >= 2048:
        key.verify(raw, signed, padding.PKCS1v15(), hashes.SHA256() if algorithm.endswith("256") else hashes.SHA512())
        return True
    by_curve: dict[str, hashes.HashAlgorithm] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "521": hashes.SHA512()}
    if isinstance(key, ec.EllipticCurvePublicKey) and algorithm == f"ecdsa-sha2-nistp{key.key_size}":
        r, rest = _string(raw)
        s, _ = _string(rest)
        made = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
        key.verify(made, signed, ec.ECDSA(by_curve[algorithm[-3:]]))
        return True
    return False


def _unarmored(text: str) -> bytes:
    lines = text.strip().splitlines()
    if len(text) > _LONGEST or len(lines) < 3 or lines[0].strip() != _BEGIN or lines[-1].strip() != _END:
        raise BadSignature("it is not an SSH signature")
    try:
        return base64.b64decode("".join(line.strip() for line in lines[1:-1]), validate=True)
    except ValueError:  # also text that is not ASCII
        raise BadSignature("it is not an SSH signature") from None


def _string(data: bytes) -> tuple[bytes, bytes]:
    """One length-prefixed string, and what follows it."""
    if len(data) < 4:
        raise BadSignature("it is cut")
    length = int(struct.unpack(">I", data[:4])[0])
    if len(data) < 4 + length:
        raise BadSignature("it is cut")
    return data[4 : 4 + length], data[4 + length :]


def _pack(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
