"""Check that a pasted value is really the replacement, before anything moves; each failure is one clear sentence."""

from collections.abc import Callable
from dataclasses import dataclass

from ir.core.errors import UsageError, Waiting
from ir.core.key_kind import account_hint, kind_of, may_be_cut, paste_fault
from ir.core.model import KeyKind, Liveness, Mode, Probe
from ir.core.secret import Secret
from ir.ports import Operator

_TRIES_UNATTENDED = 3
_TRIES_UNREAD = 2
"""The source that was named, then the terminal: there is no third one."""


@dataclass(frozen=True)
class Expect:
    """The properties that the paste must have.

    Attributes:
        account: "" when it is not known.
        holder: the present holder of a value, in words, "" = no known one.
        older: why a value was made before it was asked for, "" = it was not, or Stripe does not tell.
    """

    kind: KeyKind
    mode: Mode
    account: str
    old: Secret | None
    holder: Callable[[Secret], str] = lambda _value: ""
    older: Callable[[Secret], str] = lambda _value: ""


@dataclass(frozen=True)
class PasteResult:
    """The result of the checks.

    Attributes:
        fault: why it is not taken, "" = good.
        alive: Stripe answered to it, so it is a working key even where it is not taken.
        note: what could not be checked.
        doubt: why it may be another key than the new one; it is taken only if a person says why.
    """

    fault: str = ""
    alive: bool = False
    note: str = ""
    doubt: str = ""


@dataclass(frozen=True)
class AcceptedPaste:
    """The paste that was taken, its checks, and the reason why it was taken in spite of a doubt ("" = there was none)."""

    value: Secret
    verdict: PasteResult
    because: str = ""


def examine(paste: Secret, expect: Expect, look: Callable[[Secret], Probe], account_of: Callable[[Secret], str]) -> PasteResult:
    """Check a paste: first its form, then Stripe's answer. A value of the wrong form is never sent."""
    fault = looks_wrong(paste, expect)
    if fault:
        return PasteResult(fault)
    seen = look(paste)
    if not seen.liveness.answers:
        return PasteResult(_not_answered(paste, seen))
    if seen.mode is not None and seen.mode is not expect.mode:
        return PasteResult(f"Stripe says that it is a {seen.mode} key; a {expect.mode} key is needed.", alive=True)
    account = seen.account or account_of(paste)
    if account and expect.account and account != expect.account:
        said = f"It is a key of another account ({account}); {expect.account} is needed. Select that one in the Dashboard."
        return PasteResult(said, alive=True)
    doubt = expect.holder(paste) or expect.older(paste)
    return PasteResult("", alive=True, note="" if account else _account_unread(paste, expect), doubt=doubt)


def taken(operator: Operator, prompt: str, verdict_of: Callable[[Secret], PasteResult], alive: dict[Secret, str]) -> AcceptedPaste:
    """The first good paste and its checks. Each other paste gets its reason, and is noted in `alive` if it works.

    A doubtful paste is taken only when a person types a reason, at the same hidden prompt: the next line may be another paste.

    Raises:
        Waiting: there is nothing (more) to take; says why the last one was not taken.
    """
    fault, tries, unread = "", 0, 0
    doubted: tuple[Secret, PasteResult] | None = None
    while operator.interactive or tries < _TRIES_UNATTENDED:
        try:
            given = operator.new_key(prompt) if doubted is None else operator.key_or_why(prompt)
        except UsageError as error:  # such as a file that is not written yet; the run waits for it, and a person may paste meanwhile
            fault, unread = error.what + (f" ({error.next_step})" if error.next_step else ""), unread + 1
            operator.tell(f"Not taken. {fault}")
            if unread < _TRIES_UNREAD:
                continue
            break
        if given is None:
            break
        if isinstance(given, str) and doubted is not None:
            return AcceptedPaste(*doubted, given)
        assert isinstance(given, Secret)  # noqa: S101 - words are an answer to a doubt alone
        paste, tries = _without_line_end(given), tries + 1
        verdict, doubted = verdict_of(paste), None
        if not verdict.fault and not verdict.doubt:
            return AcceptedPaste(paste, verdict)
        fault = verdict.fault or verdict.doubt
        if verdict.fault and verdict.alive:
            alive[paste] = fault
        if verdict.doubt and operator.interactive:
            doubted = (paste, verdict)
            fault += " Paste the new one; or, if this is the one, type in a few words why (it is not shown)."
        operator.tell(f"Not taken. {fault}")
    raise Waiting(f"What was given last was not taken. {fault}" if fault else "No key was given yet.")


def _without_line_end(paste: Secret) -> Secret:
    text = paste.reveal()
    return Secret(text.rstrip("\r\n")) if text.endswith(("\r", "\n")) else paste


def looks_wrong(paste: Secret, expect: Expect) -> str:
    """The reason why its characters alone rule it out; "" when they do not."""
    fault = paste_fault(paste)
    if fault:
        return fault
    kind = kind_of(paste)
    wanted = "signing secret" if expect.kind is KeyKind.WEBHOOK else "key"
    if (kind.key_kind is KeyKind.WEBHOOK) is not (expect.kind is KeyKind.WEBHOOK) or kind.key_kind is None:
        return f"This is not the new {wanted} but: {kind.credential}. {kind.instruction}"
    if expect.old is not None and paste == expect.old:
        return f"This is the old {wanted} itself. Copy the value of the new one."
    if kind.mode is not None and kind.mode is not expect.mode:
        return f"This is a {kind.mode} key; a {expect.mode} key is needed. Switch the Dashboard to {_world(expect.mode)}."
    if kind.key_kind is not expect.kind:
        return f"This is a {kind.credential}; a {expect.kind} key is needed (`kind: {expect.kind}` in the inventory)."
    return ""


def _world(mode: Mode) -> str:
    return "live mode" if mode is Mode.LIVE else "the sandbox (test mode)"


def _not_answered(paste: Secret, seen: Probe) -> str:
    if seen.liveness is Liveness.BLOCKED:
        return (
            "Stripe refuses it from this machine's address (an access policy of the key or of the account): that "
            "says nothing "
            "about its life. Allow this address in the policy, then paste it again."
        )
    if seen.liveness is Liveness.EXPIRED:
        return "It has expired already. Make another one."
    if seen.liveness is Liveness.INVALID:
        cut = " It may be cut: it is shorter than keys of today." if may_be_cut(paste) else ""
        return f"Not recognised: Stripe does not know it. Nothing was stored; copy it again.{cut}"
    return "Stripe gave no answer about it just now. Nothing was stored; paste it again in a moment."


def _account_unread(paste: Secret, expect: Expect) -> str:
    hint = account_hint(paste)
    said = "Its account could not be read: the key may not ask for it."
    if not hint:
        return said
    return f"{said} Its own characters point to {hint}" + (", as expected." if hint == expect.account else ": look twice.")
