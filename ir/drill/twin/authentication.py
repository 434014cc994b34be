"""Decide whether a call may come in: the key, its life, its access policy, and its account."""

import ipaddress

from ir.drill.twin.call import Caller
from ir.drill.twin.error_answers import bad_request, blocked_address, invalid_key, no_key, publishable_key, wrong_account
from ir.drill.twin.keys import Key, Kind
from ir.drill.twin.message import Request
from ir.drill.twin.world import World


def authenticate(world: World, request: Request) -> Caller:
    """The caller of a request; notes the key as used.

    Raises:
        ApiError: 401 (dead, unknown, blocked), 403 (publishable, wrong account), 400 (an organization key's headers).
    """
    token = request.credential()
    if not token:
        raise no_key()
    key = world.keys.by_token(token)
    if key is None:
        raise invalid_key(token)
    now = world.now()
    if not key.alive(now):
        raise key.obituary()
    if key.kind is Kind.PUBLISHABLE:
        raise publishable_key()
    if key.ip_allowlist and not allowed(request.ip, key.ip_allowlist):
        raise blocked_address(request.ip)
    key.last_used = int(now)
    return Caller(key, _account(world, key, request))


def allowed(ip: str, networks: tuple[str, ...]) -> bool:
    """Whether an access policy lets an address in."""
    address = ipaddress.ip_address(ip)
    return any(address in ipaddress.ip_network(block, strict=False) for block in networks)


def _account(world: World, key: Key, request: Request) -> str:
    context = request.headers.get("stripe-context") or request.headers.get("stripe-account", "")
    wanted = context.rpartition("/")[2]
    if key.kind is Kind.ORGANIZATION and not (wanted and request.headers.get("stripe-version")):
        raise bad_request("Organization API keys require the Stripe-Context and Stripe-Version headers on every request.")
    if not wanted or wanted == key.account:
        return key.account
    reachable = world.installed.get(key.app, set()) if key.app else world.connected.get(key.account, set())
    if wanted not in reachable:
        raise wrong_account(key.token.reveal(), wanted)
    return wanted
