"""`ir close` where several things are still to do: a person ends one of them by name; the others stay."""

from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode, Refused, UsageError
from ir.core.model import Debt
from ir.core.wording import counted
from ir.incident import debts
from ir.incident.record import Incident
from ir.runtime import following, words
from ir.runtime.app_state import State
from ir.runtime.reopen import record_of


def meant(record: Incident, name: str, left: str = "") -> str:
    """The subject of the debt that a close ends; "" where none has to be named.

    `name` is as it was given, "" = not at all; `left` names the leftover that is kept instead.

    Raises:
        UsageError: several are still to do and none is named, or none is called that.
        Refused: a word cannot end it.
    """
    if left:
        return _one(record, left, "--accept-left").about
    several = debts.by_word(record)
    if not name and len(several) > 1:
        what = f"{counted(len(several), 'thing')} are still to do, and one sentence ends one of them"
        raise UsageError(what, next_step=f"--debt NAME, one of: {', '.join(debt.about for debt in several)}")
    if not name:
        return several[0].about if several else ""
    debt = _one(record, name, "--debt")
    if debts.critical(record, debt.about):
        todo = f"undo it, then ir resume {record.id} sees that it is gone; to keep it: --accept-left {debt.about}"
        raise Refused(
            f"{debt.about} was left by an attacker and is critical: a word does not end it", safe="nothing was changed", next_step=todo
        )
    if debt.kind == "key-alive" and len(record.debts) > 1:
        todo = f"{debt.todo}; to keep it alive: --accept-alive {debt.about}=REASON"
        raise Refused(f"a word does not end a key that answers: {debt.why}", safe="nothing was changed", next_step=todo)
    return debt.about


def _one(record: Incident, name: str, flag: str) -> Debt:
    found = debts.called(record, name)
    if len(found) != 1:
        said = "several are called that" if found else "nothing that is still to do is called that"
        known = ", ".join(record.debts) or "nothing is still to do"
        raise UsageError(f"{flag} {name[:60]}: {said}", next_step=f"one of: {known}")
    return found[0]


def by_word(kept: State, name: str, about: str, operator: Terminal, reason: str, *, keeps: bool) -> bool:
    """Whether a word in the chain ended it, and others stay; else the incident itself is to be closed, with its last look."""
    record = record_of(kept, name)
    if not about or record.status == "reopened":
        return False
    if not keeps and len(debts.by_word(record)) < 2 and record.debts[about].kind != debts.LEARNED:
        return False  # nothing but the end is left; a right that was added is no end in itself
    words.say(kept, name, operator.name, [{"kind": "kept" if keeps else "closed", "about": about, "reason": reason}], operator.screen.warn)
    return True


def shown(kept: State, name: str, screen: Screen) -> int:
    """What stays; exit code 5, also where only that was left which a person keeps: it counts once."""
    record = record_of(kept, name)
    if screen.as_json:
        screen.document(following.document(record, ExitCode.DEBT))
        return int(ExitCode.DEBT)
    word = record.words[-1]
    did = "is kept by" if word["kind"] == "kept" else "ended by"
    screen.say(f"{name}: {word['about']} {did} {word['by']}, entry {word['n']}: {word['reason']}")
    for debt in record.debts.values():
        screen.warn(f"still to do: {debt.about}: {debt.why} → {debt.todo}")
    if not record.debts:
        screen.say(f"nothing else is still to do: ir resume {name}")
    return int(ExitCode.DEBT)
