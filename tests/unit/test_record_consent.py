"""What the record of an incident would run is asked about once, where this machine did not begin it and its own inventory says less."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ir.cli.terminal import record_prompt
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.core.errors import Refused
from ir.core.model import Json
from ir.incident.record import Incident
from ir.runtime import record_consent
from ir.runtime.app_state import State
from ir.storage import database, process_identity, state_folder

INVENTORY = """\
version: 1
accounts:
  - {name: main, id: acct_1AbC, mode: test, issuer: dashboard}
keys:
  - {name: payments, account: main, kind: secret, stored_in: ["vault://secret/payments#api_key"]}
services:
  - name: checkout
    uses: [payments]
    reads_from: "vault://secret/payments#api_key"
    reload: {command: [systemctl, reload, checkout]}
    verify: [{http: "http://127.0.0.1:1/healthz", expect: {json: {key_fingerprint: "{{ new.fingerprint }}"}}}]
"""


class Sitting(Terminal):
    """Somebody at the terminal, with one answer to everything."""

    def __init__(self, answer: str) -> None:
        super().__init__(Screen(), name="ann", yes=False)
        self.interactive, self._answer, self.asked = True, answer, 0

    def _line(self, question: str, answers: Sequence[str] = ()) -> str:
        self.asked += 1
        return self._answer + "\n"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IR_INVENTORY", raising=False)
    shared = database.open_engine(f"sqlite:///{tmp_path / 'shared.sqlite'}")
    return State(state_folder.private(tmp_path / "home"), shared, process_identity.me("ann@here"))


def record(base: Path, **changed: object) -> Incident:
    opened: Json = {"inventory": INVENTORY, "inventory_name": "inventory.yaml", "inventory_base": str(base), "key": "payments"}
    return Incident(id="INC-20260101-aaaaaa", opened={**opened, "plan": {"policy": "exposed"}, "options": {}, **changed})


def test_a_person_is_asked_once(kept: State, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    no, yes, again = Sitting("n"), Sitting("y"), Sitting("n")
    with pytest.raises(Refused, match="not consented"):
        record_prompt.ask(kept, no, record(tmp_path))
    record_prompt.ask(kept, yes, record(tmp_path))
    assert "command systemctl reload checkout" in capsys.readouterr().out
    record_prompt.ask(kept, again, record(tmp_path))
    assert (no.asked, yes.asked, again.asked) == (1, 1, 0)


@pytest.mark.parametrize("changed", [{"plan": {"policy": "exploited"}}, {"options": {"yes": True}}, {"inventory_base": "/elsewhere"}])
def test_what_was_changed_since_is_asked_about_again(kept: State, tmp_path: Path, changed: Json) -> None:
    record_consent.note(kept, "INC-20260101-aaaaaa", record(tmp_path).opened)
    assert record_consent.noted(kept, record(tmp_path))
    assert not record_consent.noted(kept, record(tmp_path, **changed))


def test_the_own_inventory_agrees_to_what_it_says_and_to_nothing_else(kept: State, tmp_path: Path) -> None:
    own = tmp_path / "inventory.yaml"
    own.write_text(INVENTORY)
    own.chmod(0o600)
    assert record_prompt.unagreed(kept, record(tmp_path)) == []
    more = INVENTORY.replace("[systemctl, reload, checkout]", "[sh, -c, evil]")
    assert record_prompt.unagreed(kept, record(tmp_path, inventory=more)) == ["command sh -c evil"]
    elsewhere = record(Path("/elsewhere"))
    assert record_prompt.unagreed(kept, elsewhere) == ["command systemctl reload checkout"], "a program may lie in the folder"


def test_a_word_on_the_command_line_does_not_agree(kept: State, tmp_path: Path) -> None:
    sitting = Sitting("y")
    sitting.agreed = True
    with pytest.raises(Refused, match="--yes does not agree to it"):
        record_prompt.ask(kept, sitting, record(tmp_path))


def test_a_name_from_a_row_is_no_path(kept: State, tmp_path: Path) -> None:
    record_consent.note(kept, "../../outside", record(tmp_path).opened)
    assert not (tmp_path / "outside").exists()
    assert {file.parent for file in kept.folder.rglob("*") if file.is_file()} <= {kept.folder / "agreed"}
