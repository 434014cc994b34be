"""Which time a look for forged events is about, and why there was none."""

from dataclasses import replace
from typing import cast

import pytest

from ir.actions import forged
from ir.core.errors import Unknown
from ir.core.model import Danger, Did, Json
from ir.drill.simulated.clock import START
from ir.drill.simulated.world import Simulation
from ir.incident.facts import Facts
from ir.incident.plan import Step
from ir.incident.record import Incident
from ir.ports import Deliveries
from ir.report import forged as told
from ir.report.source import Story

STEP = Step("forged", "forged", Danger.READ, "", "", {})
DAY = 86400.0


class Services:
    """Each says what it processed, and Stripe knows all of it, or does not answer."""

    def __init__(self, *, answers: bool = True) -> None:
        self.asked, self._answers = list[float](), answers

    def processed(self, since: float) -> list[str]:
        self.asked.append(since)
        return ["evt_1"]

    def unknown(self, ids: list[str]) -> list[str]:
        if not self._answers:
            raise Unknown("Stripe gave no answer")
        return []


def looked(services: Services, exposed: float) -> tuple[Did, str, Json]:
    sim = Simulation("exposed")
    port = cast(Deliveries, services)  # as much of it as the step uses
    sim.world = replace(sim.world, ports=replace(sim.world.ports, deliveries=port))
    outcome = forged.run(sim.world, Incident(facts={"exposed_at": exposed}), STEP)
    return outcome.did, outcome.said, outcome.facts


@pytest.mark.parametrize(
    ("days", "window"), [(2.0, "since the exposure"), (90.0, "in the last 30 days"), (None, "in the last 30 days")], ids=str
)
def test_it_is_said_of_the_time_that_was_asked_about(days: float | None, window: str) -> None:
    services, now = Services(), START.timestamp()
    did, said, facts = looked(services, 0.0 if days is None else now - days * DAY)
    assert did is Did.DONE and f"1 event processed {window}" in said
    assert services.asked == [now - min(days or 30.0, 30.0) * DAY]
    assert told.card(Story(Incident(facts=cast(Facts, facts)), []))["facts"][0]["name"].startswith(f"Processed {window}")


def test_where_stripe_does_not_answer_the_report_says_so_and_not_that_no_service_was_asked() -> None:
    did, said, facts = looked(Services(answers=False), 0.0)
    assert did is Did.SKIPPED and "cannot be told: Stripe gave no answer" in said
    card = told.card(Story(Incident(facts=cast(Facts, facts)), []))
    assert (card["answer"], card["text"]) == ("not looked at", said)
