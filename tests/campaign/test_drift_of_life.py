"""A store that was put back holds a dead key, and the replacement lives on: drift says so, and the next rotation names what lives."""

import json
import re

import pytest

from tests.campaign.shop import Shop

DRIFT = ["inventory", "drift", "inventory.yaml", "--yes"]


def _reverted(company: Shop, services: int = 0) -> tuple[str, str]:
    """Rotated, then put back by somebody's tool: the incident, and the replacement."""
    company.add("a", services=services)
    company.write()
    before = company.stored("a")
    code, said = company.ir(*company.rotate("a"))
    assert code == 0, said
    fresh, name = company.stored("a"), re.findall(r"INC-\w+-\w+", said)[0]
    company._private("a.env", f"OTHER=1\nKEY={before}\n")  # noqa: SLF001 - the same suite
    return name, fresh


def test_stores_that_agree_on_a_dead_key_are_not_the_same_everywhere(company: Shop) -> None:
    name, _ = _reverted(company)
    code, said = company.ir(*DRIFT)
    assert code == 5 and f"which {name} proved dead" in said and "the same everywhere: 0 of 1 key" in said, said


@pytest.mark.parametrize("services", [0, 2])
def test_a_probe_tells_dead_from_living_and_names_what_lives_beside(company: Shop, services: int) -> None:
    name, fresh = _reverted(company, services)
    code, said = company.ir(*DRIFT, "--probe", "--json")
    [row] = json.loads(said)["keys"]
    told = "\n".join(row["problems"])
    assert code == 5 and "dead: dotenv://a.env#KEY has" in told, told
    if services:
        assert "service a-0 holds" in told
    assert f"doubled: ir-{name}-1 (" in told and fresh not in said
    assert set(row["probed"].values()) <= {"expired", "invalid"}


def test_a_key_that_no_incident_of_ours_killed_is_found_dead_by_asking(company: Shop) -> None:
    key = company.add("a", services=0)
    company.add("b", services=0)
    company.write()
    assert company.ir(*DRIFT)[0] == 0
    assert company.ir(*DRIFT, "--probe")[0] == 0
    company.twin.expire_in_dashboard(key)
    code, said = company.ir(*DRIFT, "--probe")
    assert code == 5 and re.search(r"a:\s+dead: dotenv://a.env#KEY has \w+, which Stripe refuses", said), said
    assert company.ir(*DRIFT)[0] == 0, "nobody asked"


def test_two_living_keys_of_one_name_are_doubled(company: Shop) -> None:
    company.add("a", services=0)
    other = company.twin.create_secret_key("a-2")
    company._private("c.env", f"KEY={other.token.reveal()}\n")  # noqa: SLF001 - the same suite
    company.rows["a"]["stored_in"].append("dotenv://c.env#KEY")
    company.write()
    code, said = company.ir(*DRIFT, "--probe")
    assert code == 5 and "doubled: 2 keys of it live" in said, said


def test_a_store_that_was_put_back_during_the_grace_is_stale(company: Shop) -> None:
    """The rotation is not over, so the key that it replaces was taken for the one that is meant."""
    company.add("a", services=0, rotate_every="30d")
    company.write(grace=3600)
    before = company.stored("a")
    run = ["schedule", "run", "--inventory", "inventory.yaml", "--playbook", "./scheduled.yaml"]
    assert company.ir(*run)[0] == 0
    assert company.ir(*DRIFT, "--probe")[0] == 0
    company._private("a.env", f"OTHER=1\nKEY={before}\n")  # noqa: SLF001 - the same suite
    code, said = company.ir(*DRIFT, "--probe")
    assert code == 5 and re.search(r"stale: dotenv://a.env#KEY has \w+, which INC-\S+ replaced, and which lives", said), said


def test_the_rotation_that_repairs_a_revert_names_the_replacement_before(company: Shop) -> None:
    """It ended with 0, and a key lived that nothing held and nobody knew of."""
    name, fresh = _reverted(company)
    code, said = company.ir(*company.rotate("a"))
    assert code == 5 and f"ir-{name}-1, a replacement that {name} made, lives" in said, said
    second = re.findall(r"incident (INC-\w+-\w+)", said)[0]
    [lives] = [key for key in company.twin.live_keys() if key.token.reveal() == fresh]
    assert company.ir("resume", second, "--yes")[0] == 5
    company.twin.expire_in_dashboard(lives)
    code, said = company.ir("resume", second, "--yes")
    assert code == 0, said
    assert company.living() == 1


def test_rotations_one_after_the_other_name_nothing(company: Shop) -> None:
    company.add("a")
    company.write()
    for _ in range(3):
        code, said = company.ir(*company.rotate("a"))
        assert code == 0, said
    assert company.ir(*DRIFT, "--probe")[0] == 0
