"""`--permissions FILE`: what `ir permissions stripe --json` or `--output` wrote, as the list that a replacement is to have."""

import hashlib
from pathlib import Path
from typing import Any

from ir.core import permission, untrusted_json
from ir.core.errors import Refused, UsageError
from ir.core.model import KeyKind
from ir.incident.plan import Plan, WantedRights, wanting
from ir.inventory import Account, Key, Webhook
from ir.permissions import Derived, grantable

_LONGEST = 16 * 1024 * 1024


def given(plan: Plan, file: str, account: Account, key: Key) -> Plan:
    """The plan, with the list of that file; without a file as it is.

    Raises:
        UsageError: it cannot be read, or is no derivation.
        Refused: its list is empty, or it is more than what makes the key can give.
    """
    if not file:
        return plan
    if isinstance(key, Webhook):
        raise UsageError("a signing secret has no permissions", next_step="leave out --permissions")
    wanted = read(Path(file))
    beyond = [name for name in wanted.names if not _by_api(name, key)] if account.issuer == "managed" else []
    if beyond:
        raise Refused(
            f"Stripe's key API cannot give {', '.join(beyond)}",
            safe="nothing was changed",
            next_step="set `issuer: dashboard` for this account, or have it derived without them",
        )
    return wanting(plan, wanted)


def _by_api(name: str, key: Key) -> bool:
    """A key made by the API replaces no secret key that is used for Connect."""
    plain = name.removeprefix("connect:")
    return grantable(plain) and (plain == name or key.kind is not KeyKind.SECRET)


def read(path: Path) -> WantedRights:
    """See `given`."""
    try:
        data = path.read_bytes()[: _LONGEST + 1]
        if len(data) > _LONGEST:
            raise ValueError
        found = untrusted_json.loads(data)
        derived = Derived.read(found.get("derived", found))
        names = (*derived.mintable(), *(f"connect:{name}" for name in derived.connect_permissions))
        apart = tuple(_checked(line.name) for line in derived.apart)
        wanted = WantedRights(tuple(map(_checked, names)), hashlib.sha256(data).hexdigest(), apart, derived.coverage[:1000])
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UsageError(f"{path} is not what `ir permissions stripe --output` writes", next_step="derive it again") from None
    return wanted


def _checked(name: Any) -> str:
    """Raises ValueError: not the name of a permission."""
    if not isinstance(name, str) or permission.named(name.removeprefix("connect:")) != name.removeprefix("connect:"):
        raise ValueError
    return name
