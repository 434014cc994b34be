"""Tell the kind of credential by its prefix, and what its owner has to do about it. Pure: nothing is sent.

Prefixes and lifetimes are Stripe's (docs.stripe.com/keys, /keys/organization-api-keys, /webhooks; the CLI's own
sources for its 90 days, and for OAuth since 2026-08-10: stripe-cli #1880, #1910). No answer here holds a part of the string.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from ir.core.model import KeyKind, Mode
from ir.core.secret import Secret

_SHORTEST_BODY = 10
_MODERN_BODY = 99
_SHORTEST_WEBHOOK_BODY = 24
"""Secrets of endpoints have 32 characters after `whsec_`, those of `stripe listen` have 64."""
_API_KEY = re.compile(r"(sk|rk)_(live|test)_([A-Za-z0-9_]*)")
_WRAPPING = re.compile(r"[\"'`\u2018\u2019\u201c\u201d<>(){}\[\],;]")
_MASK = re.compile(r"[*\u2022\u2026]|\.\.")
_KEY_INSIDE = re.compile(r"(?:sk|rk|pk)_(?:live|test)_|whsec_")


class Credential(StrEnum):
    """Kinds of credentials that people paste where a key is asked for."""

    SECRET = "secret key"  # noqa: S105  # a kind of key, not a key
    RESTRICTED = "restricted key"
    ORGANIZATION = "organization key"
    SANDBOX = "key of a claimable sandbox"
    CLI = "key of the Stripe CLI"
    HOSTED = "key managed by a hosting platform"
    PUBLISHABLE = "publishable key"
    WEBHOOK = "webhook signing secret"
    EPHEMERAL = "ephemeral key"
    KEY_ID = "id of a key"
    GARBAGE = "something else"

    @property
    def instruction(self) -> str:
        """What to do about it, one to three sentences."""
        return _INSTRUCTIONS[self]


_INSTRUCTIONS = {
    Credential.SECRET: "A secret key may do everything in its account: rotate it with `ir rotate stripe`.",
    Credential.RESTRICTED: "A restricted key may do what its permission list says: rotate it with `ir rotate stripe`.",
    Credential.ORGANIZATION: (
        "An organization key reaches every account of the organization, and each request with it needs "
        "Stripe-Context and "
        "Stripe-Version, so `ir` neither probes nor rotates it. Rotate it in the organization's Dashboard: "
        "https://dashboard.stripe.com/org/api-keys/secret"
    ),
    Credential.SANDBOX: (
        "It belongs to a sandbox that someone can claim: no live money hangs on it, and `ir` does not rotate it. "
        "Claim the sandbox and replace the key in its Dashboard."
    ),
    Credential.CLI: (
        "A restricted key that the Stripe CLI made for one machine before August 2026 lives for 90 days, and no rotation of "
        "another key touches it: expire it in the Dashboard where it is listed. Since then the CLI signs in with OAuth: "
        "`stripe login --new-session` on that machine revokes the former token."
    ),
    Credential.HOSTED: (
        "A key that a hosting platform manages can be rotated in the Dashboard but never revealed: Stripe hands the "
        "new one to "
        "the platform itself, so there is nothing to paste. Rotate it there, redeploy the app, then see that the "
        "old key is dead."
    ),
    Credential.PUBLISHABLE: (
        "A publishable key is made to be seen and moves no money: there is no emergency. It cannot be expired, only "
        "rotated in the "
        "Dashboard. Look whether a secret key leaked beside it."
    ),
    Credential.WEBHOOK: (
        "It signs webhooks and opens no API: anyone who has it can forge events. List its endpoint under `webhooks:` and rotate it "
        "with `ir rotate stripe-webhook`, or roll it in Workbench > Webhooks > the endpoint > ⋯ > Roll secret; both secrets sign "
        "for up to 24 hours if you choose so."
    ),
    Credential.EPHEMERAL: "An ephemeral key runs out by itself; if the secret key that made it leaked, rotate that.",
    Credential.KEY_ID: "It names a key and opens nothing. The key itself is needed here; it begins with sk_ or rk_.",
    Credential.GARBAGE: "It is not a Stripe key: one begins with sk_live_, rk_live_, sk_test_ or rk_test_.",
}

_KINDS = {
    Credential.SECRET: KeyKind.SECRET,
    Credential.RESTRICTED: KeyKind.RESTRICTED,
    Credential.WEBHOOK: KeyKind.WEBHOOK,
}

# First match wins: an organization key also begins like a secret key.
_PREFIXES = (
    ("sk_org_", Credential.ORGANIZATION),
    ("rkcs_", Credential.SANDBOX),
    ("sk_live_", Credential.SECRET),
    ("sk_test_", Credential.SECRET),
    ("rk_live_", Credential.RESTRICTED),
    ("rk_test_", Credential.RESTRICTED),
    ("pk_", Credential.PUBLISHABLE),
    ("whsec_", Credential.WEBHOOK),
    ("ek_", Credential.EPHEMERAL),
    ("mk_", Credential.KEY_ID),
)


@dataclass(frozen=True)
class CredentialKind:
    """The kind of credential that a string is.

    Attributes:
        credential: by its prefix.
        mode: None where the prefix does not say.
        may_be: what the prefix cannot rule out, each with its own instruction: ask where the key came from.
    """

    credential: Credential
    mode: Mode | None
    may_be: tuple[Credential, ...] = ()

    @property
    def rotatable(self) -> bool:
        """Whether `ir rotate` can replace it."""
        return self.credential in (Credential.SECRET, Credential.RESTRICTED)

    @property
    def key_kind(self) -> KeyKind | None:
        """The kind in the inventory's words; None for a kind that the inventory does not list."""
        return _KINDS.get(self.credential)

    @property
    def instruction(self) -> str:
        """What its owner has to do about it."""
        return self.credential.instruction


def credential_of(text: str) -> Credential:
    """The kind by its beginning alone. What was typed stays a plain word: a name that is made a `Secret` would be masked in all output."""
    return next((credential for prefix, credential in _PREFIXES if text.startswith(prefix)), Credential.GARBAGE)


def kind_of(secret: Secret) -> CredentialKind:
    """Tell the kind of `secret` by its prefix."""
    text = secret.reveal()
    credential = credential_of(text)
    mode = re.match(r"[a-z]+_(?:org_)?(live|test)_", text)
    may_be = {Credential.SECRET: (Credential.HOSTED,), Credential.RESTRICTED: (Credential.CLI,)}.get(credential, ())
    return CredentialKind(credential, Mode(mode.group(1)) if mode and credential is not Credential.GARBAGE else None, may_be)


def paste_fault(secret: Secret) -> str:
    """Why this paste cannot be a whole key or signing secret, as a sentence; "" when it can be one."""
    text = secret.reveal()
    checks = (
        (not text.strip(), "Nothing was pasted."),
        (bool(re.search(r"\s", text)), "There is white space in it: copy the key alone."),
        (bool(_MASK.search(text)), "Its middle is hidden, as in the list of keys: click the value to copy all of it."),
        (bool(_WRAPPING.search(text)), "There are quotes or brackets around it: copy the key alone."),
        (_KEY_INSIDE.search(text) is not None and not text.startswith(("sk_", "rk_", "pk_", "whsec_")),
         "There is text in front of the key: copy the key alone."),
        (len(_KEY_INSIDE.findall(text)) > 1, "It was pasted twice."),
    )  # fmt: skip
    fault = next((sentence for wrong, sentence in checks if wrong), "")
    if fault or not kind_of(secret).key_kind:
        return fault
    return _webhook_fault(text) if text.startswith("whsec_") else _api_key_fault(text)


def _webhook_fault(text: str) -> str:
    body = text.removeprefix("whsec_")
    if not re.fullmatch(r"[A-Za-z0-9+/=_-]*", body):
        return "There is a character in it that no signing secret has: copy it again."
    if len(body) < _SHORTEST_WEBHOOK_BODY:
        return "It is cut: too short for a signing secret. Copy it again, to its last character."
    return "It was pasted twice." if "whsec_" in body else ""


def _api_key_fault(text: str) -> str:
    whole = _API_KEY.fullmatch(text)
    if whole is None:
        return "There is a character in it that no key has: copy it again."
    if len(whole.group(3)) < _SHORTEST_BODY:
        return "It is cut: too short for a key. Copy it again, to its last character."
    return ""


def may_be_cut(secret: Secret) -> bool:
    """Whether it looks like a key of today that was cut short.

    It is a hint for a key that Stripe does not know, never a reason to refuse.
    """
    body = secret.reveal().split("_")[-1]
    return body.startswith("5") and 24 < len(body) < _MODERN_BODY


def account_hint(secret: Secret) -> str:
    """The account id that a key of today carries in its body, "" otherwise. It was observed and is not promised, so it is only a hint."""
    body = secret.reveal().split("_")[-1]
    built_so = len(body) == _MODERN_BODY and body.startswith("51")
    return f"acct_{body[1:17]}" if built_so else ""
