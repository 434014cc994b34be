"""A key of a campaign that is placed elsewhere meanwhile is not killed: it compares what a single rotation compares."""

from collections.abc import Callable

import pytest

from ir.drill.twin import Fate
from ir.drill.twin.message import Request
from tests.campaign.shop import Shop, until

pytestmark = pytest.mark.server


def _under_another_key(company: Shop, value: str) -> str:
    file = company.folder / "other.env"
    file.write_text(file.read_text().replace(company.stored("other"), value))
    company.held["other-0"] = value
    return "dotenv://other.env#KEY (a store of key `other`)"


def _in_a_field_that_no_key_lists(company: Shop, value: str) -> str:
    with (company.folder / "other.env").open("r+") as file:
        text = file.read()
        file.seek(0)
        file.write(f"FORMER='{value}'\n{text}")
    return "dotenv://other.env#FORMER (a field that no key lists)"


def _told_by_a_service(company: Shop, value: str) -> str:
    company.held["other-0"] = value
    return "other-0 (a service of key `other`)"


KINDS = [_under_another_key, _in_a_field_that_no_key_lists, _told_by_a_service]
Places = Callable[[Shop, str], str]


def _meanwhile(company: Shop, places: Places) -> list[str]:
    """Place the value of `a` elsewhere right after its replacement was minted: after all that the campaign compares at its start."""
    named: list[str] = []

    def fate(request: Request) -> Fate | None:
        if request.method == "POST" and request.path.endswith("/api_keys") and not named:
            named.append(places(company, company.keys["a"].token.reveal()))
        return None

    company.twin.decide(fate)
    return named


def _put_right(company: Shop) -> None:
    """Another key stands there again, and `other` works with its own."""
    own = company.keys["other"].token.reveal()
    company._private("other.env", f"OTHER=1\nKEY={own}\n")  # noqa: SLF001 - as the shop wrote it
    company.held["other-0"] = own


@pytest.mark.parametrize("places", KINDS)
def test_a_key_that_is_placed_elsewhere_meanwhile_is_not_killed(company: Shop, places: Places) -> None:
    for name in ("a", "other"):
        company.add(name)
    company.write()
    named = _meanwhile(company, places)
    (company.folder / "names").write_text("a\n")
    code, said = company.ir(*company.rotate("--keys-from", "names"), within=120)
    assert named and code == 4, said
    assert named[0].partition(" ")[0] in said, said
    assert company.twin.is_alive(company.keys["a"]) and company.living() == 3, "both keys live, and the other one"
    code, said = company.ir("status")
    assert "ir resume INC-" in said and company.keys["a"].token.reveal() not in said, said
    _put_right(company)
    code, said = company.ir("resume", "--yes")
    assert code == 0 and company.moved("a"), said


def test_a_scheduled_key_that_is_placed_elsewhere_in_its_grace_is_not_killed(company: Shop) -> None:
    company.add("a", rotate_every="90d")
    company.add("other")
    company.write()
    named = _meanwhile(company, _in_a_field_that_no_key_lists)
    words = ("schedule", "run", "--inventory", "inventory.yaml", "--playbook", "./scheduled.yaml")
    code, said = company.ir(*words, within=120)
    assert named and code == 4, said
    assert "other.env#FORMER" in said, said
    assert company.twin.is_alive(company.keys["a"]) and company.living() == 3


def test_a_worker_without_an_inventory_compares_by_what_was_signed(company: Shop) -> None:
    for name in ("a", "other"):
        company.add(name)
    company.write()
    named = _meanwhile(company, _under_another_key)
    (company.folder / "names").write_text("a\n")
    code, said = company.ir(*company.rotate("--keys-from", "names", "--detach"))
    assert code == 0, said
    (company.folder / "inventory.yaml").unlink()
    worker = company.begin("worker")
    until(
        lambda: company.ir("campaign", "status", "--json")[0] == 4 and '"waiting": 1' in company.ir("campaign", "status", "--json")[1], 90
    )
    worker.terminate()
    assert named and company.twin.is_alive(company.keys["a"]), "the worker compared with a key that its child does not list"
