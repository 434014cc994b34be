"""Open the key that Stripe sends once in live mode: a compact JWE for an RSA key that lives only in this process.

Only the form that Stripe's documentation describes is accepted (docs/stripe-facts.md, 1); every other is refused by its name.
"""

import base64
import binascii

from ir.core.errors import Rejected
from ir.core.secret import Secret, excerpt

RSA_BITS = 2048
"""Stripe's minimum. The key opens one answer, inside TLS; a key of 3072 bits takes four times as long to make."""
_ACCEPTED = ["RSA-OAEP", "RSA-OAEP-256", "A256GCM"]
_PARTS = 5


class Envelope:
    """One RSA key pair for one mint; it is never written anywhere and dies with this object."""

    def __init__(self) -> None:
        from joserfc.jwk import RSAKey

        self._private = RSAKey.generate_key(RSA_BITS)

    @property
    def public_pem(self) -> str:
        """SubjectPublicKeyInfo in PEM, as `public_key.pem_key.data` wants it."""
        return self._private.as_pem(private=False).decode()

    def open(self, ciphertext: str) -> Secret:
        """The secret inside a compact JWE, bare or wrapped in base64 once more.

        Raises:
            Rejected: it is not a JWE, uses an algorithm that is not accepted, or was not made for this key.
        """
        from joserfc import jwe
        from joserfc.errors import JoseError, MissingCritHeaderError, UnsupportedAlgorithmError, UnsupportedHeaderError

        compact = _compact(ciphertext)
        try:
            return Secret((jwe.decrypt_compact(compact, self._private, algorithms=_ACCEPTED).plaintext or b"").decode("ascii"))
        except (UnsupportedAlgorithmError, UnsupportedHeaderError, MissingCritHeaderError) as error:
            failed = (
                f"the encrypted key is not made as it should be ({excerpt(str(error), 80)}): {', '.join(_ACCEPTED)} without zip or crit"
            )
        except UnicodeDecodeError:
            failed = "what the encrypted key holds is not a key"
        except (JoseError, ValueError):
            failed = "the encrypted key does not open: it was made for another public key, or was changed"
        # outside of the handlers: the library's errors hold the data
        raise Rejected(failed)


def _compact(ciphertext: str) -> str:
    """The bare JWE.

    The field's description says base64 and its format says jwe_compact, so a JWE that is wrapped once more is taken, too.
    """
    text = ciphertext.strip()
    if text.count(".") != _PARTS - 1:
        try:
            whole = text.replace("+", "-").replace("/", "_").rstrip("=")
            text = base64.b64decode(whole + "=" * (-len(whole) % 4), altchars=b"-_", validate=True).decode("ascii").strip()
        except (binascii.Error, ValueError):
            text = ""
    if text.count(".") != _PARTS - 1:
        raise Rejected("the encrypted key is not a compact JWE of five parts")
    return text
