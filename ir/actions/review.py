"""Review and triage: look for misuse in the evidence."""

from dataclasses import asdict

from ir.core.errors import PortError
from ir.core.model import Debt, Did, Json, Outcome
from ir.core.secret import Secret
from ir.core.wording import counted
from ir.incident.context import World
from ir.incident.facts import Facts
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Reviewed, ReviewRequest

MISUSE = ("confirmed", "suspected")


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Review. The verdict becomes a fact; misuse never stops the run, but may change what comes next."""
    asked = request(world, record, since=float(step.params["since"]), budget=float(step.params["budget"]))
    try:
        reviewed = world.ports.reviewer.review(asked, world.hooks.say)
    except PortError as error:
        empty: Json = {"verdict": "cannot tell", "verdicts": {}, "coverage": [], "findings": []}
        return Outcome(Did.SKIPPED, f"nothing could be reviewed: {error.what}", {step.id: empty, "review": empty})
    facts = _facts(reviewed)
    collected = world.hooks.keep([*reviewed.collected, *filter(None, [reviewed.affected])], reviewed.inputs)
    evidence = {step.id: {**_asked(asked), "rows": {row["source"]: row["rows"] for row in reviewed.coverage}, **collected}}
    said = f"misuse of writes: {reviewed.verdicts.get('writes', 'cannot tell')}, of reads: {reviewed.verdicts.get('reads', 'cannot tell')}"
    said += f", account changes: {reviewed.verdicts.get('account', 'cannot tell')}; {counted(len(reviewed.findings), 'finding')}"
    return Outcome(Did.DONE, said, {step.id: facts, "review": facts, "evidence": evidence}, debts=leftover_debts(reviewed.leftovers))


def request(world: World, record: Incident, *, since: float = 30 * 86400.0, budget: float = 0.0) -> ReviewRequest:
    """The request to the reviewer; the leaked key itself is never used for reading."""
    now = world.now()
    facts = record.facts
    return ReviewRequest(
        account=world.account.id,
        api_base=world.account.api_base,
        since=now - since,
        until=now,
        exposed_at=float(facts.get("exposed_at", 0.0) or world.options.exposed_at),
        budget=budget,
        review_key=_reading_key(world, record),
        key_fingerprint=facts.get("old", {}).get("fingerprint", ""),
        key_id=facts.get("old", {}).get("id", ""),
        scratch=world.run.scratch,
        egress=tuple(world.account.egress),
        logs=tuple(world.account.logs),
        maps=tuple(world.account.maps),
        own_requests=world.lookups.own_requests(),
        known_webhooks=tuple(world.account.webhooks),
        own_objects=_made_by_us(facts),
        personal_data=world.options.personal_data,
        ours=tuple(world.account.ours),
        addresses=tuple(str(network) for network in world.account.egress_ips),
    )


def _asked(asked: ReviewRequest) -> Json:
    """The scope of the evidence, for its manifest."""
    window = {"since": asked.since, "exposed_at": asked.exposed_at, "until": asked.until}
    return {"account": asked.account, "api_base": asked.api_base, "window": window, "personal_data": asked.personal_data}


def _made_by_us(facts: Facts) -> tuple[str, ...]:
    """Provider ids of the replacement, where known, else its name; of what earlier tries minted, and of the old key once narrowed here."""
    narrowed = facts.get("old", {}).get("id", "") if facts.get("containment") else ""
    new = facts.get("new", {})
    found = (new.get("id", "") or (facts.get("mint", {}).get("name", "") if new else ""), narrowed, *facts.get("strays", {}))
    return tuple(name for name in found if name)


def leftover_debts(leftovers: tuple[Json, ...]) -> tuple[Debt, ...]:
    """An undecided leftover of high or critical severity becomes a debt."""
    return tuple(
        Debt("leftover", str(left["id"]), f"{left['kind']}: {left['why']}", str(left["undo"]))
        for left in leftovers
        if left["severity"] in ("high", "critical")
    )


def _reading_key(world: World, record: Incident) -> Secret | None:
    """The review key; without one the review waits for the replacement."""
    key = world.lookups.review_key()
    if key is not None or "new" not in record.facts:
        return key
    return world.new_key(record.facts)


def _facts(reviewed: Reviewed) -> Json:
    data = asdict(reviewed)
    for name in ("collected", "inputs"):
        del data[name]
    data["findings"] = [asdict(finding) for finding in reviewed.findings]
    return data
