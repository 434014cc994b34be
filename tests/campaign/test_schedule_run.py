"""`ir schedule run` as cron would call it, and the recipes word for word."""

import configparser
import json
import re
import shlex
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from croniter import croniter  # type: ignore[import-untyped]  # it has no types

from ir.fleet.campaign_store import CampaignLedger
from ir.runtime.app_state import database_address
from ir.storage import database
from ir.storage.consent_log import ConsentLog
from ir.storage.incident_index import IncidentIndex
from ir.storage.leases import Leases
from tests.campaign.shop import Shop, until
from tests.worlds.receiver import Receiver

RECIPES = Path(__file__).resolve().parents[2] / "docs" / "recipes"
RUN = ["schedule", "run", "--inventory", "inventory.yaml", "--playbook", "./scheduled.yaml"]


def test_what_is_due_is_rotated_once_however_many_look(company: Shop) -> None:
    company.add("a", rotate_every="30d")
    company.add("b", rotate_every="30d", rotate_from="2999-01-01")
    company.add("c")
    company.write()
    looks = [company.begin(*RUN, home=home) for home in ("home", "another-machine")]
    ends = [(look.communicate(timeout=90)[0], look.returncode) for look in looks]
    assert [code for _, code in ends] == [0, 0], ends
    assert company.moved("a")
    assert company.living() == 3, "b is not due, c has no schedule"
    engine = database.open_engine(database_address(company.database))
    assert [row.summary["key"] for row in IncidentIndex(engine).rows()] == ["a"]
    code, said = company.ir(*RUN)
    assert (code, said.strip()) == (0, "nothing is due")
    code, said = company.ir("schedule", "list", "--json")
    rows = {row["key"]: row for row in json.loads(said)["keys"]}
    assert set(rows) == {"a", "b"}
    assert rows["a"]["when"] == "later"
    assert rows["a"]["due"] - CampaignLedger(engine).children()[0].due == 30 * 86400
    assert rows["a"]["last"].startswith("done (INC-")
    engine.dispose()


def test_a_due_key_whose_value_is_listed_twice_is_left_to_a_person(company: Shop) -> None:
    for name in "abc":
        company.add(name, rotate_every="30d")
    file = company.folder / "b.env"
    file.write_text(file.read_text().replace(company.stored("b"), company.stored("a")))
    company.held["b-0"] = old = company.stored("a")
    company.write()
    code, said = company.ir(*RUN)
    assert code == 4 and "a: due, and not begun, since its value is also in dotenv://b.env#KEY (key `b`)" in said, said
    assert company.moved("c") and company.stored("a") == company.held["a-0"] == old, "the others are rotated"
    code, said = company.ir(*RUN)
    assert code == 4 and "nothing is due" not in said, said


def test_a_key_that_was_refused_is_never_nothing(company: Shop) -> None:
    company.add("a", rotate_every="30d")
    company.add("b", rotate_every="30d")
    company.write()
    company.held["a-0"] = "another"  # its service works with a key that no store holds
    company.stuck.add("a-0")
    code, said = company.ir(*RUN)
    assert code in (3, 5) and company.moved("b"), said
    code, said = company.ir(*RUN)
    assert code == 4 and "nothing is due" not in said and re.search(r"a: due .*tried 1 time in vain: ", said), said
    assert "everything that was kept" not in said, "why it was in vain, not what was tidied up afterwards"
    code, said = company.ir(*RUN, "--json")
    assert (code, [row["key"] for row in json.loads(said)["late"]]) == (4, ["a"])


def test_one_new_key_in_an_unpinned_inventory_refuses_itself_alone(company: Shop) -> None:
    company.add("a", rotate_every="30d")
    company.write()
    assert company.ir(*RUN)[0] == 0
    company.add("b", rotate_every="30d")
    company.add("c", rotate_every="30d", services=0)
    company.write()
    engine, before = database.open_engine(database_address(company.database)), company.stored("c")
    ConsentLog(engine).add(["store dotenv://c.env"], "mia")
    engine.dispose()
    code, said = company.ir(*RUN)
    assert code == 4 and "b: due, and not begun, since nobody agreed to what is new of it: " in said, said
    assert not company.moved("b") and company.twin.is_alive(company.keys["b"])
    assert company.stored("c") != before, "what was agreed to before is rotated"


@pytest.mark.parametrize("words", [RUN, ["worker", "--until-idle", *RUN[2:]]], ids=["run", "worker"])
def test_a_new_key_that_is_due_alone_holds_up_no_grace(company: Shop, words: list[str]) -> None:
    """All that was due was new, so the run was refused, and keys at the end of their grace waited for a person. A worker ended with 0."""
    company.add("z", rotate_every="30d")
    company.write(grace=0)
    assert company.ir(*RUN)[0] == 0
    company.add("a", rotate_every="30d", services=0)
    company.write(grace=12)
    engine = database.open_engine(database_address(company.database))
    ConsentLog(engine).add(["store dotenv://a.env"], "mia")
    code, said = company.ir(*RUN)
    assert code == 0 and "both keys live" in said, said
    over = max(row.summary["wake_at"] for row in IncidentIndex(engine).rows())
    engine.dispose()
    company.add("b", rotate_every="30d")
    company.write(grace=12)
    until(lambda: time.time() > over)
    code, said = company.ir(*words)
    assert code == 4 and "b: due, and not begun" in said and "--inventory-sha256" in said, said
    assert not company.twin.is_alive(company.keys["a"]) and company.twin.is_alive(company.keys["b"])
    code, said = company.ir(*RUN)
    assert code == 3 and company.twin.is_alive(company.keys["b"]), said


def test_a_schedule_that_is_never_looked_at_in_the_window_says_so(company: Shop) -> None:
    late = (datetime.now(UTC) - timedelta(days=32)).date().isoformat()
    company.add("a", rotate_every="30d", rotate_from=late, rotate_window={"from": _clock(6), "to": _clock(7)})
    company.add("b", rotate_every="30d", rotate_window={"from": _clock(6), "to": _clock(7)})
    company.write()
    code, said = company.ir(*RUN)
    assert code == 4, said
    assert re.search(r"a: due .*, overdue; its window is closed, look again from ", said)
    assert re.search(r"b: due [^,]*; its window is closed, look again from ", said), "nobody knows since when"
    code, said = company.ir(*RUN, "--json")
    told = json.loads(said)
    assert (code, [row["key"] for row in told["closed"]]) == (4, ["a", "b"])
    assert all(5 * 3600 < row["opens"] - time.time() < 7 * 3600 for row in told["closed"])
    assert not company.moved("a")


def _clock(hours: int) -> str:
    return f"{datetime.now(UTC) + timedelta(hours=hours):%H:00}"


def test_a_key_that_only_a_human_can_mint_waits_for_one(company: Shop) -> None:
    with Receiver() as chat:
        _waits_for_a_human(company, chat)


def _waits_for_a_human(company: Shop, chat: Receiver) -> None:
    company.add("a", rotate_every="30d")
    company.write(issuer="dashboard", chat=chat.url)
    code, said = company.ir(*RUN)
    assert code == 4, said
    assert "waiting" in said
    engine = database.open_engine(database_address(company.database))
    [row] = IncidentIndex(engine).rows()
    assert row.status == "waiting"
    holder = Leases(engine).holder(row.incident)
    assert holder is not None
    assert not holder.alive, "whoever brings the key may take it over at once"
    code, said = company.ir(*RUN, "--json")
    told = json.loads(said)
    assert (code, told["keys"]) == (4, []), "its date has come, so every run says that it waits"
    assert told["stuck"] == [{"key": "a", "incident": row.incident, "status": "waiting"}]
    waits, reminds = f"{row.incident} waits for you", f"{row.incident} still holds up key a, due "
    assert [sum(words in str(one) for one in chat.got) for words in (waits, reminds)] == [1, 1], chat.got
    code, said = company.ir("schedule", "list", "--json")
    [listed] = json.loads(said)["keys"]
    assert listed["when"] == "running" and "A new secret key is needed" in listed["why"]
    fresh = company.twin.create_secret_key("a-2")
    company._private("new", fresh.token.reveal() + "\n")  # noqa: SLF001 - the same suite
    code, said = company.ir("resume", row.incident, "--new-key-from", "file:new", "--yes")
    assert code == 4 and "Last used" in said, "nobody has seen yet that the old key is unused"
    code, said = company.ir("approve", row.incident, "--unused", "`Last used` is of yesterday", "--by", "mia")
    assert code == 0 and "says mia" in said
    code, said = company.ir(*RUN)
    assert code == 4 and "expire it" in said, "a word that was sent is heard by the next run"
    company.twin.expire_in_dashboard(company.keys["a"])
    code, said = company.ir("resume", row.incident, "--yes")
    assert code == 0, said
    assert company.moved("a")
    assert sum(reminds in str(one) for one in chat.got) == 1, "not at every run"
    engine.dispose()


# ── recipes ──


def _snippets(name: str, language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", (RECIPES / f"{name}.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found, "the recipe has no such part"
    return found


def test_recipes_run_word_for_word(company: Shop) -> None:
    """With the shipped playbook: the run ends at once in the grace period, the next ones find nothing to do."""
    company.add("a", rotate_every="90d")
    company.write()
    _, pin = company.ir("inventory", "check", "inventory.yaml", "--json")
    (company.folder / "inventory.sha256").write_text(json.loads(pin)["sha256"])
    bin_folder = company.folder / "bin"
    bin_folder.mkdir()
    (bin_folder / "ir").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m ir.cli "$@"\n')
    (bin_folder / "ir").chmod(0o755)
    env = {**company.environment(), "IR_INVENTORY_SHA256": json.loads(pin)["sha256"]}
    env["PATH"] = f"{bin_folder}:{env['PATH']}"

    def run(line: str) -> str:
        line = line.replace("/etc/ir", str(company.folder)).replace("/config", str(company.folder)).replace("/var/lib/ir", env["IR_HOME"])
        argv = ["/bin/sh", "-c", line.replace("/usr/local/bin/ir", "ir")]
        done = subprocess.run(argv, cwd=company.folder, env=env, text=True, capture_output=True, timeout=120)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout + done.stderr

    [cron] = _snippets("cron", "cron")
    when, command = _cron_line(cron)
    assert croniter.is_valid(when)
    (company.folder / "home").mkdir()
    assert run(command) == "", "nothing to mail"
    said = (company.folder / "home" / "schedule.log").read_text()
    assert "both keys live" in said
    assert company.twin.is_alive(company.keys["a"]), "in the grace period the old key lives"
    assert company.stored("a") != company.keys["a"].token.reveal()

    assert "nothing is due" in run(_unit("ir-schedule.service")["Service"]["ExecStart"])
    [job] = _snippets("kubernetes-cronjob", "yaml")
    pod = yaml.safe_load(job)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    args = [re.sub(r"^\$\((\w+)\)$", lambda found: env[found[1]], word) for word in pod["containers"][0]["args"]]  # as Kubernetes does
    assert "nothing is due" in run(shlex.join(["ir", *args]))


def _cron_line(text: str) -> tuple[str, str]:
    lines = [line for line in text.splitlines() if line and not re.match(r"[A-Z_]+=", line)]
    assert len(lines) == 1
    fields = lines[0].split(None, 5)
    assert "%" not in fields[5], "cron reads % as the end of a line"
    return " ".join(fields[:5]), fields[5]


def _unit(name: str) -> configparser.ConfigParser:
    text = next(part for part in _snippets("systemd", "ini") if part.startswith(f"# {name}"))
    unit = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    unit.optionxform = str  # type: ignore[method-assign,assignment]  # names keep their case
    unit.read_string(text)
    return unit


def test_units_say_what_systemd_understands() -> None:
    known = {
        "Unit": {"Description", "Wants", "After"},
        "Service": {
            *("Type", "User", "StateDirectory", "StateDirectoryMode", "Environment", "EnvironmentFile", "ExecStart", "SuccessExitStatus"),
            *("NoNewPrivileges", "ProtectSystem", "PrivateTmp", "LimitCORE", "Restart", "RestartSec"),
        },
        "Timer": {"OnCalendar", "Persistent", "RandomizedDelaySec"},
        "Install": {"WantedBy"},
    }
    for name in ("ir-schedule.service", "ir-schedule.timer", "ir-worker.service"):
        unit = _unit(name)
        for section in unit.sections():
            assert set(unit[section]) <= known[section], f"{name}: {set(unit[section]) - known[section]}"
    assert _unit("ir-worker.service")["Service"]["ExecStart"].split()[:2] == ["/usr/local/bin/ir", "worker"]
    assert re.fullmatch(r"\*:\d\d(,\d\d)*", _unit("ir-schedule.timer")["Timer"]["OnCalendar"])


def test_the_cron_job_is_one_and_keeps_its_rules() -> None:
    [text] = _snippets("kubernetes-cronjob", "yaml")
    job = yaml.safe_load(text)
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    assert croniter.is_valid(job["spec"]["schedule"])
    assert job["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    mounts = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}
    [home] = [row for row in pod["containers"][0]["env"] if row["name"] == "IR_HOME"]
    assert home["value"].startswith("/state/"), "a folder of our own below the mount, which belongs to root"
