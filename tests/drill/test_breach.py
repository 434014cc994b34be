"""The day three hosts are breached, by the real command line in the drill's own world."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ir.core.model import Json
from ir.drill.embedded.breach_drill import begin, conduct
from ir.drill.embedded.breach_town import HOSTILE, PLACES, Town, town
from ir.drill.embedded.command_line import CommandLine, Ran
from ir.drill.hosts.k8s_twin import K8sTwin
from tests.worlds.started import Started, start, start_of_drill

pytestmark = pytest.mark.server

STORED_IN = [word for place in PLACES for word in ("--stored-in", place)]
WORD = ["--login-trusted-by", "Ana"]


@pytest.fixture
def made(request: pytest.FixtureRequest) -> Iterator[Town]:
    with town(getattr(request, "param", 3)) as found:
        yield found


def ir(made: Town, *words: str, kill_after: float = 0.0) -> Ran:
    return CommandLine(made.env, made.place.root, lambda _chunk: None, terminal=0, start=start_of_drill).run(*words, kill_after=kill_after)


def document(ran: Ran) -> Json:
    found: Json = json.loads(ran.output[ran.output.index(b"{") : ran.output.rindex(b"}") + 1])
    return found


def started(made: Town, *more: str) -> list[str]:
    """Without the word that the places are closed."""
    words = ["breach", *STORED_IN, "--inventory", "inventory.yaml", "--policy", "exposed", "--playbook", "./playbook.yaml", "--yes"]
    return [*words, *more]


def writes(made: Town) -> int:
    reading = {("POST", "selfsubjectaccessreviews")}
    calls = [call for host in made.hosts.values() for call in host.calls if call.method != "GET"]
    return sum((call.method, call.path[-1]) not in reading for call in calls)


def test_a_dry_run_lists_what_lay_there_and_changes_nothing(made: Town) -> None:
    ran = ir(made, "breach", *STORED_IN, "--inventory", "inventory.yaml", "--dry-run", "--yes", "--json")
    told = document(ran)
    assert ran.code == 0 and writes(made) == 0 and len(made.alive()) == 3
    assert told["items"][0]["danger"] == "login" and told["status"] == "not begun" and told["dry_run"] is True
    assert [row["name"] for row in told["items"] if row["ours"]] == ["live-secret-00", "live-restricted-02", "test-secret-01"]
    names = {row["name"]: row for row in told["items"]}
    assert names["DATABASE_URL"]["vendor"] == "a database" and names["GITHUB_TOKEN"]["link"].startswith("https://github.com")
    assert {row["place"] for row in told["places"]} >= {"vercel://shop", "github-actions://acme", "k8s://drill"}
    assert not any(token.encode() in ran.output for token in made.tokens)
    assert made.told() == []


def test_names_of_strangers_do_nothing_to_the_terminal(made: Town) -> None:
    ran = ir(made, "breach", *STORED_IN, "--inventory", "inventory.yaml", "--dry-run", "--yes")
    assert ran.code == 0 and b"\x1b" not in ran.output and "\u202e".encode() not in ran.output
    assert b"<img src=x>" in ran.output and HOSTILE.encode() not in ran.output


def test_a_rehearsal_of_every_key_writes_nothing(made: Town) -> None:
    ran = ir(made, *started(made, "--dry-run", "--json"))
    assert ran.code == 0 and document(ran)["refused"] == {} and writes(made) == 0 and len(made.alive()) == 3


def test_without_a_persons_word_nothing_is_written_with_the_hosts_login(made: Town) -> None:
    ran = ir(made, *started(made))
    assert ran.code == 3 and b"--login-trusted-by NAME" in ran.output and b"nothing was changed" in ran.output
    assert writes(made) == 0 and len(made.alive()) == 3
    assert b"no breach is on record" in ir(made, "breach", "status").output


def test_the_places_get_no_new_key_until_a_person_says_that_they_are_closed(made: Town) -> None:
    ran = ir(made, *started(made, *WORD))
    assert b"--source-closed-by NAME" in ran.output and len(made.alive()) == 3
    waiting = document(ir(made, "breach", "status", "--json"))
    states = {row["name"]: (row["state"], row["said"]) for row in waiting["items"] if row["ours"]}
    assert {state for state, _ in states.values()} == {"waiting"} and ran.code == 4
    assert "could be kept nowhere but at k8s://drill" in states["live-restricted-02"][1], "so it is not even made"
    assert made.strays() == 2, "the two others wait in custody elsewhere"
    assert _kept(made) == [{"old"}] and writes(made) == 1, "no new key, not even in custody; the old one was there before"
    name = waiting["campaign"]
    told = ir(made, "breach", "resume", name, "--source-closed-by", "Ben")
    assert b"closed, says Ben" in told.output and told.code == 0, told.output.decode()
    closed = document(ir(made, "breach", "status", "--json"))
    assert {row["closed_by"] for row in closed["places"]} == {"Ben"}
    assert (made.alive(), made.behind(), made.strays()) == ([], [], 0)
    report = ir(made, "report", next(row["incident"] for row in closed["items"] if row["name"] == "live-secret-00")).output
    assert b"Ben" in report and b"is closed" in report


def _kept(made: Town) -> list[set[str]]:
    """Roles of what is in custody in the cluster."""
    cluster = made.hosts["k8s"]
    assert isinstance(cluster, K8sTwin)
    return [set(body["data"]) for (_, name), body in cluster.secrets.items() if ".ir-" in name]


def test_killed_at_any_time_one_command_goes_on(made: Town) -> None:
    words = begin()
    for _ in range(3):
        child = start(*words, cwd=made.place.root, env=made.env, session=True)
        _until_something_moves(made, child)
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate(60)
        words = ["breach", "resume"]
    ran = ir(made, "breach", "resume")
    assert ran.code == 0, ran.output.decode()
    assert (made.alive(), made.behind(), made.strays(), made.told()) == ([], [], 0, [])
    told = document(ir(made, "breach", "status", "--json"))
    assert all(row["keys"] == row["replaced"] for row in told["places"]) and told["status"] == "done"


def _until_something_moves(made: Town, child: Started) -> None:
    """A key was made, or a host was written to, since this process began."""
    before = (sum(len(twin.live_keys()) for twin in made.twins.values()), writes(made))
    until = time.monotonic() + 60
    while (sum(len(twin.live_keys()) for twin in made.twins.values()), writes(made)) == before and child.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_breach_that_is_under_way_is_not_begun_again(made: Town) -> None:
    ir(made, *started(made, *WORD))
    again = ir(made, *started(made, *WORD))
    assert again.code == 3 and b"ir breach resume CAM-" in again.output


def test_what_is_not_ours_is_ticked_off_by_name(made: Town) -> None:
    ir(made, *started(made, *WORD))
    assert b"DATABASE_URL: done, says Cem" in ir(made, "breach", "done", "DATABASE_URL", "--by", "Cem").output
    assert ir(made, "breach", "done", "NOT_THERE").code == 2
    rows = {row["name"]: row["state"] for row in document(ir(made, "breach", "status", "--json"))["items"]}
    assert rows["DATABASE_URL"] == "done, says Cem" and rows["password"] == "still to do"
    ir(made, "breach", "done", "DATABASE_URL", "--not")
    page = ir(made, "breach", "report").output.decode()
    assert re.search(r"- \[ \] \*\*DATABASE", page) and "another vendor" in page


def test_a_host_that_answers_nothing_leaves_the_inventory(made: Town) -> None:
    made.hosts["vercel"].tokens.clear()
    ran = ir(made, "breach", "--stored-in", "vercel://", "--inventory", "inventory.yaml", "--dry-run", "--yes", "--json")
    told = document(ran)
    assert ran.code == 0 and [row["name"] for row in told["items"] if row["ours"]] == ["live-secret-00"]
    assert "does not take the login" in told["looked_at"][0]["why_not"]


def test_values_are_read_only_where_that_is_agreed_to(made: Town) -> None:
    hidden = made.rows[0].key.token.reveal()
    cluster = made.hosts["k8s"]
    assert isinstance(cluster, K8sTwin)
    cluster.put_secret("shop", "copy", {"k": hidden})
    words = ["breach", "--stored-in", "k8s://drill", "--inventory", "inventory.yaml", "--dry-run", "--yes", "--json"]
    assert [row["name"] for row in document(ir(made, *words))["items"] if row["ours"]] == ["live-restricted-02"]
    assert not any(call.path[-2:] == ("secrets", "copy") for call in made.hosts["k8s"].calls)
    told = document(ir(made, *words, "--read-values"))
    ours = {row["name"]: row for row in told["items"] if row["ours"]}
    assert (
        ours["live-secret-00"]["told_by"] == "fingerprint" and "which the inventory does not list" in ours["live-secret-00"]["remarks"][0]
    )


def test_a_place_that_is_none_is_a_usage_error(made: Town) -> None:
    for words in (["--stored-in", "vercel.com/shop"], []):
        ran = ir(made, "breach", *words, "--inventory", "inventory.yaml", "--dry-run")
        assert ran.code == 2, ran.output


@pytest.mark.parametrize("kill_after", [0.0, 6.0])
def test_the_drill_keeps_its_promises(kill_after: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IR_HOME", str(tmp_path))
    seen = conduct(3, lambda _line: None, lambda _chunk: None, terminal=0, kill_after=kill_after, keep=False)
    assert seen.problems == [] and seen.order == seen.danger and Path(seen.report).exists()
