"""The step `delivery` where Stripe cannot be asked: a person's word, and what is never taken for one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from ir.actions import delivery
from ir.core.model import Danger, Did, Outcome
from ir.core.secret import Secret
from ir.drill.simulated.world import HOOKS
from ir.incident.context import World
from ir.incident.facts import Facts
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.incident.world_parts import Run
from ir.ports import Sent
from tests.worlds.issuers import BentClock

STEP = Step("delivery", "delivery", Danger.READ, "", "", {"for": 20.0, "patience": 5.0})


@dataclass
class Deliveries:
    """Of a webhook whose events are counted by a test."""

    why: str = ""
    accepted: bool | None = False
    sent: list[Sent] = field(default_factory=list)

    def blind(self) -> str:
        return self.why

    def still_accepted(self, secret: Secret) -> bool | None:
        return self.accepted

    def newest(self) -> int:
        return 100

    def since(self, created: int) -> Sequence[Sent]:
        assert created == 100
        return self.sent

    def to_resend(self) -> str:
        return "click `Resend`"


@dataclass
class Person:
    """Somebody at a terminal, or nobody."""

    interactive: bool
    answer: str = ""
    told: list[str] = field(default_factory=list)
    name: str = "alice"

    def tell(self, text: str) -> None:
        self.told.append(text)

    def ask(self, question: str) -> str:
        return self.answer


def taken(deliveries: Deliveries, person: Person, *, guided: bool = True, **facts: object) -> Outcome:
    """One run of the step."""
    clock = BentClock()
    world = SimpleNamespace(
        ports=SimpleNamespace(deliveries=deliveries, operator=person, issuer=SimpleNamespace(guided=guided), clock=clock),
        hooks=HOOKS,
        run=Run("", patient=True),
        plan=SimpleNamespace(steps=(STEP,)),
        incident="INC-1",
        elapsed=clock.elapsed,
        now=lambda: clock.now().timestamp(),
        old_key=lambda _facts: Secret("old"),
    )
    known = cast(Facts, {"new": {"id": ""}, **facts})
    return delivery.run(cast(World, world), Incident(id="INC-1", facts=known), STEP)


def event(untaken: int, *, wanted: int = 1, ours: int = 1) -> Sent:
    return Sent("evt_123456789", 101, untaken, wanted, ours)


@pytest.mark.parametrize(
    ("person", "did"),
    [
        (Person(interactive=False), Did.FAILED),
        (Person(interactive=True, answer="evt_3AbCdEfGhIjKl"), Did.DONE),
        (Person(interactive=True, answer="n"), Did.FAILED),
        (Person(interactive=True, answer="evt_ir0123456789"), Did.FAILED),
    ],
    ids=["nobody there", "an event", "there is none", "a test event of ours"],
)
def test_a_persons_word_where_stripe_cannot_be_asked(person: Person, did: Did) -> None:
    outcome = taken(Deliveries(why="no key may look"), person)
    assert outcome.did is did, outcome.said
    if did is Did.DONE:
        assert outcome.facts["delivery"]["how"] == "by the word of alice" and person.told == ["click `Resend`"]


def test_no_word_is_asked_for_while_the_old_secret_is_accepted() -> None:
    person = Person(interactive=True, answer="evt_3AbCdEfGhIjKl")
    assert taken(Deliveries(why="no key may look", accepted=True), person).did is Did.WAITING and person.told == []


@pytest.mark.parametrize(
    ("sent", "guided", "accepted", "did"),
    [
        ([event(0)], True, False, Did.DONE),
        ([event(0)], True, True, Did.WAITING),
        ([event(0)], True, None, Did.UNKNOWN),
        ([event(1)], True, False, Did.FAILED),
        ([event(1, wanted=2)], True, False, Did.WAITING),
        ([event(1, wanted=2, ours=2)], False, False, Did.DONE),
        ([event(1, wanted=2, ours=2)], False, True, Did.WAITING),
        ([event(0, wanted=2, ours=2)], False, True, Did.DONE),
        ([], True, False, Did.WAITING),
    ],
)
def test_what_follows_from_a_count(sent: list[Sent], guided: bool, accepted: bool | None, did: Did) -> None:
    outcome = taken(Deliveries(accepted=accepted, sent=sent), Person(interactive=False), guided=guided)
    assert outcome.did is did, outcome.said
    assert bool(outcome.facts.get("delivery", {}).get("event")) is (did is Did.DONE)


def test_what_failed_before_anything_was_made_does_not_count_as_refused() -> None:
    known = Deliveries(sent=[event(1)])
    assert taken(known, Person(interactive=False), delivery={"floor": 1}).did is Did.WAITING
    known.sent = [event(2)]
    assert taken(known, Person(interactive=False), delivery={"floor": 1}).did is Did.FAILED
