"""A person's command runs nothing of a record that this machine did not agree to: a row of a shared database alone is data.

Every machine has a disk of its own, and the attacker has the database alone.
"""

import json
import threading
from pathlib import Path

import psycopg
import pytest

from ir.core.errors import ExitCode
from ir.core.model import Json
from tests.campaign.shop import Shop, until

pytestmark = pytest.mark.server
ELSEWHERE = "another-machine"


@pytest.fixture
def stopped(company: Shop) -> Shop:
    """A rotation whose process was killed when its services were looked at."""
    company.add("payments")
    company.write()
    company.gate = threading.Event()
    first = company.begin(*company.rotate("payments"))
    until(lambda: bool(_opened(company)), 60)
    company.kill(first)
    company.gate.set()
    company.gate = None
    return company


def _opened(company: Shop) -> Json:
    with psycopg.connect(company.database) as db:
        found = db.execute("SELECT to_regclass('ir_entries')").fetchone()
        rows = db.execute("SELECT entry FROM ir_entries WHERE n = 0").fetchall() if found and found[0] else []
    entry: Json = json.loads(rows[0][0]) if rows else {}
    return entry


def _changed(company: Shop, old: str, new: str) -> None:
    """The inventory of the record, by somebody who may write to the database."""
    entry = _opened(company)
    assert old in entry["body"]["inventory"]
    entry["body"]["inventory"] = entry["body"]["inventory"].replace(old, new, 1)
    with psycopg.connect(company.database) as db:
        db.execute("UPDATE ir_entries SET entry = %s WHERE n = 0", (json.dumps(entry, separators=(",", ":")),))


def _reload(company: Shop) -> tuple[str, str, Path]:
    """How the service is reloaded, in the record; how the attacker wants it; and what that would leave."""
    mark = company.folder / "ran"
    text = _opened(company)["body"]["inventory"]
    line = next(line for line in text.splitlines() if line.strip().startswith("http") and line.endswith("/reload"))
    indent = line[: len(line) - len(line.lstrip())]
    return line, f"{indent}command: [touch, {mark}]", mark


def _hide(company: Shop) -> None:
    (company.folder / "inventory.yaml").rename(company.folder / "inventory.yaml.of-the-first")


@pytest.mark.parametrize("home", ["home", ELSEWHERE])
@pytest.mark.parametrize("command", [("resume",), ("rollback",), ("abort",), ("close", "--attest", "over", "--by", "me")])
def test_a_record_that_was_changed_runs_nothing_and_is_named(stopped: Shop, home: str, command: tuple[str, ...]) -> None:
    old, new, mark = _reload(stopped)
    _changed(stopped, old, new)
    yes = () if command[0] == "close" else ("--yes",)
    code, said = stopped.ir(*command, *yes, home=home)
    assert code == ExitCode.REFUSED and not mark.exists(), said
    assert f"command touch {mark}" in said and "nothing was changed" in said, said
    assert stopped.twin.is_alive(stopped.keys["payments"])
    _changed(stopped, new, old)
    code, said = stopped.ir("resume", "--yes", home=home)
    assert code == ExitCode.DONE and stopped.moved("payments"), said


def test_a_header_that_is_new_is_named(stopped: Shop) -> None:
    old, _, _ = _reload(stopped)
    indent = old[: len(old) - len(old.lstrip())]
    _changed(stopped, old, f"{old}\n{indent}headers: {{authorization: 'dotenv://app.env#APP'}}")
    code, said = stopped.ir("resume", "--yes", home=ELSEWHERE)
    assert code == ExitCode.REFUSED and "header authorization from dotenv://app.env#APP" in said, said


def test_another_machine_without_an_inventory_asks_and_unattended_refuses(stopped: Shop) -> None:
    _hide(stopped)
    code, said = stopped.ir("resume", "--yes", home=ELSEWHERE)
    assert code == ExitCode.REFUSED and "store dotenv://payments.env" in said and "IR_INVENTORY" in said, said
    code, said = stopped.ir("contain", _opened(stopped)["incident"], "--yes", home=ELSEWHERE)
    assert code == ExitCode.REFUSED and "host 127.0.0.1" in said, said
    code, said = stopped.ir("resume", "--yes")
    assert code == ExitCode.DONE and stopped.moved("payments"), said
