"""The request that mints a managed key at Stripe's API, and the key in the answer."""

from datetime import UTC, datetime

from ir.adapters.issuers.jwe import Envelope
from ir.adapters.issuers.key_rows import CONNECT, ciphertext_of, split_permissions, token_of
from ir.core.errors import Rejected, Unknown
from ir.core.model import Json
from ir.core.secret import Secret
from ir.ports import MintOrder

DASHBOARD = "set `issuer: dashboard` for this account and run the command again"


def refuse_what_only_a_human_can_make(order: MintOrder) -> None:
    """Raises Rejected for a secret key that the API cannot replace: it mints restricted keys only."""
    if not order.permissions:
        why = "Stripe's API mints restricted keys only, and the inventory lists no `permissions` for this secret key"
        raise Rejected(why, safe="nothing was minted", next_step=f"list them, or {DASHBOARD}")
    if any(name.startswith(CONNECT) or name == "connected_account_write" for name in order.permissions):
        why = "a key minted by API cannot replace a secret key that is used for Connect"
        raise Rejected(why, safe="nothing was minted", next_step=DASHBOARD)


def creation(order: MintOrder, permissions: tuple[str, ...], envelope: Envelope | None) -> Json:
    """The body that asks for a key with these permissions. With an envelope (live mode), Stripe seals the key to its public key."""
    body: Json = {
        "type": "secret_key",
        "name": order.name,
        "note": f"Replacement minted by ir for {order.incident}",
        **split_permissions(permissions),
    }
    if order.expires_at:
        body["expires_at"] = datetime.fromtimestamp(order.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if envelope is not None:
        body["public_key"] = {"id": order.name, "pem_key": {"algorithm": "RSA", "data": envelope.public_pem}}
    return body


def secret_in(data: Json, envelope: Envelope | None) -> Secret:
    """The key in the answer to such a creation.

    Raises:
        Unknown: Stripe minted it on an earlier call and shows it once only.
        Rejected: it is not sealed, or is sealed to another key.
    """
    token, sealed = token_of(data), ciphertext_of(data)
    if token is not None:
        return token
    if not sealed:
        raise Unknown("Stripe minted this key before and does not show it again")
    if envelope is None:
        raise Rejected("Stripe sealed a key for which it got no public key")
    return envelope.open(sealed)
