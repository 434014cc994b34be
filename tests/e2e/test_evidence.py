"""Evidence by the real command line: what is signed while an incident waits and ends, verified, handed over, purged."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ir.core.errors import ExitCode
from ir.evidence.checkpoints import Signer
from tests.campaign.shop import Shop, shop
from tests.programs import OPENSSL
from tests.worlds.desk import Desk
from tests.worlds.stamping import authority, openssl

pytestmark = pytest.mark.server


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Shop]:
    with shop(tmp_path, "") as made:
        made.add("payments")
        made.write()
        (tmp_path / "egress.jsonl").write_text('{"ts": 1, "request_id": "req_own1", "method": "GET", "path": "/v1/charges"}\n')
        source = yaml.safe_load((tmp_path / "inventory.yaml").read_text())
        source["accounts"][0]["egress"] = [str(tmp_path / "egress.jsonl")]
        (tmp_path / "inventory.yaml").write_text(yaml.safe_dump(source))
        yield made


@pytest.fixture
def desk(town: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("IR_HOME", str(town.folder / "home"))
    monkeypatch.delenv("IR_DATABASE_URL", raising=False)
    monkeypatch.chdir(town.folder)
    return Desk(capsys)


def third_party(folder: Path, *words: str) -> tuple[int, str]:
    argv = [sys.executable, "-I", "-S", str(folder / "verify.py"), *words]
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=30, cwd="/", env={}, check=False)
    return ran.returncode, ran.stdout + ran.stderr


@OPENSSL.needed
def test_an_incident_is_signed_verified_and_purged(town: Shop, desk: Desk) -> None:
    key = desk.told("evidence", "key")
    assert (town.folder / "home" / "evidence-key.pem").stat().st_mode & 0o777 == 0o600
    assert desk.told("evidence", "key") == key, "made once"

    code, said = town.ir(*town.rotate("payments"))
    assert code == ExitCode.DONE, said
    name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
    head = next(line for line in said.splitlines() if "chain head" in line).split()[-1]
    assert key["fingerprint"] in said, "the end of the run says what to keep outside"

    verdict = desk.told("verify", name, "--public-key", key["fingerprint"], "--head", head)
    assert (verdict["code"], verdict["state"], verdict["covered"]) == (0, "anchored", verdict["entries"])
    assert verdict["signers"] == [key["fingerprint"]]
    folder = town.folder / "home" / "incidents" / name
    assert third_party(folder, "--public-key", key["public_key"], "--head", head)[0] == 0
    assert desk("verify", name, "--head", head[:16])[0] == ExitCode.USAGE, "a part of a hash proves nothing"
    assert desk("verify", name, "--head", "0" * 64)[0] == ExitCode.UNEXPECTED
    assert desk("verify", name, "--public-key", str(Signer(Ed25519PrivateKey.generate()).public))[0] == ExitCode.UNEXPECTED
    assert desk("verify", name, "--public-key", "no-such-file")[0] == ExitCode.USAGE
    report = (folder / "report.html").read_bytes()
    (folder / "report.html").write_bytes(report.replace(b"done", b"gone"))
    edited = desk.told("verify", name, "--public-key", key["fingerprint"])
    assert (edited["code"], "report.html was changed after it was signed" in edited["said"]) == (ExitCode.UNEXPECTED, True)
    (folder / "report.html").write_bytes(report)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [row["name"] for row in manifest["predicate"]["collected"][0]["inputs"]] == [str(town.folder / "egress.jsonl")]

    assert desk("verify", name, "--tsa-root", str(folder / "report.md"))[0] == ExitCode.USAGE
    with authority(town.folder) as tsa:
        root = str(tsa.root)
        assert desk("evidence", "timestamp", name)[0] == ExitCode.USAGE, "nobody is asked unless named"
        assert desk.told("evidence", "timestamp", name, "--tsa", tsa.url, "--tsa-root", root)["by"] == "CN=an authority"
    assert any("CN=an authority" in note for note in desk.told("verify", name, "--tsa-root", root)["notes"])
    (stamp,) = folder.glob("checkpoint-*.tsr")
    assert "OK" in openssl("ts", "-verify", "-data", str(stamp.with_suffix(".json")), "-in", str(stamp), "-CAfile", root)
    assert third_party(folder, "--public-key", key["public_key"], "--head", head)[0] == 0

    assert desk("evidence", "purge", name)[0] == ExitCode.REFUSED, "nobody said yes"
    purged = desk.told("evidence", "purge", name, "--yes", "--reason", "asked by the data protection officer", "--by", "dpo")
    assert (purged["code"], purged["purged"][0]["by"]) == (0, "dpo")
    assert not (folder / "scratch").exists()
    with authority(town.folder) as tsa:
        assert desk.told("evidence", "timestamp", name, "--tsa", tsa.url)["code"] == 0
    assert len(list(folder.glob("checkpoint-*.tsr"))) == 2, "the stamp of the purge does not take the place of the earlier one"
    assert stamp.is_file()
    again = desk.told("evidence", "purge", name, "--yes")
    assert (again["code"], again["removed"], again["purged"]) == (0, 0, purged["purged"])
    assert desk.told("verify", name, "--public-key", key["fingerprint"], "--head", head)["holds"]
    assert third_party(folder, "--public-key", key["public_key"], "--head", head)[0] == 0
    for fmt in ("html", "md"):
        assert "by dpo" in desk("report", name, "--format", fmt)[1]
    row = json.loads(desk("report", name, "--format", "json")[1])["chain"]["purged"][0]
    assert (row["by"], row["reason"]) == ("dpo", "asked by the data protection officer")


def test_a_waiting_incident_is_signed_with_the_teams_key_and_can_be_handed_over(town: Shop, desk: Desk, tmp_path: Path) -> None:
    team = Ed25519PrivateKey.generate()
    kept = base64.b64encode(team.private_bytes_raw()).decode()
    (tmp_path / "team.env").touch(mode=0o600)
    (tmp_path / "team.env").write_text(f"KEY={kept}\n")
    source = yaml.safe_load((tmp_path / "inventory.yaml").read_text())
    source["evidence_key"] = "dotenv://team.env#KEY"
    (tmp_path / "inventory.yaml").write_text(yaml.safe_dump(source))
    book = yaml.safe_load((tmp_path / "exposed.yaml").read_text())
    next(step for step in book["steps"] if step["id"] == "retire")["approvals"] = 2
    people = {"a": team, "b": Ed25519PrivateKey.generate()}
    source["approvers"] = [{"name": name, "key": str(Signer(key).public)} for name, key in people.items()]
    (tmp_path / "inventory.yaml").write_text(yaml.safe_dump(source))
    (tmp_path / "exposed.yaml").write_text(yaml.safe_dump(book))

    code, said = town.ir(*town.rotate("payments"))
    assert code == ExitCode.WAITING, said
    name = next(word for word in said.split() if word.startswith("INC-")).rstrip(":")
    public = str(Signer(team).public)
    assert desk.told("evidence", "key", "--inventory", "inventory.yaml")["public_key"] == public
    verdict = desk.told("verify", name, "--public-key", public)
    assert (verdict["state"], verdict["covered"]) == ("signed", verdict["entries"]), "the wait itself is signed"
    assert desk("evidence", "purge", name, "--yes")[0] == ExitCode.REFUSED, "it still needs what it collected"
    given = desk.told("evidence", "bundle", name, "--output", "handed-over")
    assert third_party(tmp_path / "handed-over", "--public-key", public, "--head", given["head"])[0] == 0
    assert desk("evidence", "bundle", name, "--output", "handed-over")[0] == ExitCode.USAGE
    assert kept not in said + json.dumps(verdict)
