"""RFC 3161 time stamps over signed checkpoints: an outside authority states that the record, as signed, existed at a time.

A stamp covers the canonical `{statement, signature}` of one checkpoint (SHA-256) and is kept beside them as `timestamp`, the
authority's whole answer in base64. It goes on holding when the signing key is stolen or the machine's owner rewrites the
record later. It can be checked without `ir verify`: `openssl ts -verify` on the two files that the bundle has for it.

The authority is sent a hash, nothing else. The answer is signed, so plain http will do (RFC 3161 §3.4).
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ir.clients.http_client import HttpEdge
from ir.core.errors import Rejected, Unknown, UsageError
from ir.core.model import Json
from ir.core.secret import Secret
from ir.core.wording import counted
from ir.evidence.bundle_verifier import parts_of, value_of
from ir.evidence.hash_chain import canonical

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

_CERTIFICATES = 0xA0
"""Tag of the certificates in a SignedData (RFC 5652, 5.1)."""
PATIENCE = 20.0
"""Seconds that an authority may take."""


@dataclass(frozen=True)
class Stamp:
    """The content of a time stamp.

    Attributes:
        entries: the checkpoint covers that many.
        at: when, by the authority's clock; ISO 8601, UTC.
        by: the authority's name in its certificate; "" as long as its signature was not checked.
    """

    entries: int
    at: str
    by: str = ""


def stamped(checkpoint: Json) -> bytes:
    """The bytes that a stamp of this checkpoint covers."""
    return canonical({name: checkpoint[name] for name in ("statement", "signature")})


def fetch(checkpoint: Json, authority: str) -> Json:
    """The checkpoint with a stamp from the authority at that address.

    Raises:
        UsageError: the library is not installed, or the address is none.
        PortError: the authority cannot be reached, says no, or stamps something else.
    """
    library = _library()
    request = library.TimestampRequestBuilder(data=stamped(checkpoint), hash_algorithm=library.HashAlgorithm.SHA256).build()
    host = urlsplit(authority).hostname or ""
    answer = HttpEdge([host], _no_secret).call(
        "POST", authority, plain={"Content-Type": "application/timestamp-query"}, body=request.as_bytes(), timeout=PATIENCE
    )
    if answer.status != 200:
        raise Unknown(f"{host} answered {answer.status} instead of a time stamp", next_step="run it again, or name another authority")
    made = {**checkpoint, "timestamp": base64.b64encode(answer.body).decode()}
    if _reply(made).tst_info.nonce != request.nonce:
        raise Rejected(f"the time stamp of {host} answers somebody else's question")
    read(made)
    return made


def read(checkpoint: Json, roots: "tuple[Certificate, ...]" = ()) -> Stamp:
    """Read the stamp of a checkpoint; with roots, also its authority's name.

    Raises:
        UsageError: the library is not installed.
        Rejected: it covers something else, or does not come from an authority under one of the roots.
    """
    reply, size = _reply(checkpoint), int(checkpoint["statement"]["size"])
    about = f"the time stamp over {counted(size, 'entry', 'entries')}"
    imprint = reply.tst_info.message_imprint.message
    if imprint not in (hashlib.sha256(stamped(checkpoint)).digest(), hashlib.sha512(stamped(checkpoint)).digest()):
        raise Rejected(f"{about} covers something else")
    at = reply.tst_info.gen_time.isoformat().replace("+00:00", "Z")
    return Stamp(size, at, _signed_by(reply, stamped(checkpoint), roots, about) if roots else "")


def roots_in(path: Path) -> "tuple[Certificate, ...]":
    """The certificates of a PEM file: the root that the authority names on its page, and the intermediate ones.

    Raises:
        UsageError: there is none in it.
        OSError: it cannot be read.
    """
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return tuple(load_pem_x509_certificates(path.read_bytes()))
    except ValueError:
        raise UsageError(f"{path} holds no certificate", next_step="save the authority's root certificate as PEM") from None


def _signed_by(reply: "TimeStampResponse", message: bytes, roots: "tuple[Certificate, ...]", about: str) -> str:
    from cryptography.x509 import load_der_x509_certificate

    library = _library()
    try:
        library.VerifierBuilder(roots=list(roots)).build().verify_message(reply, message)
    except library.VerificationError as error:
        raise Rejected(f"{about} does not hold: {error}") from None
    (signer,) = reply.signed_data.signer_infos
    for data in reply.signed_data.certificates:
        certificate = load_der_x509_certificate(data)
        if certificate.serial_number == signer.serial_number and certificate.issuer == signer.issuer:
            return str(certificate.subject.rfc4514_string())
    raise Rejected(f"{about} does not carry its signer's certificate")


def _reply(checkpoint: Json) -> "TimeStampResponse":
    library = _library()
    try:
        answer = _ordered(base64.b64decode(checkpoint["timestamp"], validate=True))
        reply: TimeStampResponse = library.decode_timestamp_response(answer)
        if reply.status in (library.PKIStatus.GRANTED, library.PKIStatus.GRANTED_WITH_MODS):
            return reply
        why = "; ".join(reply.status_string) or library.PKIStatus(reply.status).name.lower()
    except ValueError:
        why = "it is not an answer of RFC 3161"
    raise Rejected(f"there is no time stamp: {why}", next_step="run it again, or name another authority")


def _ordered(answer: bytes) -> bytes:
    """The answer with its certificates in the order of DER, which a strict parser wants and openssl does not keep; no signature covers it.

    Lengths stay as they are: only whole elements change places.
    """
    try:
        response = parts_of(answer)
        signed = parts_of(parts_of(parts_of(response[1])[1])[0])
        (chain,) = (part for part in signed if part[0] == _CERTIFICATES)
    except (ValueError, IndexError):
        return answer
    inside = value_of(chain)
    return answer.replace(inside, b"".join(sorted(parts_of(chain))), 1)


def earlier(one: Json, other: Json) -> Json:
    """The one of two stamped checkpoints whose stamp is earlier: the earlier time proves more."""
    return min((one, other), key=lambda made: read(made).at)


def _no_secret(_reference: str) -> Secret:
    raise AssertionError("an authority gets no secret")


def _library() -> Any:
    try:
        import rfc3161_client
    except ImportError:
        raise UsageError("time stamps need the extra `timestamp`", next_step="pip install 'ir-stripe[timestamp]'") from None
    return rfc3161_client
