"""Signals that people sent to an incident, in plain words: approvals, containment, rollback, abort and others."""

from ir.core.model import Json
from ir.incident import signal_words
from ir.report.formatting import iso, label, utc
from ir.report.source import Story, as_object, words

_ENGINE = {"at", "by", "id", "kind", "facts", "plan", "seen", "signature", "hash", "plan_hash", "name", "evidence", "login", "n", "how"}
"""Fields that tie a message to the engine and mean nothing to a reader."""


def signals(story: Story) -> list[Json]:
    """`{at, by, kind, what, said}` of everything that was sent; `kind` is the recorded word, `what` the plain one."""
    return [
        {"at": iso(s.get("at")), "by": words(s.get("by")), "kind": words(s.get("kind")), "what": what(s), "said": said(s)}
        for s in story.signals
    ]


def what(signal: Json) -> str:
    """What the person did: `approved retire`, `asked for a rollback`."""
    kind = words(signal.get("kind"))
    if kind == "approve":
        step = words(signal.get("step")) or "the next step"
        return _vouched(signal) or (f"let {step} happen by --yes" if by_flag(signal) else f"approved {step}")
    return _word(signal) or signal_words.did(kind)


def _word(said: Json) -> str:
    """A word of a person: `said since when it is known`, `recorded that authority was told`."""
    kind, to = said.get("kind"), words(said.get("to"))
    if kind == "ladder":
        no = said.get("breach") is False or said.get("material") is False
        rungs = {"aware": "said since when it is known", "classified": f"classified it as {'no' if no else 'a'} personal data breach"}
        return rungs.get(str(said.get("rung")), f"said that it is {'not ' if no else ''}material")
    return {"told": f"recorded that {to} was told", "not-told": f"recorded that {to} is not told"}.get(str(kind), "")


def by_flag(approval: Json) -> bool:
    """Whether `--yes` answered instead of a person, when the incident was opened or resumed."""
    return str(approval.get("how", "")).startswith("--yes")


def _vouched(signal: Json) -> str:
    if signal.get("source_closed"):
        return f"said that {words(signal['source_closed'])}, the source of the leak, is closed"
    return "said that the old key is not used any more" if signal.get("unused") else ""


def said(signal: Json) -> str:
    """The rest of the message, for a reader."""
    kind = signal.get("kind")
    if kind == "approve":
        return _approval(signal)
    if kind == "approved":
        return words(signal.get("said"))
    if kind == "classify":
        return _classified(as_object(signal.get("facts")))
    if kind == "ladder":
        return "; ".join(filter(None, [f"at {utc(signal.get('when'))}", words(signal.get("reason")), *_packs(signal)]))
    if kind == "told":
        return f"at {utc(signal.get('when'))}, reference: {words(signal.get('reference'))}"
    if kind == "misuse":
        return words(as_object(signal.get("debt")).get("why"))
    if kind == "wake":
        return "the operator's own questions answered with yes" if signal.get("yes") else ""
    return _rest(signal)


def _approval(signal: Json) -> str:
    glass = f"BREAK GLASS: {words(signal['break_glass'])}" if signal.get("break_glass") else ""
    why = words(signal.get("unused") or signal.get("reason"))
    signed = "signed" if signal.get("signature") else "" if _vouched(signal) else "not signed"
    signed = f"no person was asked: {words(signal['how'])}" if by_flag(signal) else signed
    until = f"holds until {utc(signal['until'])}" if isinstance(signal.get("until"), int | float) else ""
    aside = f"its environment says {words(signal['environment'])}" if signal.get("environment") else ""
    return "; ".join(filter(None, [glass, why, signed, until, aside]))


def _classified(told: Json) -> str:
    verdict = "no personal data breach" if told.get("personal_data_breach") is False else "a personal data breach"
    return ": ".join(filter(None, [verdict, words(told.get("classified_because"))]))


def _packs(signal: Json) -> list[str]:
    return [f"under {words(signal['under'])}"] if signal.get("under") else []


def _rest(signal: Json) -> str:
    parts = {label(name): value for name, value in signal.items() if name not in _ENGINE and value not in ("", None, False, [], {})}
    if set(parts) <= {"reason", "said"}:
        return "; ".join(words(value) for value in parts.values())
    return ", ".join(f"{name}: {words(value)}" for name, value in parts.items())
