"""Every refusal, in the words of real answers (docs/stripe-facts.md, 4)."""

from ir.core.model import Json

_DOCS = "https://stripe.com/docs/error-codes/"


class ApiError(Exception):
    """An answer with an `error` object.

    Args:
        status: HTTP status.
        error: the content of `error`.
        headers: extra response headers.
    """

    def __init__(self, status: int, error: Json, headers: dict[str, str] | None = None) -> None:
        super().__init__(str(status))
        self.status, self.error, self.headers = status, error, headers or {}


def masked(token: str) -> str:
    """A token as error messages show it: first eight, stars, last six."""
    return f"{token[:8]}*****{token[-6:]}" if len(token) > 20 else "*" * len(token)


def _error(status: int, message: str, code: str = "", *, kind: str = "invalid_request_error", param: str = "") -> ApiError:
    error: Json = {"message": message, "type": kind}
    if code:
        error |= {"code": code, "doc_url": _DOCS + code.replace("_", "-")}
    if param:
        error["param"] = param
    return ApiError(status, error)


def bad_request(message: str, code: str = "", *, param: str = "") -> ApiError:
    """400."""
    return _error(400, message, code, param=param)


def no_key() -> ApiError:
    """401 without an Authorization header."""
    return _error(
        401,
        "You did not provide an API key. You need to provide your API key in the Authorization header, "
        "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
    )


def invalid_key(token: str) -> ApiError:
    """401 for bytes that are no key (any more); the code is usually absent."""
    return _error(401, f"Invalid API Key provided: {masked(token)}")


def expired_key(token: str) -> ApiError:
    """401 for a key that was expired or rotated away."""
    return _error(401, f"Expired API Key provided: {masked(token)}", "api_key_expired")


def blocked_address(ip: str) -> ApiError:
    """401 by access policy; says nothing about the key's life."""
    return _error(401, f"The API key provided does not allow requests from your IP address ({ip})")


def publishable_key() -> ApiError:
    """403 for a `pk_` on anything that needs a secret key."""
    return _error(
        403,
        "This API call cannot be made with a publishable API key. Please use a secret API key.",
        "secret_key_required",
    )


def needs_permission(token: str, account: str, permission: str, *, with_code: bool) -> ApiError:
    """403 that names the missing permission and the account."""
    return _error(
        403,
        f"The provided key '{masked(token)}' does not have the required permissions for this endpoint on account "
        f"'{account}'. Having the '{permission}' permission would allow this request to continue.",
        "more_permissions_required" if with_code else "",
    )


def wrong_account(token: str, account: str) -> ApiError:
    """403: no access to that account, or the app was uninstalled there."""
    return _error(
        403,
        f"The provided key '{masked(token)}' does not have access to account '{account}' (or that account does not "
        "exist). Application access may have been revoked.",
        "account_invalid",
    )


def foreign_key(key_id: str) -> ApiError:
    """403: this app did not create that key; the real text is not established."""
    return _error(403, f"This application is not allowed to manage the API key '{key_id}'.")


def no_such(what: str, ident: str) -> ApiError:
    """404 of v1."""
    return _error(404, f"No such {what}: '{ident}'", "resource_missing", param="id")


def not_found() -> ApiError:
    """404 of v2."""
    return _error(404, "The requested resource was not found.", "not_found")


def unknown_url(method: str, path: str) -> ApiError:
    """404 for a path that the twin does not have."""
    return _error(404, f"Unrecognized request URL ({method}: {path}).")


def declined(charge: str) -> ApiError:
    """402: the card said no."""
    refusal = _error(402, "Your card was declined.", "card_declined", kind="card_error")
    refusal.error |= {"charge": charge, "decline_code": "generic_decline"}
    return refusal


def other_params(key: str) -> ApiError:
    """400: an idempotency key came back with other parameters."""
    return _error(
        400,
        f"Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request.",
        kind="idempotency_error",
    )


def too_many(reason: str | None) -> ApiError:
    """429; without a reason it is a lock, and the header is missing."""
    if reason is None:
        return _error(429, "This object cannot be accessed right now because another API request is using it.", "lock_timeout")
    refusal = _error(429, "Request rate limit exceeded.", "rate_limit")
    refusal.headers["Stripe-Rate-Limited-Reason"] = reason
    return refusal


def broken(should_retry: bool | None) -> ApiError:
    """500, with `Stripe-Should-Retry` when there is an opinion."""
    refusal = _error(500, "An unknown error occurred.", kind="api_error")
    if should_retry is not None:
        refusal.headers["Stripe-Should-Retry"] = "true" if should_retry else "false"
    return refusal
