"""What a report costs grows with the services, not with their square: it is drawn while the last calls of a rotation wait."""

import pytest

from ir import report
from ir.core.model import Did, Item, Outcome
from ir.report.escape import Tamer
from tests.unit.report_samples import Builder, overlap


def _of(services: int) -> Builder:
    made = overlap()
    names = [f"service-{number}" for number in range(services)]
    told = {name: {"wave": "main", "after": "0" * 16, "proves": "holds-key"} for name in names}
    made.step("verify", Outcome(Did.DONE, "looked", {"services": told}, tuple(Item(name, Did.DONE, "holds it", {}) for name in names)))
    return made


def _cost(services: int, monkeypatch: pytest.MonkeyPatch) -> int:
    made, texts = _of(services), list[object]()
    plain = Tamer.__call__

    def counted(tamer: Tamer, value: object) -> object:
        texts.append(value)
        return plain(tamer, value)

    with monkeypatch.context() as patch:
        patch.setattr(Tamer, "__call__", counted)
        report.render_all(made.incident, made.entries)
    return len(texts)


def test_twice_the_services_cost_twice_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    none, some, more = (_cost(services, monkeypatch) for services in (0, 100, 200))
    assert more - none < 2.2 * (some - none)
