"""A leak while both keys of a scheduled rotation live: the red button and the emergency take it over, and go on to the kill."""

import pytest

from ir.runtime.app_state import database_address
from ir.storage import database
from ir.storage.incident_index import IncidentIndex, IncidentRow
from tests.campaign.shop import Shop, until

RUN = ["schedule", "run", "--inventory", "inventory.yaml", "--playbook", "./scheduled.yaml"]
BY_KEY = ["contain", "a", "--inventory", "inventory.yaml", "--yes"]
EXPLOITED = ["rotate", "stripe", "a", "--inventory", "inventory.yaml", "--policy", "exploited", "--yes"]


def _in_grace(company: Shop, issuer: str = "managed") -> str:
    company.add("a", rotate_every="30d")
    company.write(grace=3600, issuer=issuer)
    assert company.ir(*RUN)[0] == (0 if issuer == "managed" else 4)
    return str(_row(company).incident)


def _row(company: Shop) -> IncidentRow:
    engine = database.open_engine(database_address(company.database))
    [row] = IncidentIndex(engine).rows()
    engine.dispose()
    return row


@pytest.mark.parametrize("words", [BY_KEY, EXPLOITED, ["contain", "INC", "--yes"]], ids=["key", "exploited", "incident"])
def test_an_emergency_ends_the_grace_and_goes_on_to_the_kill(company: Shop, words: list[str]) -> None:
    """Both refused, and named the rotation that was in their way; the button on the incident left the key alive."""
    name = _in_grace(company)
    code, said = company.ir(*[name if word == "INC" else word for word in words])
    assert code == 0 and company.moved("a"), said
    assert _row(company).status == "done", "one incident, and no other"
    code, said = company.ir(*RUN)
    assert code == 0 and f"a: done ({name})" in said, said


def test_a_rehearsal_of_the_emergency_changes_nothing(company: Shop) -> None:
    name = _in_grace(company)
    code, said = company.ir(*EXPLOITED, "--dry-run")
    assert code == 0 and name in said and "nothing was changed" in said
    assert company.twin.is_alive(company.keys["a"]) and _row(company).status == "waiting"


def test_a_leak_of_another_key_takes_nothing_over(company: Shop) -> None:
    """The replacement has leaked: killing the old key would help nobody."""
    name = _in_grace(company)
    company._private("leaked", company.stored("a") + "\n")  # noqa: SLF001 - the same suite
    code, said = company.ir(*EXPLOITED, "--leaked-key-from", "file:leaked")
    assert code == 3 and name in said, said
    assert company.twin.is_alive(company.keys["a"])


def test_what_only_a_person_can_kill_is_asked_for_at_once(company: Shop) -> None:
    """Where nothing can be contained from here, `ir resume` went on with the grace."""
    name = _in_grace(company, "dashboard")
    fresh = company.twin.create_secret_key("a-2")
    company._private("new", fresh.token.reveal() + "\n")  # noqa: SLF001 - the same suite
    resumed = company.begin("resume", name, "--new-key-from", "file:new", "--yes")
    until(lambda: company.stored("a") == fresh.token.reveal() and _row(company).summary["step"] == "verify")
    company.kill(resumed)
    code, said = company.ir("contain", name, "--yes")
    assert code == 4 and "xpire" in said, said
    code, said = company.ir("resume", name, "--yes", within=30)
    assert code == 4 and "both keys live" not in said, said
    company.twin.expire_in_dashboard(company.keys["a"])
    code, said = company.ir("resume", name, "--yes")
    assert code == 0 and company.moved("a"), said
