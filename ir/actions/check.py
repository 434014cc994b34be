"""Check: prove the replacement before any service sees it."""

from dataclasses import replace

from ir.actions import last_use, own_keys, own_looks, rights, rights_given
from ir.core.errors import Missing
from ir.core.model import Did, Json, KeyKind, Liveness, Outcome
from ir.core.secret import Secret
from ir.incident import reversibility
from ir.incident.context import World
from ir.incident.plan import Step
from ir.incident.record import Incident


def run(world: World, record: Incident, step: Step) -> Outcome:
    """Check that it is alive, another key than the old one, and of the same account and mode."""
    if "new" not in record.facts:
        return Outcome(Did.SKIPPED, "there is no replacement to check")
    try:
        new = world.new_key(record.facts)
    except Missing as error:
        return own_keys.replaced(world, record.facts, error)
    asked = world.now()
    probe = world.ports.issuer.probe(new)
    facts: Json = {"new": {"liveness": probe.liveness.value, "probed_at": probe.date, "mode": world.mode.value}}
    if (skew := last_use.ahead(asked, probe)) is not None:
        facts["clock"] = {"ahead": skew}
    if new.fingerprint == record.facts["old"]["fingerprint"]:
        return Outcome(Did.FAILED, "the replacement is the leaked key itself", facts)
    if probe.mode is not None and probe.mode is not world.mode:
        return Outcome(Did.FAILED, f"the replacement is a {probe.mode.value}-mode key", facts)
    if probe.account and probe.account != world.account.id:
        return Outcome(Did.FAILED, f"the replacement belongs to {probe.account}, not to {world.account.id}", facts)
    if probe.liveness.answers:
        answers = Outcome(Did.DONE, f"the replacement answers ({probe.liveness.value}), same account, same mode", facts)
        return _with_rights(answers, _lacking(world, record, new))
    if probe.liveness is Liveness.BLOCKED:
        why = "no call tells whether a signing secret works" if world.key.kind is KeyKind.WEBHOOK else "limited to other addresses"
        return Outcome(Did.DONE, f"the replacement cannot be tried from here ({why}); its services will show", facts)
    if probe.liveness is Liveness.UNKNOWN:
        return Outcome(Did.UNKNOWN, f"Stripe gave no answer about the replacement (status {probe.status})", facts)
    return Outcome(Did.FAILED, f"the replacement does not work: {probe.liveness.value}", facts)


def _lacking(world: World, record: Incident, new: Secret) -> Outcome | None:
    """A right that is in use and that one GET shows to be lacking stops here, before a service meets it; `done`: one was given by now."""
    if not rights.narrow(world, record.facts) or reversibility.forward(record.facts):
        return None  # where services wait to be brought back, nothing keeps them waiting
    added, stopped = rights_given.added(world, record)
    seen = own_looks.read(world, new) if stopped is None else None
    if stopped is not None or seen is None:
        return stopped
    lacking = rights.missing(world, record, [seen], added)
    if not lacking.told_by:
        return Outcome(Did.DONE, seen.said, lacking.facts, debts=lacking.debts)
    stopped = rights_given.stop(world, record, lacking)
    return replace(stopped, items=lacking.items(), debts=lacking.debts)


def _with_rights(answers: Outcome, told: Outcome | None) -> Outcome:
    if told is None:
        return answers
    said = f"{answers.said}; {told.said}" if told.did is Did.DONE else told.said
    return replace(told, said=said, facts={**answers.facts, **told.facts})
