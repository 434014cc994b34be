"""What a report costs grows with the services, not with their square: it is drawn while the last calls of a rotation wait."""

import sys
from types import FrameType

from ir import report
from ir.core.model import Did, Item, Json, Outcome
from tests.unit.report_samples import overlap


def _calls(services: int) -> int:
    """Calls of Python functions that it takes to draw the report of so many services more."""
    made, count = overlap(), 0
    names = [f"service-{number}" for number in range(services)]
    told: Json = {name: {"wave": "main", "after": "0" * 16, "proves": "holds-key"} for name in names}
    made.step("verify", Outcome(Did.DONE, "looked", {"services": told}, tuple(Item(name, Did.DONE, "holds it", {}) for name in names)))
    incident = made.incident

    def called(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(called)
    try:
        report.render_all(incident, made.entries)
    finally:
        sys.setprofile(None)
    return count


def test_twice_the_services_cost_twice_as_much() -> None:
    _calls(0)  # the templates are compiled
    none, some, more = (_calls(services) for services in (0, 100, 200))
    assert more - none < 2.3 * (some - none)
