"""What a human clicks in Stripe's Dashboard, word for word: pure text, without keys but for last fours on the screen.

Words of the pages as of November 2026. Stripe words some menus differently by account and version; where two
wordings were seen, both are given.
"""

from datetime import UTC, datetime

from ir.core.model import KeyKind, Mode
from ir.core.secret import Secret
from ir.ports import MintOrder

POLICIES_PAGE = "https://dashboard.stripe.com/api-access-policies"


def keys_page(mode: Mode) -> str:
    """The page that lists the keys of a mode."""
    return f"https://dashboard.stripe.com/{'test/' if mode is Mode.TEST else ''}apikeys"


def when(at: float) -> str:
    """Epoch seconds as a human reads them, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def last_four(key: Secret) -> str:
    """What the Dashboard shows of a key, for the terminal only: never in a record, an exception or a return value."""
    return f"…{key.reveal()[-4:]}"


def to_mint(order: MintOrder) -> str:
    """How to get the replacement: create a second key, or rotate with an expiration when the order sets one."""
    head = f"Open {keys_page(order.mode)} and see that account {order.account} is selected."
    if order.expires_old_at > 0:
        steps = _rotate(order)
    elif order.kind is KeyKind.SECRET:
        steps = _create_secret(order)
    else:
        steps = _create_restricted(order)
    tail = "Leave the Dashboard's dialog open until this run says that the key is stored and read back."
    return _numbered(f"A new {order.kind} key is needed.", [head, *steps, tail])


def _create_secret(order: MintOrder) -> list[str]:
    return [
        "Click `Create secret key`, and enter the verification code that Stripe sends you.",
        f"Key name: {order.name}. Click `Create`.",
        "Click the value to copy it: it is shown only once.",
        "Paste it here.",
    ]


def _create_restricted(order: MintOrder) -> list[str]:
    wanted = ", ".join(_plainly(name) for name in order.permissions)
    chosen = f"Choose exactly: {wanted}." if wanted else "Choose the same permissions as the old key has (⋯ > `Edit key` shows them)."
    return [
        "Click `Create restricted key`, choose your own integration as purpose, then `Choose your own` permissions.",
        f"Key name: {order.name}. {chosen} (`Write` includes `Read`.)",
        "Click `Create key`, enter the verification code if Stripe asks, and click the value to copy it.",
        "Paste it here.",
    ]


def _rotate(order: MintOrder) -> list[str]:
    old = "the old key"
    return [
        f"In the row of {old}, click ⋯ > `Rotate key`.",
        f"Expiration: choose the entry next to {when(order.expires_old_at)}, never `Now`: until then both keys work.",
        "Click `Rotate API key`, and click the value to copy it.",
        "Paste it here.",
    ]


def to_roll(mode: Mode, url: str, endpoint: str, expires_at: float) -> str:
    """How to roll a webhook's signing secret so that both sign until `expires_at` (epoch seconds, 0 = 24 hours)."""
    until = f"the entry next to {when(expires_at)} (24 hours at most)" if expires_at else "24 hours"
    return _numbered(
        "A new signing secret is needed.",
        [
            f"Open https://dashboard.stripe.com/{'test/' if mode is Mode.TEST else ''}webhooks (Workbench > Webhooks).",
            f"Choose the endpoint of {url}" + (f", {endpoint}." if endpoint else "."),
            "Click ⋯ > `Roll secret` (some accounts: `Roll signing secret`).",
            f"Expiration of the old one: {until}, never `Now`: until then Stripe signs with both.",
            "Click `Roll secret`, reveal the new signing secret and copy it; it begins with whsec_.",
            "Paste it here.",
        ],
    )


def to_retire(mode: Mode, dying: Secret, spared: Secret | None, created: float, *, replacement: bool = False, watched: bool = True) -> str:
    """How to kill one of the two keys without hitting the other. For the screen only: it shows last fours.

    `created` is when the replacement came to be, 0 = not known; `replacement`: it is the one to be killed; `watched`: a person sits at
    the terminal. Where nobody does, what is told goes into a log, and no part of a key is told.
    """
    name, other = _names(replacement=replacement)
    at = when(created)
    was, since = (at, f"before {at}") if replacement else (f"before {at}", at)
    found = f"its token ends in {last_four(dying)}" if watched else "a run at a terminal shows how its token ends"
    found += f"{' and' if watched else ';'} it was created {was}" if created else ""
    beware = []
    if spared is not None:
        marks = [*([f"it ends in {last_four(spared)}"] if watched else []), *([f"created {since}"] if created else [])]
        beware = [f"Do not touch the {other}" + (f": {', '.join(marks)}." if marks else ".")]
    return _numbered(
        f"Now the {name} is to be killed." + (" The services run on the old one." if replacement else ""),
        [
            f"Open {keys_page(mode)} and find the {name}: {found}.",
            *beware,
            "Click ⋯ > `Expire key` (some accounts say `Delete key`).",
            "No such entry, as with a standard secret key? Then ⋯ > `Rotate key`, Expiration `Now`.",
            "That makes yet another key: do not use it.",
        ],
    )


def to_retire_later(mode: Mode, *, replacement: bool = False) -> str:
    """The same without anything of a key, for records and for a run without a terminal."""
    return (
        f"the {_names(replacement=replacement)[0]} is still alive: expire it at {keys_page(mode)} (⋯ > `Expire key` or `Delete key`; "
        "a standard secret key: ⋯ > `Rotate key`, Expiration `Now`)"
    )


def _names(*, replacement: bool) -> tuple[str, str]:
    """What dies, and what must not."""
    return ("replacement", "old key") if replacement else ("old key", "new key")


def to_contain(mode: Mode, egress: tuple[str, ...]) -> str:
    """How to take a key away from strangers: a policy where our own addresses are known, else rotate now."""
    if not egress:
        return _numbered(
            "The leaked key is to be taken away from strangers. The addresses of your own services are not in the "
            "inventory "
            "(`egress_ips`), so it has to be replaced at once; what still uses it will fail.",
            [
                f"Open {keys_page(mode)}, and in the row of the leaked key click ⋯ > `Rotate key`, Expiration `Now`.",
                "Click the new value to copy it and keep the dialog open: this run asks for it next.",
            ],
        )
    return _numbered(
        "The leaked key is to be taken away from strangers without cutting off your own services.",
        [
            f"Open {POLICIES_PAGE} and create an IP policy that allows only: {', '.join(egress)}.",
            f"Open {keys_page(mode)}, and in the row of the leaked key click ⋯ > `Manage access policy`, and attach it.",
            "Older pages call it `Manage IP restrictions`.",
            "If you cannot: ⋯ > `Rotate key`, Expiration `Now`. Your own services fail then until they have the new key.",
        ],
    )


def to_release(mode: Mode) -> str:
    """How to undo a guided containment."""
    return (
        f"undo the containment at {keys_page(mode)}: in the row of the key, ⋯ > `Manage access policy`, or `Edit key` for its permissions"
    )


def _plainly(permission: str) -> str:
    name, _, right = permission.removeprefix("connect:").rpartition("_")
    where = " (Connect)" if permission.startswith("connect:") else ""
    return f"{name.replace('_', ' ')}{where}: {right.capitalize()}"


def _numbered(title: str, steps: list[str]) -> str:
    return "\n".join([title, *(f"  {number}. {step}" for number, step in enumerate(steps, 1))])
