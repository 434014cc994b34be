"""The clicks in Stripe's Dashboard, word for word: pure text, without keys except last fours on the screen.

Words of the pages as of November 2026. Stripe words some menus differently by account and version; where two
wordings were seen, both are given.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from ir.core.key_kind import Credential, kind_of
from ir.core.model import KeyKind, Mode
from ir.core.secret import Secret
from ir.permissions.names import create_link, label
from ir.ports import MintOrder

EVERY = 2.0
"""Seconds between two looks at the keys while a person clicks; each look is a request of the key, marked as ours."""
POLICIES_PAGE = "https://dashboard.stripe.com/api-access-policies"


def keys_page(mode: Mode) -> str:
    """The page that lists the keys of a mode."""
    return f"https://dashboard.stripe.com/{'test/' if mode is Mode.TEST else ''}apikeys"


def when(at: float) -> str:
    """Epoch seconds as a human reads them, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def last_four(key: Secret) -> str:
    """The part of a key that the Dashboard shows, for the terminal only: never in a record, an exception or a return value."""
    return f"…{key.reveal()[-4:]}"


def to_mint(order: MintOrder) -> str:
    """How to get the replacement: create a second key, or rotate with an expiration when the order sets one."""
    head = f"Open {keys_page(order.mode)} and see that account {order.account} is selected."
    if order.rotated:
        return to_give_rotated(order)
    if order.expires_old_at > 0:
        steps = _rotate(order)
    elif order.kind is KeyKind.SECRET:
        steps = _create_secret(order)
    else:
        steps = _create_restricted(order)
    tail = "Leave the Dashboard's dialog open until this run says that the key is stored and read back."
    return numbered(f"A new {order.kind} key is needed.", [head, *steps, tail])


def _create_secret(order: MintOrder) -> list[str]:
    return [
        "Click `Create secret key`, and enter the verification code that Stripe sends you.",
        f"Key name: {order.name}. Click `Create`.",
        "Click the value to copy it: it is shown only once.",
        "Paste it here.",
    ]


def _create_restricted(order: MintOrder) -> list[str]:
    wanted = ", ".join(_ticked(name) for name in order.permissions)
    chosen = f"Choose exactly: {wanted}." if wanted else "Choose the same permissions as the old key has (⋯ > `Edit key` shows them)."
    plain = [name for name in order.permissions if not name.startswith("connect:")]
    link = create_link(order.name, plain) if plain and order.mode is Mode.LIVE else ""
    filled = [f"Or open the page filled in (many use this form of link, Stripe does not document it), and check it: {link}"] if link else []
    return [
        *filled,
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


@dataclass(frozen=True)
class Marks:
    """Facts that tell the replacement's row from the other one; epoch seconds, 0 = not known.

    Attributes:
        created: by Stripe. pasted: when a person gave it to this run, which says nothing of when it was made.
        name: that it was to be given, "" = not known.
    """

    created: float = 0.0
    pasted: float = 0.0
    name: str = ""

    @property
    def words(self) -> list[str]:
        """The facts as a person reads them."""
        named = [f"Name {self.name}, unless it was given another"] if self.name else []
        if self.created:
            return [f"created {when(self.created)}", *named]
        return [*named, *([f"pasted into this run at {when(self.pasted)}"] if self.pasted else [])]


def to_retire(mode: Mode, dying: Secret, spared: Secret | None, marks: Marks, *, replacement: bool = False, watched: bool = True) -> str:
    """How to kill one of the two keys without hitting the other. For the screen only: it shows last fours.

    `marks` are of the replacement; `replacement`: it is the one to be killed; `watched`: a person sits at the terminal. Without one,
    the text goes into a log, so no part of a key is told.
    """
    name, other = _names(replacement=replacement)
    older = [f"created before {when(marks.created)}"] if marks.created else []
    mine, others = (marks.words, older) if replacement else (older, marks.words)
    found = f"its token ends in {last_four(dying)}" if watched else "a run at a terminal shows how its token ends"
    found = "; ".join([found, *mine])
    beware = []
    if spared is not None:
        others = [*([f"it ends in {last_four(spared)}"] if watched else []), *others]
        beware = [f"Do not touch the {other}" + (f": {', '.join(others)}." if others else ".")]
        if watched and last_four(dying) == last_four(spared):
            beware.append(f"Both tokens end in {last_four(dying)}: go by the columns Name, Created and Last used, not by the token.")
    watching = "This run watches both keys" if spared is not None else "This run watches the key"
    return numbered(
        f"Now the {name} is to be killed." + (" The services run on the old one." if replacement else ""),
        [
            f"Open {keys_page(mode)} and find the {name}: {found}.",
            *beware,
            "Click ⋯ > `Expire key` (some accounts say `Delete key`).",
            "No such entry, as with a standard secret key? Then ⋯ > `Rotate key`, Expiration `Now`.",
            "That makes yet another key, which lives: expire it, too, in its own row (Created just now; it is not the new key).",
            f"{watching} every {EVERY:g} s, and goes on by itself once the {name} is dead.",
        ],
    )


def killed(key: Secret) -> str:
    """What is known of a kill by hand, without any part of the key: its death is seen, the way it was killed is not.

    A standard secret key may have no `Expire key`, and then dies by a rotation, which makes yet another key.
    """
    said = "killed in the Dashboard, seen dead"
    if kind_of(key).credential is not Credential.SECRET:
        return said
    return f"{said}; if it was done by `Rotate key`, that made one more key, which lives and is not known here: expire it in its own row"


def to_retire_later(mode: Mode, *, replacement: bool = False) -> str:
    """The same without any part of a key, for records and for a run without a terminal."""
    return (
        f"the {_names(replacement=replacement)[0]} is still alive: expire it at {keys_page(mode)} (⋯ > `Expire key` or `Delete key`; "
        "a standard secret key: ⋯ > `Rotate key`, Expiration `Now`)"
    )


def _names(*, replacement: bool) -> tuple[str, str]:
    """Name the key that dies and the one that must not."""
    return ("replacement", "old key") if replacement else ("old key", "new key")


def to_rotate_now(mode: Mode, account: str, *, kept: bool, leaked: Secret | None = None) -> str:
    """How to replace a key at once, which kills it and makes the next one.

    With `leaked`, the text is for the screen only: it shows a last four.
    """
    row = f"the leaked key (its token ends in {last_four(leaked)})" if leaked is not None else "the leaked key"
    if kept:
        place, until = "it goes into custody at once", "this run says that it is in custody"
    else:
        place = "NO CUSTODY is to be had here (no store, no keyring), so it stays in this process alone"
        until = "the services have it: if this process ends, nothing else shows the value"
    return numbered(
        "The leaked key is to be taken away from strangers. The inventory does not have your own addresses (`egress_ips`), so it is "
        "rotated at once: it dies, which cannot be undone, and what still uses it fails until it has the new key.",
        [
            f"Open {keys_page(mode)} and see that account {account} is selected.",
            f"In the row of {row} click ⋯ > `Rotate key`. Expiration: `Now`.",
            "Click `Rotate API key`, enter the verification code if Stripe asks, and click the value to copy it: it is shown once.",
            f"Paste it here; {place}. Leave the Dashboard's dialog open until {until}.",
        ],
    )


def to_give_rotated(order: MintOrder) -> str:
    """How to hand over the value of a key that a rotation made; when the value is lost, how to get another key without a stray."""
    return numbered(
        "The leaked key is dead. The value of the key that its rotation made is needed.",
        [
            "Copy it from the Dashboard's dialog, if that is still open, and paste it here.",
            f"Closed? Open {keys_page(order.mode)}, account {order.account}: find the row that the rotation made, by its time of creation.",
            "There click ⋯ > `Rotate key`, Expiration `Now`: that kills the key whose value is lost. Paste the value that it shows.",
            "Did nobody rotate it (Stripe may have killed it)? Then touch no row:",
            f"click `Create secret key`, Key name {order.name}, and paste that value.",
            "Leave the dialog open until this run says that the value is in custody.",
        ],
    )


def to_contain(mode: Mode, egress: tuple[str, ...]) -> str:
    """How to attach a policy that allows only our own addresses."""
    return numbered(
        "The leaked key is to be taken away from strangers without cutting off your own services.",
        [
            f"Open {POLICIES_PAGE} and create an IP policy that allows only: {', '.join(egress)}.",
            f"Open {keys_page(mode)}, and in the row of the leaked key click ⋯ > `Manage access policy`, and attach it.",
            "Older pages call it `Manage IP restrictions`.",
            "If you cannot: ⋯ > `Rotate key`, Expiration `Now`. That kills the key, which cannot be undone.",
            "Your own services fail then until they have the new value, which this run asks for at once.",
        ],
    )


def to_release(mode: Mode) -> str:
    """How to undo a guided containment."""
    return (
        f"undo the containment at {keys_page(mode)}: in the row of the key, ⋯ > `Manage access policy`, or `Edit key` for its permissions"
    )


def to_widen(mode: Mode, right: str) -> str:
    """How to give the replacement one permission more: two clicks."""
    return f"at {keys_page(mode)}, in the row of the new key: ⋯ > `Edit key`, set `{label(right)}`, and save"


def _ticked(permission: str) -> str:
    """A row of the Dashboard's page, and what is chosen there."""
    plain = permission.removeprefix("connect:")
    return f"{label(plain)}{' (Connect column)' if plain != permission else ''}"


def numbered(title: str, steps: list[str]) -> str:
    """A title, and under it one numbered line for each click."""
    return "\n".join([title, *(f"  {number}. {step}" for number, step in enumerate(steps, 1))])
