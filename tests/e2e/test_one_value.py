"""One value in several places: what the leaked key's death would cut off is found by its fingerprint, whatever it is listed under."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ir.drill.twin import Fate
from ir.drill.twin.message import Request
from tests.worlds.responder import Responder, ended, read, responder

pytestmark = pytest.mark.server


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Responder]:
    with responder(tmp_path / "world") as made:
        made.another_key(made.twin.create_secret_key("other"))
        yield made


def _put(world: Responder, name: str, value: str) -> None:
    file = world.folder / name
    file.write_text(file.read_text().replace(f"STRIPE_KEY={read(file)}", f"STRIPE_KEY={value}"))


def _same_under_another_name(world: Responder) -> str:
    world.other_service()
    _put(world, "other.env", world.leaked.token.reveal())
    world.services[-1].key = world.leaked.token.reveal()
    return "dotenv://other.env#STRIPE_KEY"


def _twice_in_one_object(world: Responder) -> str:
    with world.files[0].open("a") as file:
        file.write(f"FORMER_KEY='{world.leaked.token.reveal()}'\n")
    return "dotenv://one.env#FORMER_KEY"


def _as_a_header_in_one_object(world: Responder) -> str:
    coded = base64.b64encode(f"{world.leaked.token.reveal()}:".encode()).decode()
    with world.files[0].open("a") as file:
        file.write(f"STRIPE_HEADER='Basic {coded}'\n")
    return "dotenv://one.env#STRIPE_HEADER"


def _a_listed_service(world: Responder) -> str:
    world.other_service()
    world.services[-1].key = world.leaked.token.reveal()
    return "s3 (a service of key `other`)"


def _a_store(world: Responder) -> str:
    _put(world, "other.env", world.leaked.token.reveal())
    return "dotenv://other.env#STRIPE_KEY"


KINDS = [_same_under_another_name, _twice_in_one_object, _a_listed_service, _a_store]


@pytest.mark.parametrize("holds", KINDS)
def test_found_later_the_key_is_not_killed_and_a_resume_ends_it(world: Responder, holds: Callable[[Responder], str]) -> None:
    named: list[str] = []

    def meanwhile(request: Request) -> Fate | None:
        if request.method == "POST" and request.path.endswith("/api_keys") and not named:
            named.append(holds(world))
        return None

    world.other_service()
    world.twin.decide(meanwhile)
    code, said = ended(world.rotate("payments"))
    assert named and code == 4, said
    assert named[0].partition(" ")[0] in said and "ir rollback" in said and "ir resume" in said, said
    assert world.twin.is_alive(world.leaked) and len(world.live()) == 2, "the replacement and the other key"
    assert world.leaked.token.reveal() not in said
    _put_right(world)
    code, said = world.ir("resume", "--yes")
    assert code == 0, said
    assert not world.twin.is_alive(world.leaked)


def _put_right(world: Responder) -> None:
    new = read(world.files[0])
    other = next(key for key in world.live() if key.name == "other").token.reveal()
    text = world.files[0].read_text()
    world.files[0].write_text(text.replace(world.leaked.token.reveal(), new))
    _put(world, "other.env", other)
    for service in world.services[3:]:
        service.key = other


@pytest.mark.parametrize("holds", [_twice_in_one_object, _as_a_header_in_one_object, _a_listed_service])
def test_found_before_anything_was_changed_it_is_refused_by_name(world: Responder, holds: Callable[[Responder], str]) -> None:
    name = holds(world).partition(" ")[0]
    before = world.state()
    code, said = ended(world.rotate("payments"))
    assert code == 3 and name in said and "--accept-un" in said, said
    assert world.state() == before
    code, said = ended(world.rotate("payments", "--dry-run"))
    assert code == 3 and name in said, said


def test_one_plan_replaces_a_key_that_is_listed_under_two_names(world: Responder) -> None:
    _same_under_another_name(world)
    _fitting(world)
    code, said = ended(world.rotate("payments", "--dry-run"))
    assert code == 0 and "listed under `other`" in said, said
    code, said = ended(world.rotate("payments"))
    assert code == 0 and "4 services hold the replacement" in said, said
    assert not world.twin.is_alive(world.leaked) and world.cut_off == []
    new = read(world.files[0])
    assert read(world.folder / "other.env") == new and {service.key for service in world.services} == {new}
    (minted,) = [key for key in world.live() if key.token.reveal() == new]
    assert set(minted.permissions or ()) == {"payment_intent_write", "charge_read", "balance_read", "dispute_read"}, "of both rows"
    assert world.recorded()[0]["body"]["plan"]["also"] == ["other"]


def _fitting(world: Responder) -> None:
    file = world.folder / "inventory.yaml"
    row = "{name: other, account: main, kind: secret,"
    file.write_text(file.read_text().replace(row, f"{row} permissions: [charge_read, dispute_read],"))


def test_a_row_that_does_not_say_what_it_may_do_is_not_taken_in(world: Responder) -> None:
    name = _same_under_another_name(world)
    code, said = ended(world.rotate("payments"))
    assert code == 3 and name in said and "s3" in said, said


def test_the_leaked_key_finds_the_first_of_its_names(world: Responder) -> None:
    _same_under_another_name(world)
    _fitting(world)
    file = world.folder / "leaked.key"
    file.write_text(world.leaked.token.reveal())
    file.chmod(0o600)
    code, said = ended(world.rotate("--leaked-key-from", f"file:{file}"))
    assert code == 0 and "4 services hold the replacement" in said, said


def test_what_may_not_be_read_is_named_before_the_question_and_no_program_is_run(world: Responder) -> None:
    text = (world.folder / "inventory.yaml").read_text()
    rows = '  - {name: third, account: main, kind: secret, stored_in: ["command://third", "manual://Vercel"]}\nservices:\n'
    command = f"commands:\n  - {{name: third, read: [/bin/touch, {world.folder}/ran], write: [/bin/false]}}\n"
    (world.folder / "inventory.yaml").write_text(text.replace("services:\n", rows) + command)
    code, said = ended(world.rotate("payments"))
    assert code == 0, said
    assert "not compared with the key: command://third, manual://Vercel" in said, said
    assert not (world.folder / "ran").exists()


def test_a_place_that_is_left_behind_by_name_is_left(world: Responder) -> None:
    name = _twice_in_one_object(world)
    code, said = ended(world.rotate("payments", "--accept-unreachable", f"{name}=no program reads it"))
    assert code == 0, said
    assert not world.twin.is_alive(world.leaked)


def test_containment_does_not_wait_for_it_and_what_is_on_the_dead_key_is_named(tmp_path: Path) -> None:
    with responder(tmp_path / "world", policy="exploited") as world:
        world.another_key(world.twin.create_secret_key("other"))
        name = _same_under_another_name(world)
        code, said = ended(world.rotate("payments"))
        assert code == 5 and not world.twin.is_alive(world.leaked), said
        assert name in said and "s3" in said, said
        code, said = world.ir("status", "--json")
        assert name in said and "service-behind" in said, said
        _put_right(world)
        code, said = world.ir("resume", "--yes")
        assert code == 0, said


def test_an_approval_from_before_an_exception_was_accepted_counts_no_more(world: Responder) -> None:
    def meanwhile(request: Request) -> Fate | None:
        if request.method == "POST" and request.path.endswith("/api_keys"):
            _a_store(world)
        return None

    world.twin.decide(meanwhile)
    code, said = ended(world.rotate("payments"))
    assert code == 4, said
    accept = ("--accept-unreachable", "dotenv://other.env#STRIPE_KEY=it is a copy")
    code, said = world.ir("resume", *accept)
    assert code == 4 and world.twin.is_alive(world.leaked), "--yes was said before anybody knew of it\n" + said
    assert "ir approve" in said, said
    code, said = world.ir("approve")
    assert code == 0, said
    code, said = world.ir("resume")
    assert code == 0 and not world.twin.is_alive(world.leaked), said


def test_the_second_rotation_needs_no_consent_to_what_the_first_showed(world: Responder) -> None:
    def meanwhile(request: Request) -> Fate | None:
        if request.method == "POST" and request.path.endswith("/api_keys"):
            _same_under_another_name(world)
        return None

    world.other_service()
    world.twin.decide(meanwhile)
    code, said = ended(world.rotate("payments"))
    assert code == 4 and "also reaches and runs: " in said and "store dotenv://other.env" in said, said
    world.twin.decide(lambda _request: None)
    code, said = world.ir("rollback", "--yes")
    assert code == 6, said
    code, said = ended(world.rotate("other", "--accept-unreachable", "dotenv://one.env#STRIPE_KEY=a test"))
    assert "new, and" not in said, said


def test_the_red_button_names_what_it_cuts_off_besides(world: Responder) -> None:
    name = _same_under_another_name(world)
    code, said = world.ir("contain", "payments", "--inventory", "inventory.yaml", "--yes")
    assert code == 5 and name in said and "s3" in said, said
    assert "contained" in said and world.twin.is_alive(world.leaked), "narrowed"


# ── in peace ──


@pytest.mark.parametrize(
    ("holds", "told"),
    [
        (_same_under_another_name, "key `other` holds the same value (dotenv://other.env#STRIPE_KEY)"),
        (_twice_in_one_object, "dotenv://one.env#FORMER_KEY holds its value, too, and no key lists it"),
        (_a_listed_service, "service s3 holds"),
    ],
)
def test_it_is_told_in_peace(world: Responder, holds: Callable[[Responder], str], told: str) -> None:
    world.other_service()
    looks: list[tuple[str, ...]] = [("inventory", "drift"), ("inventory", "check", "--live")]
    for argv in looks:
        code, said = world.ir(*argv, "--yes")
        assert code == 0 and "the same everywhere: 2 of 2 keys" in said, said
    holds(world)
    assert world.ir("inventory", "check")[0] == 0, "a plain check contacts nothing"
    for argv in (*looks, ("inventory", "check", "--live", "--json")):
        code, said = world.ir(*argv, "--yes")
        assert code == 5 and told in said, said


def test_ids_of_former_and_other_keys_are_told_in_peace(world: Responder) -> None:
    file, calls = world.folder / "inventory.yaml", list[str]()
    text, row = file.read_text(), "{name: payments, account: main,"

    def listed(key_id: str) -> tuple[int, str]:
        file.write_text(text.replace(row, f"{row} id: {key_id},"))
        return world.ir("inventory", "check", "--live", "--yes")

    world.twin.decide(lambda request: calls.append(request.headers.get("authorization", "")))
    code, said = listed(world.leaked.id)
    assert code == 0, said
    for wrong in (world.live()[0].id, "mk_never"):
        code, said = listed(wrong)
        assert code == 5 and f"`id: {wrong}` is not the id of what its stores hold" in said, said
    assert all(calls) and calls and not any(world.leaked.token.reveal() in call for call in calls), "the key itself is not used for it"


@pytest.mark.parametrize("use", ["review_key", "app_key"])
def test_a_key_that_this_tool_itself_works_with_is_compared_too(world: Responder, use: str) -> None:
    """Its death would blind the review, or end all rotations by API; it stands under no key."""
    place = "dotenv://app.env#APP"
    if use == "review_key":
        place = "dotenv://other.env#STRIPE_KEY"
        _put(world, "other.env", world.leaked.token.reveal())
        file = world.folder / "inventory.yaml"
        lines = [line for line in file.read_text().splitlines() if "name: other" not in line]
        file.write_text("\n".join(lines).replace("api_base:", f'review_key: "{place}", api_base:') + "\n")
    else:  # a service pays with the key of the app
        for number, env in enumerate(("one.env", "one.env", "two.env")):
            _put(world, env, world.app.token.reveal())
            world.services[number].key = world.app.token.reveal()
    before = world.state()
    code, said = ended(world.start("rotate", "stripe", "payments", "--playbook", "./quick.yaml", "--yes"))
    assert code == 3 and f"{place}: the {use.replace('_', ' ')} of account `main`: holds the leaked key" in said, said
    assert world.state() == before


def test_the_key_of_the_app_itself_is_not_replaced_by_one_that_it_mints(world: Responder) -> None:
    file = world.folder / "inventory.yaml"
    row = '  - {name: app, account: main, kind: secret, permissions: [balance_read], stored_in: ["dotenv://app.env#APP"]}\nservices:\n'
    file.write_text(file.read_text().replace("services:\n", row))
    before = world.state()
    code, said = ended(world.start("rotate", "stripe", "app", "--playbook", "./quick.yaml", "--yes"))
    assert code == 3 and "issuer `dashboard`" in said, said
    assert world.state() == before
