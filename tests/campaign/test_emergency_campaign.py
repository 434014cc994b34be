"""An emergency for many keys, some of which have both values alive: those rotations are taken over, and nothing is begun beside them."""

import yaml

from ir.runtime.app_state import database_address
from ir.storage import database
from ir.storage.incident_index import IncidentIndex, IncidentRow
from tests.campaign.shop import Shop, until

RUN = ["schedule", "run", "--inventory", "inventory.yaml", "--playbook", "./scheduled.yaml"]
ALL = ["rotate", "stripe", "--all", "--inventory", "inventory.yaml", "--policy", "exploited", "--yes"]
WORKER = ["worker", "--until-idle", "--inventory", "inventory.yaml", "--playbook", "./scheduled.yaml"]


def _index(company: Shop) -> dict[str, IncidentRow]:
    """Incident → its row."""
    engine = database.open_engine(database_address(company.database))
    rows = {row.incident: row for row in IncidentIndex(engine).rows()}
    engine.dispose()
    return rows


def _in_grace(company: Shop, *names: str) -> set[str]:
    for name in names:
        company.add(name, rotate_every="30d")
    company.write(grace=3600)
    code, said = company.ir(*RUN)
    assert code == 0 and said.count("both keys live") == len(names), said
    return set(_index(company))


def _both(company: Shop) -> bool:
    """Whether a service works with the new key, while the old one lives."""
    return company.held["a-0"] != company.keys["a"].token.reveal() and company.twin.is_alive(company.keys["a"])


def test_keys_in_their_grace_are_taken_over_by_an_emergency_of_many(company: Shop) -> None:
    """Each was put off eight times and refused, while its leaked key lived on."""
    graces = _in_grace(company, "a", "b")
    company.add("c")
    company.write(grace=3600)
    code, said = company.ir(*ALL, within=120)
    assert code == 0 and "3 keys: 3 done" in said, said
    assert [name for name in "abc" if company.moved(name)] == list("abc") and company.living() == 3
    rows = _index(company)
    assert graces < set(rows) and len(rows) == 3, "those in grace went on as they were, with one incident and one report"
    assert {row.status for row in rows.values()} == {"done"}
    code, said = company.ir(*RUN)
    assert code == 0 and all(name in said for name in graces), said


def test_workers_on_another_machine_take_them_over(company: Shop) -> None:
    graces = _in_grace(company, "a", "b")
    assert company.ir(*ALL, "--detach")[0] == 0
    code, said = company.ir(*WORKER, home="another-machine", within=120)
    assert code == 0 and all(f"{name} is taken over" in said for name in graces), said
    assert company.moved("a") and company.moved("b") and set(_index(company)) == graces
    assert company.ir("campaign", "status")[0] == 0


def test_a_rotation_that_a_person_began_is_taken_over_too(company: Shop) -> None:
    """Scheduled by hand, with a playbook that lies beside the inventory."""
    company.add("a")
    company.write(grace=3600)
    made = company.begin(*company.rotate("a", policy="scheduled"))
    until(lambda: _both(company))
    company.kill(made)
    code, said = company.ir(*ALL, within=120)
    assert code == 0 and company.moved("a") and len(_index(company)) == 1, said


def test_what_was_begun_with_something_else_is_contained_and_left_to_a_person(company: Shop) -> None:
    """A worker runs the programs of no record that nobody agreed to whose word it takes."""
    company.add("a")
    company.write(grace=3600)
    made = company.begin(*company.rotate("a", policy="scheduled"))
    until(lambda: _both(company))
    company.kill(made)
    source = yaml.safe_load((company.folder / "inventory.yaml").read_text())
    source["services"][0]["owner"] = "another team by now"
    (company.folder / "inventory.yaml").write_text(yaml.safe_dump(source))
    [name] = _index(company)
    code, said = company.ir(*ALL, within=120)
    assert code == 4 and f"ir resume {name}" in said, said
    assert company.keys["a"].written is not None and company.twin.is_alive(company.keys["a"]), "narrowed, and not killed"
    code, said = company.ir("resume", name, "--yes")
    assert code == 0 and company.moved("a"), said
    assert company.ir("campaign", "status")[0] == 0


def test_one_that_runs_elsewhere_is_contained_beside_its_process_and_waited_for(company: Shop) -> None:
    company.add("a", rotate_every="30d")
    company.write(quiet=600)
    first = company.begin(*RUN)
    until(lambda: _both(company))
    code, said = company.ir(*ALL, home="another-machine", within=120)
    assert code == 0 and company.moved("a") and len(_index(company)) == 1, said
    assert first.wait(30) == 0


def test_a_rehearsal_names_what_would_be_taken_over(company: Shop) -> None:
    [name] = _in_grace(company, "a")
    code, said = company.ir(*ALL, "--dry-run")
    assert code == 0 and f"a: {name} has its replacement already" in said, said
    assert company.twin.is_alive(company.keys["a"]) and {row.status for row in _index(company).values()} == {"waiting"}
