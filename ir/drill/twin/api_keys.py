"""/v2/iam/api_keys (private preview): what an approved app may do to the keys of accounts that installed it."""

from ir.core.model import Json, Mode
from ir.drill.twin import jwe
from ir.drill.twin import params as p
from ir.drill.twin.call import Call
from ir.drill.twin.error_answers import bad_request, foreign_key, not_found, unknown_url
from ir.drill.twin.keys import Key, Kind
from ir.drill.twin.paging import v2_page
from ir.drill.twin.permissions import ACCEPTED
from ir.drill.twin.world import World, iso, moment

PATH = "/v2/iam/api_keys"
_LONGEST_GRACE = 10_080
_CREATE = frozenset({"type", "name", "note", "permissions", "connect_permissions", "expires_at", "public_key"})
_UPDATE = frozenset({"name", "note", "permissions", "connect_permissions"})
_ROTATE = frozenset({"expire_current_key_in_minutes", "public_key"})
_LIST = frozenset({"include_expired", "limit", "page"})


def answer(call: Call) -> Json:
    """The body of a 200.

    Raises:
        ApiError: everything else.
    """
    _admit(call)
    words = [word for word in call.request.path.removeprefix(PATH).split("/") if word]
    method = call.request.method
    if not words:
        return _list(call) if method == "GET" else _create(call)
    key = _known(call, words[0])
    if len(words) == 1:
        return row(call.world, key) if method == "GET" else _update(call, key)
    if method == "POST" and words[1:] == ["expire"]:
        return _expire(call, key)
    if method == "POST" and words[1:] == ["rotate"]:
        return _rotate(call, key)
    raise unknown_url(method, call.request.path)


def row(world: World, key: Key, **secret: object) -> Json:
    """A key as the API shows it; test mode shows the token every time."""
    now = world.now()
    found: Json = {
        "id": key.id,
        "object": "v2.iam.api_key",
        "created": iso(key.created),
        "expires_at": None if key.expires_at is None else iso(key.expires_at),
        "last_used": iso(key.last_used) if key.last_used else None,
        "livemode": key.mode is Mode.LIVE,
        "name": key.name or None,
        "note": key.note or None,
        "status": "active" if key.active(now) else "expired",
        "type": "publishable_key" if key.kind is Kind.PUBLISHABLE else "secret_key",
        "ip_allowlist": list(key.ip_allowlist),
        "permissions": None if key.written is None else sorted(key.written),
        "connect_permissions": list(key.connect_permissions) or None,
        "managed_by": {"type": "application", "application": {"id": key.managed_by}} if key.managed_by else None,
    }
    if key.kind is Kind.PUBLISHABLE:
        return found | {"publishable_key": {"token": key.token.reveal()}}
    shown: Json = {"secret_token_redacted": key.redacted(world.settings.masking)}
    if key.mode is Mode.TEST:
        shown["token"] = key.token.reveal()
    return found | {"secret_key": shown | secret}


def replayed(world: World, body: Json) -> Json:
    """What a repeated create answers: the key as it is now, without its secret."""
    key = world.keys.by_id(str(body.get("id", "")))
    if key is None:
        return body
    found = row(world, key)
    if "secret_key" in found and not world.settings.replay_shows_token:
        found["secret_key"].pop("token", None)
    return found


def _admit(call: Call) -> None:
    key = call.caller.key
    if not call.request.headers.get("stripe-version", "").endswith(".preview"):
        raise bad_request(f"This API is in preview: send a preview Stripe-Version (such as 2026-10-14.preview) to use {PATH}.")
    if not key.app:
        call.need("api_key_write")
        raise foreign_key(PATH)
    if not call.request.headers.get("stripe-context"):
        raise bad_request("The Stripe-Context header is required to manage API keys of an account.")


def _known(call: Call, ident: str) -> Key:
    key = call.world.keys.by_id(ident)
    if key is None or key.gone or (key.account, key.mode) != (call.book.account, call.book.mode):
        raise not_found()
    return key


def _only(call: Call, known: frozenset[str]) -> None:
    unknown = [name for name in call.params if name not in known]
    if unknown:
        raise bad_request(f"Unknown field: {unknown[0]}", "unknown_field", param=unknown[0])


def _list(call: Call) -> Json:
    _only(call, _LIST)
    with_expired = p.flag(call.params, "include_expired")
    mine = (call.book.account, call.book.mode)
    keys = [key for key in call.world.keys if (key.account, key.mode) == mine and not key.gone]
    keys = [key for key in keys if with_expired or key.active(call.now)]
    keys.sort(key=lambda key: key.created, reverse=True)
    page = v2_page([{"id": key.id} for key in keys], call.params, PATH)
    page["data"] = [row(call.world, _known(call, found["id"])) for found in page["data"]]
    return page


def _permissions(call: Call, name: str) -> frozenset[str]:
    found = frozenset(p.names(call.params, name))
    strange = sorted(found - ACCEPTED)
    if strange:
        raise bad_request(f"{name}: {strange[0]} is not a valid permission", param=name)
    return found


def _create(call: Call) -> Json:
    _only(call, _CREATE)
    kind = p.text(call.params, "type")
    if kind not in ("secret_key", "publishable_key"):
        raise bad_request("type: must be one of publishable_key, secret_key", param="type")
    to = _recipient(call, needed=kind == "secret_key")
    granted = _permissions(call, "permissions")
    connect = tuple(sorted(_permissions(call, "connect_permissions")))
    made = Kind.RESTRICTED if kind == "secret_key" else Kind.PUBLISHABLE
    key = call.world.keys.add(made, call.book.account, call.book.mode, call.now, name=p.text(call.params, "name", ""))
    key.note, key.permissions, key.connect_permissions = p.text(call.params, "note", ""), granted, connect
    key.managed_by = call.caller.key.app
    if call.params.get("expires_at"):
        key.expire(moment(p.text(call.params, "expires_at")), 0.0)
    _note(call, "created", key)
    return row(call.world, key, **_sealed(call, key, to))


def _recipient(call: Call, *, needed: bool) -> str:
    if "public_key" in call.params and not needed:
        raise bad_request("public_key: must be omitted for publishable keys", param="public_key")
    pem_key = p.table(p.table(call.params, "public_key"), "pem_key")
    if not pem_key:
        if needed and call.book.live:
            raise bad_request("public_key: required to create a secret key in livemode", param="public_key")
        return ""
    if pem_key.get("algorithm") != "RSA":
        raise bad_request("public_key.pem_key.algorithm: must be RSA", param="public_key")
    pem = p.text(pem_key, "data")
    jwe.recipient(pem)
    return pem


def _sealed(call: Call, key: Key, pem: str) -> Json:
    if not pem or not call.book.live or key.kind is Kind.PUBLISHABLE:
        return {}
    settings = call.world.settings
    sealed = jwe.seal(key.token.reveal(), jwe.recipient(pem), settings.jwe_alg, wrapped=settings.jwe_wrapped)
    echo = p.table(call.params, "public_key").get("id")
    return {"encrypted_secret": {"ciphertext": sealed, "format": "jwe_compact", "recipient_key_id": echo}}


def _own(call: Call, key: Key) -> None:
    if key.managed_by != call.caller.key.app and not call.world.settings.app_touches_foreign_keys:
        raise foreign_key(key.id)


def _update(call: Call, key: Key) -> Json:
    _only(call, _UPDATE)
    _own(call, key)
    granted, connect = _permissions(call, "permissions"), _permissions(call, "connect_permissions")
    # Blank texts and empty lists change nothing, silently (measured).
    key.name, key.note = p.text(call.params, "name", "") or key.name, p.text(call.params, "note", "") or key.note
    if connect:
        key.connect_permissions = tuple(sorted(connect))
    if granted:
        key.change_permissions(granted, call.now, call.world.settings.narrow_delay)
    _note(call, "permissions_updated" if granted or connect else "updated", key)
    return row(call.world, key)


def _expire(call: Call, key: Key) -> Json:
    _own(call, key)
    if key.active(call.now):
        key.expire(call.now, call.world.settings.death_delay)
        _note(call, "expired", key)
    return row(call.world, key)


def _rotate(call: Call, old: Key) -> Json:
    _only(call, _ROTATE)
    _own(call, old)
    minutes = p.integer(call.params, "expire_current_key_in_minutes", 0)
    if not 0 <= minutes <= _LONGEST_GRACE:
        raise bad_request("expire_current_key_in_minutes: must be at most 10080", param="expire_current_key_in_minutes")
    pem = _recipient(call, needed=old.kind is not Kind.PUBLISHABLE)
    new = call.world.rotate(old, grace=minutes * 60.0)
    _note(call, "rotated", old, new)
    return row(call.world, new, **_sealed(call, new, pem))


def _note(call: Call, what: str, key: Key, new: Key | None = None) -> None:
    data = {"api_key": key.id} | ({"new_api_key": new.id} if new else {})
    call.emit_thin(f"v2.iam.api_key.{what}", data)
    actor = {"type": "api_key", "api_key": {"id": call.caller.key.id}}
    kind = {"created": "api_key_created", "expired": "api_key_deleted"}.get(what, "api_key_updated")
    details = key_details(key, new.id if new else None)
    call.world.log_activity(call.book, kind, actor, details, request={"id": call.request_id})


def key_details(key: Key, new_key: str | None = None) -> Json:
    """What an activity log says about a key."""
    return {
        "type": "api_key",
        "api_key": {
            "id": key.id,
            "created": iso(key.created),
            "expires_at": None if key.expires_at is None else iso(key.expires_at),
            "ip_allowlist": list(key.ip_allowlist),
            "managed_by": {"type": "application", "application": {"id": key.managed_by}} if key.managed_by else None,
            "name": key.name or None,
            "new_key": new_key,
            "note": key.note or None,
            "type": "publishable_key" if key.kind is Kind.PUBLISHABLE else "secret_key",
        },
    }
