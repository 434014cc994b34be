"""Decide whether the approvals of a step suffice. People count, not messages. Pure.

* An approval is about one step of one plan of one incident, and about the verification that was seen; it expires. One from before an
  exception was accepted by name counts no more.
* Signed, by a key that the incident's inventory has listed ever since, it is that person's. Where several people
  are needed, only signatures count: any name can be typed.
* Where several people are needed, the one who opened the incident is none of them.
* Broken glass lets a step happen alone, and is the loudest line of the record.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ir.core import sshsig
from ir.core.model import Json
from ir.core.secret import excerpt
from ir.evidence.hash_chain import canonical
from ir.incident.approvers import SEVERAL, is_requester
from ir.incident.record import Incident
from ir.inventory import Approver

LONGEST = 7 * 86400.0
"""Seconds that an approval may hold."""
DEFAULT = 86400.0


@dataclass(frozen=True)
class Question:
    """What is to be approved.

    Attributes:
        plan: the plan's hash. seen: end of the last verification, as recorded; "" when there was none.
        needs: how many people.
        requester: who opened the incident.
        removed: of `approvers`, those whose key is not in the inventory any more.
    """

    incident: str
    step: str
    plan: str
    seen: str
    needs: int
    requester: str
    approvers: tuple[Approver, ...] = ()
    removed: tuple[Approver, ...] = ()


def question(
    record: Incident, step: str, needs: int, plan: str, approvers: Sequence[Approver], removed: Sequence[Approver] = ()
) -> Question:
    """The question as it stands now: the incident's record tells the last verification and the person who opened the incident."""
    verified = record.run_of("verify")
    seen = verified.ended if verified else ""
    return Question(record.id, step, plan, seen, needs, record.actor, tuple(approvers), tuple(removed))


def statement(incident: str, step: str, plan: str, seen: str, until: float, name: str) -> bytes:
    """The bytes that an approver signs: canonical JSON; `until` is in whole epoch seconds."""
    return canonical({"incident": incident, "step": step, "plan": plan, "seen": seen, "until": int(until), "name": name})


def weigh(asked: Question, signals: Iterable[Json], now: float) -> Json:
    """Whether enough people approved: `{granted, needs, people, not_counted, broken_glass, said}`.

    `people` is `[{name, signed, key, reason}]`, `not_counted` is `[{by, why}]`. Recorded, so free of secrets.
    """
    signed: dict[str, Json] = {}
    unsigned: list[Json] = []
    refused: list[Json] = []
    glass: Json = {}
    sent = list(signals)
    since = max((number for number, signal in enumerate(sent) if signal.get("accepts")), default=-1)
    for number, signal in enumerate(sent):
        if not _about(asked, signal):
            continue
        by = excerpt(str(signal.get("by", "")), 80)
        person, why = _person(asked, signal, by, now)
        why = why or ("an exception was accepted by name since" if number < since else "")
        if why:
            refused.append({"by": by, "why": why})
        elif signal.get("break_glass"):
            glass = {"by": by, "reason": excerpt(str(signal["break_glass"]))}
        elif person["signed"]:
            signed[person["name"]] = person
        else:
            unsigned.append(person)
    people = list(signed.values())
    if asked.needs < SEVERAL:
        people += unsigned[:1] if not people else []
    else:
        refused += [
            {"by": person["name"], "why": "it is not signed, and where several people are needed only signatures count"}
            for person in unsigned
        ]
    granted = len(people) >= asked.needs or bool(glass)
    answer = {"granted": granted, "needs": asked.needs, "people": people, "not_counted": refused, "broken_glass": glass}
    return {**answer, "said": _said(asked, answer)}


def _about(asked: Question, signal: Json) -> bool:
    return bool(signal.get("kind") == "approve" and signal.get("plan") == asked.plan and signal.get("step", asked.step) == asked.step)


def _person(asked: Question, signal: Json, by: str, now: float) -> tuple[Json, str]:
    """The approver's name, and the reason why the approval does not count ("" = it counts)."""
    until, reason = signal.get("until"), excerpt(str(signal.get("reason", "")))
    person: Json = {"name": by, "signed": False, "key": "", "reason": reason}
    if isinstance(until, int | float) and until <= now:
        return person, "it has expired"
    if "seen" in signal and signal["seen"] != asked.seen:
        return person, "services were verified again since" if signal["seen"] else "services were not verified yet when it was given"
    if signal.get("signature"):
        approver, why = _signer(asked, signal)
        if approver is None:
            return person, why
        person = {"name": approver.name, "signed": True, "key": approver.public.fingerprint, "reason": reason}
    if asked.needs >= SEVERAL and not signal.get("break_glass") and is_requester(asked.requester, asked.approvers, person["name"], by):
        return person, "it is from the one who opened the incident"
    return person, ""


def _signer(asked: Question, signal: Json) -> tuple[Approver | None, str]:
    """The listed person whose signature it is; else the reason why it fits none."""
    name, until = str(signal.get("name", "")), signal.get("until")
    if not isinstance(until, int | float) or "seen" not in signal or "step" not in signal:
        return None, "its signature lacks a part of what it has to cover"
    words = statement(asked.incident, asked.step, asked.plan, str(signal["seen"]), until, name)
    try:
        key = sshsig.verify(str(signal["signature"]), words)
    except sshsig.BadSignature as error:
        return None, f"its signature does not hold: {error}"
    found = next((row for row in asked.approvers if row.name == name and row.public == key), None)
    if found in asked.removed:
        return None, f"it was signed with {key.fingerprint}, the key of {name} that has been taken out of the inventory since"
    return found, "" if found else f"it was signed with {key.fingerprint}, a key that the inventory does not list for {name or 'anybody'}"


def _said(asked: Question, answer: Json) -> str:
    names = [
        f"{p['name']} ({'signed with ' + p['key'] if p['signed'] else 'unsigned: anybody could have typed it'})" for p in answer["people"]
    ]
    said = f"{len(names)} of {asked.needs} approved `{asked.step}`" + (f": {', '.join(names)}" if names else "")
    said += "".join(f"; not counted: {row['by']}, {row['why']}" for row in answer["not_counted"])
    if answer["broken_glass"] and len(names) < asked.needs:
        return f"BREAK GLASS by {answer['broken_glass']['by']}: {answer['broken_glass']['reason']}; {said}"
    return said
