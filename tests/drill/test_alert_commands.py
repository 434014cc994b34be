"""`ir alert import` and `ir rotate stripe --alert`, against the twin: from a scanner's file to the right row and the right time."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ir.cli import run
from ir.cli.alerts import Taken, take
from ir.cli.terminal.consent_prompt import Consent
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode, UsageError
from ir.core.secret import Secret
from ir.drill.twin import Key, StripeTwin
from ir.runtime.app_state import open_state
from tests.unit import alert_samples as samples


@dataclass
class Desktop:
    """A folder with an inventory of two keys, each in an env file of its own."""

    twin: StripeTwin
    folder: Path
    leaked: Key
    other: Key

    @property
    def inventory(self) -> str:
        return str(self.folder / "keys.yaml")

    def take(self, screen: Screen, file: str) -> Taken:
        operator = Terminal(screen, name="me", yes=True)
        return take(screen, file, "", self.inventory, operator, None, partial(Consent, open_state, operator, yes=True))

    def write(self, name: str, *rows: dict[str, Any]) -> str:
        path = self.folder / name
        path.write_text(samples.lines(*rows))
        return str(path)


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    monkeypatch.setenv("IR_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("IR_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    with StripeTwin() as twin:
        keys = [twin.create_secret_key(name) for name in ("payments", "billing")]
        rows = ""
        for name, key in zip(("payments", "billing"), keys, strict=True):
            env = tmp_path / f"{name}.env"
            env.write_text(f"STRIPE_KEY={key.token.reveal()}\n")
            env.chmod(0o600)
            rows += f"  - {{name: {name}, account: main, kind: secret, stored_in: ['dotenv://./{name}.env#STRIPE_KEY']}}\n"
        account = f"{{name: main, id: {twin.account}, mode: {keys[0].mode.value}, api_base: '{twin.url}'}}"
        (tmp_path / "keys.yaml").write_text(f"version: 1\naccounts:\n  - {account}\nkeys:\n{rows}")
        yield Desktop(twin, tmp_path, *keys)


@pytest.mark.parametrize("folder", [".", "/".join(["where-the-nightly-scan-of-all-repositories-puts-its-findings"] * 3)])
def test_import_names_the_key_and_what_leaked_beside_it(desktop: Desktop, folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    secret = desktop.leaked.token.reveal()
    (desktop.folder / folder).mkdir(parents=True, exist_ok=True)
    file = desktop.write(f"{folder}/scan.jsonl", samples.trufflehog(secret), samples.trufflehog("AKIA" + "Q" * 16, detector="AWS"))
    assert run(["alert", "import", file, "--inventory", desktop.inventory, "--json"]) == 0
    shown = capsys.readouterr()
    told = json.loads(shown.out)
    assert [leak["keys"] for leak in told["leaks"]] == [["payments"], []]
    assert told["leaks"][0]["since"] == "2026-11-16T17:17:40Z" and told["leaks"][0]["leaked_via"] == "repo"
    assert told["holds_secrets"] and "AWS" in told["leaks"][0]["beside"][0]
    assert run(["alert", "import", file, "--inventory", desktop.inventory]) == 0
    words = capsys.readouterr()
    assert f"  next: ir rotate stripe payments --inventory {desktop.inventory} --alert {file}\n" in words.out
    assert "delete it" in words.err
    assert secret not in shown.out + shown.err + words.out + words.err
    assert not desktop.twin.used(desktop.leaked)


def test_rotate_takes_key_time_and_reason_from_the_alert(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    file = desktop.write("scan.jsonl", samples.trufflehog(desktop.other.token.reveal()))
    screen = Screen(as_json=True)
    taken = desktop.take(screen, file)
    assert taken.leaked == Secret(desktop.other.token.reveal()) and taken.via == "repo" and taken.exposed_at == 1794849460
    assert "trufflehog alert" in taken.reason and "deploy/.env:4" in taken.reason
    with pytest.raises(SystemExit) as ended:
        run(["rotate", "stripe", "--inventory", desktop.inventory, "--alert", file, "--policy", "exposed", "--dry-run", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert ended.value.code in (ExitCode.DONE, ExitCode.REFUSED)
    assert told["key"] == "billing" and told["old"]["fingerprint"] == desktop.other.token.fingerprint
    open_state().engine.dispose()


def test_an_alert_of_another_key_is_not_taken_for_this_one(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    file = desktop.write("scan.jsonl", samples.trufflehog(desktop.other.token.reveal()))
    code = run(["rotate", "stripe", "payments", "--inventory", desktop.inventory, "--alert", file, "--policy", "exposed", "--dry-run"])
    assert code == ExitCode.USAGE
    assert "payments" in capsys.readouterr().err


def test_a_file_that_is_none_is_a_usage_error(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    file = desktop.folder / "notes.txt"
    file.write_text("call me\n")
    assert run(["alert", "import", str(file)]) == ExitCode.USAGE
    assert "notes.txt:1" in capsys.readouterr().err


def test_a_webhooks_signing_secret_leads_to_its_own_command(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    signing = "whsec_" + secrets.token_hex(16)
    env = desktop.folder / "hook.env"
    env.write_text(f"HOOK={signing}\n")
    env.chmod(0o600)
    row = "{name: events, account: main, url: 'https://shop.example.com/hook', stored_in: ['dotenv://./hook.env#HOOK']}"
    path = Path(desktop.inventory)
    path.write_text(f"{path.read_text()}webhooks:\n  - {row}\n")
    file = desktop.write("scan.jsonl", samples.trufflehog(desktop.leaked.token.reveal()), samples.gitleaks(signing, rule="stripe-webhook"))
    assert run(["alert", "import", file, "--inventory", desktop.inventory]) == 0
    words = capsys.readouterr()
    assert "it is webhook events\n  next: ir rotate stripe-webhook events --inventory" in words.out and signing not in words.out + words.err
    screen = Screen(as_json=True)
    taken = desktop.take(screen, file)
    assert taken.leaked == Secret(desktop.leaked.token.reveal()), "the only API key of the file"
    assert "webhook events" in capsys.readouterr().err, "rotate it too"


def test_a_key_that_a_scanner_cut_leads_to_its_row_and_not_in_a_circle(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    whole = samples.modern_key()
    (desktop.folder / "payments.env").write_text(f"STRIPE_KEY={whole}\n")
    file = desktop.write("scan.jsonl", samples.gitleaks(whole[:32]), samples.betterleaks_2(None, of=whole)["findings"][0])
    assert run(["alert", "import", file, "--inventory", desktop.inventory]) == 0
    words = capsys.readouterr()
    assert (
        "of them 1 Stripe key\n" in words.out and "  it is key payments (by its " in words.out and whole[:32] not in words.out + words.err
    )
    taken = desktop.take(Screen(as_json=True), file)
    assert taken.leaked == Secret(whole), "the store's value, which can be looked for"
    lost = desktop.write("lost.jsonl", samples.gitleaks(samples.modern_key()[:32]))
    assert run(["alert", "import", lost, "--inventory", desktop.inventory, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["leaks"][0]["fingerprint"] == "", "a part of a key has no fingerprint"
    assert run(["alert", "import", lost, "--inventory", desktop.inventory]) == 0
    assert f"next: ir rotate stripe --inventory {desktop.inventory} --alert {lost} --leaked-key-from prompt" in capsys.readouterr().out
    with pytest.raises(UsageError, match="only the beginning") as caught:
        desktop.take(Screen(as_json=True), lost)
    assert "--leaked-key-from" in caught.value.next_step and "alert import" not in caught.value.next_step


def test_a_hash_alone_asks_for_the_inventory(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    file = desktop.write("hmsl.json", samples.hmsl_check(desktop.other.token.reveal()))
    assert run(["alert", "import", file, "--inventory", desktop.inventory]) == 0
    assert "it is key billing (by its hash)" in capsys.readouterr().out
    assert run(["alert", "import", file]) == 0
    assert "--inventory FILE" in capsys.readouterr().out


def test_no_place_is_left_out_without_a_word(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    found = [samples.trufflehog(desktop.leaked.token.reveal(), line=number) for number in range(1, 13)]
    file = desktop.write("scan.jsonl", *found)
    assert run(["alert", "import", file, "--inventory", desktop.inventory]) == 0
    shown = capsys.readouterr().out
    assert shown.count("deploy/.env:") == 10 and "  and in 2 more places, all of them with --json\n" in shown
    file = desktop.write("king.json", samples.kingfisher(desktop.leaked.token.reveal()))
    assert run(["alert", "import", file, "--inventory", desktop.inventory]) == 0
    assert "unless it runs with --no-dedup" in capsys.readouterr().out
    desktop.take(Screen(), file)
    assert "unless it runs with --no-dedup" in capsys.readouterr().err
