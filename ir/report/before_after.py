"""Keys, services and stores, before and after the run."""

from dataclasses import dataclass

from ir import inventory
from ir.core.errors import IrError
from ir.core.model import Did, Item, Json
from ir.incident.debts import rotation_of
from ir.report.formatting import iso, moment
from ir.report.source import Story, as_object, as_rows, fingerprint_of, named, words

ON_NEW = "on the replacement"
ON_OLD = "on the old key"
BEHIND = "not seen on the replacement"
ACCEPTED = "accepted by name"
NOT_CHECKED = "not checked"
NOT_CHANGED = "not changed"
NOT_WRITTEN = "not written"
HOLDS_NEW = "holds the replacement"
LEFT_OUT = "left out by name"
WRITTEN = "the replacement was written; it cannot be read back"
UNKNOWN = "unknown"
_PROOFS = ("holds-key", "key-used")
PUT_BACK = "the old key was put back"
_LOOKS = ("wave", "verify", "retire", "watch", "undo")


@dataclass(frozen=True)
class _Look:
    """What one step saw of one thing, and the time at which that step ended."""

    action: str
    at: str
    item: Item


def keys(story: Story) -> list[Json]:
    """The leaked key and its replacement, by provider id and fingerprint only."""
    rows = [_key(story, "leaked" if story.leaked else "old", story.old, _old_state(story))]
    if story.new:
        rows.append(_key(story, "replacement", story.new, str(story.new.get("liveness") or UNKNOWN)))
    return rows


def _key(story: Story, role: str, key: Json, state: str) -> Json:
    shown = {name: str(key.get(name) or "") for name in ("id", "fingerprint", "kind", "mode", "account")}
    extra = {**_permissions(key), **_age(story, key)}
    return {
        "role": role,
        "name": named(story, key),
        **shown,
        "state": state,
        **extra,
        "pasted": iso(key.get("pasted") or None),
        "last_used": iso(key.get("last_used")),
        "deadline": iso(key.get("deadline")),
    }


def _permissions(key: Json) -> Json:
    """A key's permissions: `all` for a secret key that lists none, since only a restricted key is narrowed.

    Empty and unread are told apart.
    """
    named = [str(p) for p in as_rows(key.get("permissions"))]
    everything = not named and key.get("kind") == "secret"
    return {"permissions": ["all"] if everything else named, "permissions_read": bool(named or everything or key.get("row_read"))}


def _age(story: Story, key: Json) -> Json:
    """Stripe's date of the key's making, and the key's age when the incident was opened; `age_days` None = not read."""
    made, opened = moment(key.get("created")), moment(story.incident.opened_at)
    old = (opened - made) / 86400 if made is not None and opened is not None and opened >= made else None
    return {"created": iso(made), "age_days": None if old is None else round(old, 1)}


def _old_state(story: Story) -> str:
    if proven_dead(story):
        return "proven dead"
    seen = str(story.old.get("liveness") or UNKNOWN)
    return f"{seen} when last looked at" if seen != UNKNOWN else UNKNOWN


def proven_dead(story: Story) -> bool:
    """Whether a proof of death is recorded, and nothing recorded later contradicts it."""
    told = story.facts
    if not told.get("proof") or not told.get("dead_at") or story.incident.status == "rolled back":
        return False
    return not leaked_key_debts(story)


def leaked_key_debts(story: Story) -> list[str]:
    """The reasons why the leaked key is not proven dead."""
    ours = {str(story.new.get(name)) for name in ("id", "fingerprint") if story.new.get(name)}
    ours |= {*as_object(story.facts.get("seen")), rotation_of(story.incident.id)}
    return [debt.why for debt in story.debts if debt.kind in ("key-alive", "key-unproven") and debt.about not in ours]


def services(story: Story) -> list[Json]:
    """Every service that the record or the inventory snapshot names, with its last seen state."""
    known, seen = as_object(story.facts.get("services")), _last_looks(story)
    return [_service(story, name, as_object(known.get(name)), seen.get(name)) for name in named_services(story)]


def named_services(story: Story) -> list[str]:
    """Names of the services that `services` tells of, in its order."""
    known = as_object(story.facts.get("services"))
    return list(known) + [name for name in _listed_services(story) if name not in known]


def _listed_services(story: Story) -> list[str]:
    """Names from the inventory that is recorded with the incident, so that a service without a look is not left out."""
    text, name = story.incident.opened.get("inventory"), story.incident.opened.get("inventory_name")
    if not isinstance(text, str):
        return []
    try:
        return [service.name for service in inventory.loads(text, str(name)).services_of(str(story.plan.get("key")))]
    except IrError:
        return []


def _service(story: Story, name: str, told: Json, seen: _Look | None) -> Json:
    check = as_object(story.tamer(seen.item.facts)) if seen else {}
    state = _service_state(story, told, seen)
    accepted = _accepted_service(story, name, told)
    if accepted and state != ON_NEW:
        state = f"{ACCEPTED}: {state}"
    return {
        "name": name,
        "wave": str(told.get("wave") or ""),
        "owner": str(told.get("owner") or ""),
        "store": str(told.get("store") or ""),
        "before": fingerprint_of(told.get("before")),
        "after": fingerprint_of(story.old if state == ON_OLD else told.get("after")),
        "state": state,
        "proves": str((check.get("proves") if seen else told.get("proves")) or ""),
        "instances": [int(n) for n in as_rows(check.get("instances")) if isinstance(n, int)],
        "said": str(story.tamer(seen.item.said)) if seen else "",
        "checked_at": iso(seen.at) if seen else None,
        "accepted": accepted,
    }


def _service_state(story: Story, told: Json, look: _Look | None) -> str:
    """A service's state by the waves, unless a later look contradicts it."""
    if look and look.action == "undo":
        return ON_OLD if look.item.did is Did.DONE else "in between: going back failed"
    seen = fingerprint_of(told.get("after"))
    if not seen:
        return BEHIND if "after" in told else NOT_CHANGED if story.dry_run else NOT_CHECKED
    if seen == fingerprint_of(story.old):
        return ON_OLD
    if seen != fingerprint_of(story.new):
        return "on a third key"
    if look and look.item.did is Did.UNKNOWN:
        return "gave no answer when last looked at"
    if look and look.item.did is not Did.DONE:
        return "no longer as expected when last looked at"
    return ON_NEW if told.get("proves") in _PROOFS else "up, its key not proven"


def _accepted_service(story: Story, name: str, told: Json) -> str:
    recorded = as_object(told.get("accepted"))
    reasons = {kind: accepted_reason(story, f"accept_{kind}", name) or words(recorded.get(kind)) for kind in ("unverified", "unhealthy")}
    return "; ".join(f"{kind}: {reason}" for kind, reason in reasons.items() if reason)


def _last_looks(story: Story, actions: tuple[str, ...] = _LOOKS) -> dict[str, _Look]:
    """The latest item about each thing, of the steps that could see the replacement; of several in one step the first."""
    found: dict[str, _Look] = {}
    for run in reversed(story.incident.runs):
        for item in run.outcome.items if run.action in actions else ():
            found.setdefault(item.name, _Look(run.action, run.ended, item))
    return found


def moved_at(story: Story) -> dict[str, float]:
    """The time at which each service was seen on the replacement, epoch seconds."""
    known = as_object(story.facts.get("services"))
    times = {name: moment(as_object(told).get("moved_at")) for name, told in known.items()}
    return {name: at for name, at in times.items() if at is not None}


def stores(story: Story) -> list[Json]:
    """Every store of the key, by fingerprint and version id."""
    known, seen, written = as_object(story.facts.get("stores")), _last_looks(story), _last_looks(story, ("wave",))
    return [_store(story, ref, as_object(known[ref]), seen.get(ref), written.get(ref)) for ref in known]


def _store(story: Story, ref: str, told: Json, seen: _Look | None, written: _Look | None) -> Json:
    before, after = as_object(told.get("before")), as_object(told.get("after"))
    state = _store_state(story, told, seen, written)
    return {
        "ref": ref,
        "guided": bool(told.get("guided")),
        "before": {"fingerprint": fingerprint_of(before), "version": words(before.get("version"))},
        "staged": words(told.get("staged")),
        "after": {"fingerprint": fingerprint_of(story.old if state == PUT_BACK else after), "version": words(after.get("version"))},
        "state": state,
        "said": str(story.tamer(seen.item.said)) if seen else "",
        "checked_at": iso(seen.at) if seen else None,
        "siblings": [str(name) for name in as_rows(told.get("siblings"))],
        "accepted": accepted_reason(story, "accept_unreachable", ref) or words(told.get("accepted")),
    }


def _store_state(story: Story, told: Json, look: _Look | None, write: _Look | None) -> str:
    after = fingerprint_of(told.get("after"))
    if told.get("left_out"):
        return LEFT_OUT
    if look and look.action == "undo":
        return PUT_BACK if look.item.did is Did.DONE else "in between: going back failed"
    if not after and write and write.item.did in (Did.FAILED, Did.UNKNOWN):
        return NOT_WRITTEN if write.item.did is Did.FAILED else "not known whether it was written"
    if not after:
        return "staged, not current yet" if told.get("staged") else NOT_CHANGED
    if look and look.item.did in (Did.FAILED, Did.UNKNOWN):
        return "not as expected when last looked at"
    if after == fingerprint_of(story.new):
        return WRITTEN if told.get("write_only") else HOLDS_NEW
    return "holds another value"


def accepted_reason(story: Story, option: str, name: str) -> str:
    """The reason that a person gave for an exception, from `{NAME: REASON}` or `["NAME=REASON"]`."""
    given = story.options.get(option)
    if isinstance(given, dict):
        return words(given.get(name))
    pairs = (str(pair).partition("=") for pair in as_rows(given))
    return next((reason for key, _, reason in pairs if key == name), "")
