"""A leak while both keys of a scheduled rotation live: the red button and the emergency take it over, and go on to the kill."""

import json
import time

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


ALL = ["rotate", "stripe", "--all", "--inventory", "inventory.yaml", "--policy", "exploited", "--yes"]


@pytest.mark.parametrize("words", [EXPLOITED, ALL], ids=["one key", "all keys"])
def test_an_overlap_that_nobody_runs_is_taken_over_too(company: Shop, words: list[str]) -> None:
    """Misuse is found while an exposed key is watched for quiet: the emergency was refused, and named what was in its way."""
    company.add("a")
    company.write(quiet=600)
    first = company.begin(*company.rotate("a"))
    until(lambda: company.held["a-0"] != company.keys["a"].token.reveal())
    company.kill(first)
    assert company.twin.is_alive(company.keys["a"])
    code, said = company.ir(*words, within=120)
    assert code == 0 and company.moved("a"), said
    assert _row(company).status == "done", "one incident, and no other"


def test_an_emergency_follows_what_another_process_runs(company: Shop) -> None:
    """The button ended at once with 0, as if the key were dead already."""
    company.add("a")
    company.write(quiet=600)
    first = company.begin(*company.rotate("a"))
    until(lambda: company.held["a-0"] != company.keys["a"].token.reveal())
    code, said = company.ir(*EXPLOITED, home="another-machine", within=120)
    assert code == 0 and company.moved("a") and "runs in another process" in said, said
    assert first.wait(30) == 0


def test_a_rehearsal_of_the_emergency_changes_nothing(company: Shop) -> None:
    name = _in_grace(company)
    code, said = company.ir(*EXPLOITED, "--dry-run")
    assert code == 0 and name in said and "nothing was changed" in said
    assert company.twin.is_alive(company.keys["a"]) and _row(company).status == "waiting"


def test_the_report_of_a_grace_that_was_ended_tells_of_the_leak(company: Shop) -> None:
    """It said that nothing leaked, that the leak was detected when the rotation began, and that moved services were down."""
    name = _in_grace(company)
    began = float(_row(company).opened_at)
    until(lambda: time.time() > began + 2)
    code, said = company.ir(*EXPLOITED, "--reason", "seen in a repository")
    assert code == 0, said
    code, text = company.ir("report", name, "--format", "json")
    told = json.loads(text)
    cards = {card["id"]: card for card in told["cards"]}
    assert cards["open"]["answer"] != "not applicable" and cards["key"]["question"] == "Is the leaked key proven dead?"
    assert any("said at" in line and "the old key has leaked, because: seen in a repository" in line for line in told["summary"])
    [outage] = told["outages"]
    assert outage["down"] is False and outage["said"] == "no outage seen by our checks", outage
    [detected] = [row for row in told["ladder"] if row["rung"] == "detected"]
    assert detected["at"] > told["opened_at"] and detected["reason"] == "seen in a repository"
    assert told["old"]["role"] == "leaked"


def test_a_leak_of_another_key_takes_nothing_over(company: Shop) -> None:
    """The replacement has leaked: killing the old key would help nobody."""
    name = _in_grace(company)
    company._private("leaked", company.stored("a") + "\n")  # noqa: SLF001 - the same suite
    code, said = company.ir(*EXPLOITED, "--leaked-key-from", "file:leaked")
    assert code == 3 and name in said, said
    assert company.twin.is_alive(company.keys["a"])


@pytest.mark.parametrize("many", [False, True], ids=["one key", "all keys"])
def test_what_only_a_person_can_kill_is_asked_for_at_once(company: Shop, many: bool) -> None:
    """Where nothing can be contained from here, `ir resume` went on with the grace."""
    name = _in_grace(company, "dashboard")
    fresh = company.twin.create_secret_key("a-2")
    company._private("new", fresh.token.reveal() + "\n")  # noqa: SLF001 - the same suite
    resumed = company.begin("resume", name, "--new-key-from", "file:new", "--yes")
    until(lambda: company.stored("a") == fresh.token.reveal() and _row(company).summary["step"] == "verify")
    company.kill(resumed)
    code, said = company.ir(*(ALL if many else ["contain", name, "--yes"]), within=120)
    assert code == 4 and "xpire" in said, said
    code, said = company.ir("resume", name, "--yes", within=30)
    assert code == 4 and "both keys live" not in said, said
    company.twin.expire_in_dashboard(company.keys["a"])
    code, said = company.ir("resume", name, "--yes")
    assert code == 0 and company.moved("a"), said
    assert not many or company.ir("campaign", "status")[0] == 0
