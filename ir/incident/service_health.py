"""Look at services: whether each holds the expected key, and the proof of it."""

from collections.abc import Sequence

from ir.core.model import Did, Item, Json
from ir.core.wording import counted
from ir.incident.context import World
from ir.incident.facts import Facts
from ir.inventory import Service
from ir.ports import Check, Expected, Verifier

PROOFS = ("holds-key", "key-used")
"""Proofs that count before a kill; `up` alone does not."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 1.0


def look(world: World, service: Service, expected: Expected, *, patience: float = 0.0) -> Item:
    """Ask every check of one service until all pass or `patience` seconds are over.

    `done` = all passed · `failed` = one said no · `unknown` = no answer. The item's facts hold `proves` and `instances`, and `lacks` where
    a check tells what Stripe refuses the service (`ports.Check.lacks`), be it nothing.
    """
    deadline = world.elapsed() + patience + service.stale
    pause = _FIRST_PAUSE
    while True:
        checks = [verifier.check(expected) for verifier in world.ports.verifiers[service.name] if _can_tell(verifier, expected)]
        did = _judged(checks)
        if did is Did.DONE or world.elapsed() + pause > deadline or world.run.stopping():
            return _item(service, did, checks)
        world.ports.clock.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def look_at(world: World, services: Sequence[Service], expected: Expected, *, patience: float = 0.0) -> list[Item]:
    """`look` at many, side by side."""
    return world.each(services, lambda service: look(world, service, expected, patience=patience))


def provable(world: World, service: Service) -> bool:
    """Whether some check of the service proves which key it holds."""
    return any(verifier.proves in PROOFS for verifier in world.ports.verifiers[service.name])


def said_of(items: Sequence[Item]) -> str:
    """The number of services that hold the replacement; those accepted without a proof are named, not counted."""
    holding = [item for item in items if item.did is Did.DONE and item.facts.get("proves") in PROOFS]
    up = [item.name for item in items if item.did is Did.DONE and item not in holding]
    unhealthy = [item.name for item in items if item.did is not Did.DONE]
    said = f"{counted(len(holding), 'service')} {'holds' if len(holding) == 1 else 'hold'} the replacement"
    said += f"; up, but not proven to hold the key (accepted): {', '.join(up)}" if up else ""
    return said + (f"; unhealthy, so not seen to hold it (accepted): {', '.join(unhealthy)}" if unhealthy else "")


def expected_new(facts: Facts) -> Expected:
    """The replacement as services should hold it."""
    new = facts["new"]
    assert isinstance(new, dict)  # noqa: S101 - the record's own shape, narrowed for the type checker
    return Expected(str(new["fingerprint"]), str(new.get("id", "")), float(new.get("probed_at", 0.0)))


def _can_tell(verifier: Verifier, expected: Expected) -> bool:
    """Whether use can be judged: only from a time at which the key was new."""
    return verifier.proves != "key-used" or expected.since > 0


def _judged(checks: Sequence[Check]) -> Did:
    if any(check.passed is False for check in checks):
        return Did.FAILED
    return Did.DONE if all(check.passed for check in checks) else Did.UNKNOWN


def _item(service: Service, did: Did, checks: Sequence[Check]) -> Item:
    shown = [check for check in checks if not check.passed] if did is not Did.DONE else checks
    proofs = [check for check in checks if check.passed and check.proves in PROOFS]
    facts: Json = {
        "proves": proofs[0].proves if proofs else ("up" if did is Did.DONE else ""),
        "instances": list(proofs[0].instances) if proofs else [0, 0],
        "wave": service.wave,
    }
    told = [check.lacks for check in checks if check.lacks is not None]
    if told:
        facts["lacks"] = {name: lacks[name] for lacks in told for name in sorted(lacks)}
    return Item(service.name, did, "; ".join(dict.fromkeys(check.said for check in shown)), facts)
