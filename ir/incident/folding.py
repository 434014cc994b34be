"""Fold audit entries to the record of an incident, one entry after the other."""

from collections.abc import Iterable
from typing import cast

from ir.core.errors import ExitCode
from ir.core.model import Debt, Did, Json, Outcome, copied
from ir.incident.facts import Facts
from ir.incident.record import CLASSIFIED, Incident, StepRun

_OWN_FACTS = {
    "classify": CLASSIFIED,
    "approved": ("approvals",),
    "wake": ("accepted",),
}
"""Kind of a signal → facts that it may establish."""


def fold(entries: Iterable[Json]) -> Incident:
    """Read a chain from its first entry."""
    incident = Incident()
    for entry in entries:
        absorb(incident, entry)
    return incident


def absorb(incident: Incident, entry: Json) -> None:
    """Take one more entry in."""
    body: Json = entry["body"]
    incident.last, incident.head = entry, entry["hash"]
    if entry["kind"] == "opened":
        incident.id, incident.opened, incident.opened_at = entry["incident"], body, entry["at"]
        incident.actor = entry["actor"]
        merge(incident.facts, body.get("facts", {}))
        _inherit(incident)
    elif entry["kind"] == "step":
        _absorb_step(incident, entry, body)
    elif entry["kind"] == "signal":
        incident.signals.append({**body, "at": entry["at"], "by": entry["actor"]})
        merge(incident.facts, _told(body))
        incident.just_paid = set()
        _classified(incident, body, entry)
        _owe_misuse(incident, body)
        incident.status = "running"
    elif entry["kind"] == "word":
        incident.words.append({**body, "at": entry["at"], "by": entry["actor"], "n": entry["n"], "hash": entry["hash"]})
        merge(incident.facts, {name: body["facts"][name] for name in CLASSIFIED if name in body.get("facts", {})})
        _paid(incident, body, entry["actor"])
        _reopened(incident, body)
    elif entry["kind"] == "ended":
        incident.ended, incident.ended_at, incident.status = body, entry["at"], body["status"]
        incident.debts = {row["about"]: Debt(**row) for row in body["debts"] if row["about"] not in incident.just_paid}
        incident.accepted = {**_kept(incident), **body.get("accepted", {})}


def _told(signal: Json) -> Json:
    """Facts that a signal establishes. Each kind establishes only its own, since a sender of approvals must not state what was seen."""
    facts, kind = signal.get("facts", {}), signal.get("kind")
    if kind == "contain":  # by those who may run incidents: who has done it
        return dict(facts)
    told = {name: facts[name] for name in _OWN_FACTS.get(str(kind), ()) if name in facts}
    if kind == "wake" and facts.get("stores"):  # which stores are left out from now on, and why
        rows = facts["stores"].items()
        told |= {"stores": {ref: {name: row[name] for name in ("left_out", "accepted") if name in row} for ref, row in rows}}
    return told


def _classified(incident: Incident, signal: Json, entry: Json) -> None:
    """A classification that was sent as a signal, as earlier versions did, is a word like any other."""
    told = signal.get("facts", {})
    if signal.get("kind") != "classify" or "classified_at" not in told:
        return
    rung = {"rung": "classified", "when": told["classified_at"], "breach": told.get("personal_data_breach")}
    said = {"reason": told.get("classified_because", ""), "by": told.get("classified_by", entry["actor"])}
    incident.words.append({"kind": "ladder", **rung, **said, "at": entry["at"], "n": entry.get("n"), "hash": entry.get("hash", "")})


def _paid(incident: Incident, word: Json, by: str) -> None:
    """Remove a debt that a person ends or keeps by name; later looks may find it again, except for a kept key."""
    about = word.get("about", "")
    if word.get("kind") not in ("closed", "kept") or about not in incident.debts:
        return
    debt = incident.debts.pop(about)
    incident.just_paid.add(about)
    if word["kind"] == "kept":
        incident.accepted[about] = {"why": debt.why, "reason": str(word.get("reason", "")), "by": by}


def _kept(incident: Incident) -> Json:
    """Keys that words keep, whatever an end says."""
    about = {str(word["about"]) for word in incident.words if word.get("kind") == "kept"}
    return {name: row for name, row in incident.accepted.items() if name in about}


def _reopened(incident: Incident, word: Json) -> None:
    """Misuse that a watch found after the end opens an incident again; a person's word ends that."""
    ended = incident.ended
    if word.get("kind") == "misuse" and ended:
        _owe_misuse(incident, word)
        before = incident.reopened or ended
        incident.reopened, incident.status = before, "reopened"
        incident.ended = {**ended, "exit_code": int(ExitCode.DEBT), "status": "reopened", "said": word["debt"]["why"]}
    elif word.get("kind") == "closed" and incident.reopened:
        incident.debts.pop("misuse", None)
        incident.ended, incident.status, incident.reopened = incident.reopened, str(incident.reopened["status"]), {}


def _inherit(incident: Incident) -> None:
    """Debts of earlier incidents that this one took over are its own from the start."""
    for earlier, rows in incident.facts.get("took_over", {}).items():
        for row in rows:
            debt = Debt(row["kind"], row["about"], row["why"], row["todo"].replace(earlier, incident.id))
            incident.debts[debt.about] = debt


def hear_late(incident: Incident, signals: Iterable[Json]) -> None:
    """Take in what was sent after the last entry and not taken in by a workflow: misuse reopens an ended incident, a `close` ends it again.

    Whether it is a personal data breach can be said at any time.
    """
    ended = dict(incident.ended)
    for signal in signals:
        if int(signal["id"]) <= incident.heard:
            continue
        if signal["kind"] == "classify":
            said = {**signal["body"], "kind": "classify"}
            merge(incident.facts, _told(said))
            _classified(incident, said, {"actor": signal.get("actor", ""), "at": signal["at"]})
        if signal["kind"] == "misuse":
            _owe_misuse(incident, {**signal["body"], "kind": "misuse"})
            incident.late |= set(signal["body"]["evidence"])
            if ended:
                incident.status = "reopened"
                incident.ended = {**ended, "exit_code": int(ExitCode.DEBT), "status": "reopened", "said": signal["body"]["debt"]["why"]}
        elif signal["kind"] == "close" and incident.status == "reopened":
            incident.debts = {about: debt for about, debt in incident.debts.items() if debt.kind != "misuse"}
            incident.status, incident.ended = str(ended["status"]), ended


def _owe_misuse(incident: Incident, signal: Json) -> None:
    if signal.get("kind") == "misuse":
        debt = Debt(**signal["debt"])
        incident.debts[debt.about] = debt


def _absorb_step(incident: Incident, entry: Json, body: Json) -> None:
    outcome = Outcome.from_json(body["outcome"])
    run = StepRun(entry["step"], body["action"], body["attempt"], body["started"], entry["at"], entry["actor"], outcome)
    incident.runs.append(run)
    merge(incident.facts, outcome.facts)
    incident.just_paid, kept = set(), _kept(incident)
    for debt in outcome.debts:
        if debt.about not in kept:
            incident.debts[debt.about] = debt
    for about in outcome.paid:
        incident.debts.pop(about, None)
    incident.status = "waiting" if outcome.did is Did.WAITING else "running"
    incident.ended = {}


def merge(into: Json | Facts, facts: Json | Facts) -> None:
    """Deep merge: objects are merged, everything else is replaced."""
    _merge(cast(Json, into), cast(Json, facts))


def _merge(into: Json, facts: Json) -> None:
    for name, value in facts.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = copied(value)  # entries are evidence: folding must never reach into them
