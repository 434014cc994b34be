"""From nothing to a right inventory with two commands, against real servers; and drift, as it really comes about."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ir import inventory
from ir.cli import run
from ir.core.errors import ExitCode
from ir.core.model import KeyKind
from ir.core.secret import Secret, fingerprint
from ir.drill.embedded.openbao_server import OpenBao
from tests.worlds import aws, vault
from tests.worlds.aws import StrictMoto
from tests.worlds.service_world import Instance, ServiceWorld
from tests.worlds.stores import key, unique
from tests.worlds.surroundings import environment


@pytest.fixture
def region(aws_address: str) -> Iterator[str]:
    """A region that nobody else uses in these tests."""
    with environment(**aws.settings(aws_address)):
        yield "eu-central-2"


@pytest.fixture
def folder(openbao: OpenBao) -> Iterator[str]:
    """A path in Vault of our own."""
    with environment(**vault.settings(openbao.address, openbao.token)):
        yield unique("team")


class Shelves:
    """AWS and Vault as a company has filled them by hand."""

    def __init__(self, address: str, region: str, server: OpenBao, folder: str) -> None:
        self.aws, self.region, self.folder = aws.client(address, region), region, folder
        self.kv = vault.client(server).secrets.kv.v2
        self.bao = vault.client(server)

    def in_aws(self, name: str, value: object, **more: Any) -> str:
        text = value if isinstance(value, str) else json.dumps(value)
        self.aws.create_secret(Name=name, SecretString=text, **more)
        return f"aws-sm://{self.region}/{name}"

    def in_vault(self, name: str, data: dict[str, Any]) -> str:
        self.kv.create_or_update_secret(path=f"{self.folder}/{name}", secret=data, mount_point=vault.MOUNT)
        return f"vault://{vault.MOUNT}/{self.folder}/{name}"

    def empty(self) -> None:
        for row in self.aws.list_secrets()["SecretList"]:
            self.aws.delete_secret(SecretId=row["Name"], ForceDeleteWithoutRecovery=True)


@pytest.fixture
def shelves(aws_address: str, region: str, openbao: OpenBao, folder: str) -> Iterator[Shelves]:
    made = Shelves(aws_address, region, openbao, folder)
    yield made
    made.empty()


def restricted() -> Secret:
    return Secret("rk_" + key().reveal()[3:])


def test_ten_secrets_in_two_stores_with_two_commands(
    shelves: Shelves, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shared, values = key(), [restricted(), *(key() for _ in range(6))]
    expected = {
        shared.fingerprint: {
            shelves.in_aws("prod/payments", {"api_key": shared.reveal(), "db_password": "hunter22"}) + "#api_key",
            shelves.in_vault("payments", {"api_key": shared.reveal(), "port": 5432}) + "#api_key",
            shelves.in_vault("legacy/payments", {"stripe": {"sk": shared.reveal()}}) + "#/stripe/sk",
        },
        values[0].fingerprint: {shelves.in_aws("prod/refunds", values[0].reveal())},
        values[1].fingerprint: {shelves.in_aws("prod/eu/payments", {"stripe": {"key/1": values[1].reveal()}}) + "#/stripe/key~11"},
        **{v.fingerprint: {shelves.in_aws(f"prod/brand-{n}", {"sk": v.reveal()}) + "#sk"} for n, v in enumerate(values[2:4])},
        **{v.fingerprint: {shelves.in_vault(f"brand-{n}", {"sk": v.reveal()}) + "#sk"} for n, v in enumerate(values[4:], 2)},
    }
    assert sum(len(places) for places in expected.values()) == 10
    shelves.in_aws("prod/database", {"password": "not a key", "note": "sk_ is a prefix"})
    webhook = "whsec_" + key().reveal()[8:]
    shelves.in_aws("prod/webhook", {"secret": webhook})
    shelves.in_aws("prod/masked", "sk_" + "live_abcd****")

    file = "inventory.yaml"
    where = ["--aws", shelves.region, "--vault", f"{vault.MOUNT}/{shelves.folder}"]
    assert run(["inventory", "init", *where, "--account", "test=acct_1Shop", "--output", file]) == ExitCode.DONE
    assert run(["inventory", "check", file]) == ExitCode.DONE

    made = inventory.load(tmp_path / file)
    assert {frozenset(str(ref) for ref in row.stored_in) for row in made.keys} == {frozenset(places) for places in expected.values()}
    assert [(account.id, account.mode) for account in made.accounts] == [("acct_1Shop", "test")]
    assert {row.kind for row in made.keys if "prod/refunds" in str(row.stored_in[0])} == {KeyKind.RESTRICTED}
    names = {row.name for row in made.keys}
    assert len(names) == len(made.keys) == 8 and names >= {"payments", "payments-2", "refunds", "brand-0", "brand-1", "brand-2"}
    assert stat.S_IMODE((tmp_path / file).stat().st_mode) == 0o600
    shown, text = capsys.readouterr(), (tmp_path / file).read_text()
    assert f"webhook signing secret at aws-sm://{shelves.region}/prod/webhook#secret" in text
    for secret in (shared.reveal(), *(value.reveal() for value in values), webhook, "hunter22"):
        assert secret not in text + shown.out + shown.err


def test_who_keeps_a_place_stands_beside_it(shelves: Shelves, capsys: pytest.CaptureFixture[str]) -> None:
    shelves.in_aws("tf", {"sk": key().reveal()}, Tags=[{"Key": "ManagedBy", "Value": "terraform"}])
    path = shelves.in_vault("eso", {"sk": key().reveal()}).removeprefix(f"vault://{vault.MOUNT}/")
    shelves.kv.update_metadata(path=path, mount_point=vault.MOUNT, custom_metadata={"managed-by": "external-secrets"})
    assert run(["inventory", "init", "--aws", shelves.region, "--vault", f"{vault.MOUNT}/{shelves.folder}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("tf#sk" in line and "managed by terraform: would write its own value back" in line for line in lines)
    assert any("eso#sk" in line and "managed by external-secrets" in line for line in lines)


def test_what_may_not_be_read_is_named(shelves: Shelves, openbao: OpenBao, capsys: pytest.CaptureFixture[str]) -> None:
    shelves.in_vault("open", {"sk": key().reveal()})
    shelves.in_vault("closed", {"sk": key().reveal()})
    mount, here = vault.MOUNT, shelves.folder
    grant = 'path "{}" {{ capabilities = ["list", "read"] }}\n'
    rules = grant.format(f"{mount}/metadata/{here}/*") + grant.format(f"{mount}/data/{here}/open")
    with environment(VAULT_TOKEN=vault.token_with(openbao, rules)):
        assert run(["inventory", "init", "--vault", f"{mount}/{here}"]) == 0
    shown = capsys.readouterr()
    assert f"# not read: {mount}/{here}/closed: Vault denies access" in shown.out and "closed" in shown.err
    made = inventory.loads(shown.out, "new")
    assert [str(row.stored_in[0]) for row in made.keys] == [f"vault://{mount}/{here}/open#sk"]


def test_a_region_without_rights_is_a_refusal(strict_aws: StrictMoto, capsys: pytest.CaptureFixture[str]) -> None:
    with environment(**{**strict_aws.reader, "AWS_SECRET_ACCESS_KEY": "wrong"}):
        assert run(["inventory", "init", "--aws", aws.REGION]) == ExitCode.UNEXPECTED
    assert "AWS denies access" in capsys.readouterr().err


def test_env_files_are_named_from_the_inventory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    value = key()
    for name, text in {
        "shop/.env": f"export STRIPE_SECRET_KEY='{value.reveal()}'\nDEBUG=development\n",
        "api/prod.env": f"STRIPE_KEY={value.reveal()}\nSTRIPE_PUBLISHABLE=pk_test_abcdefghijkl\n",
        "shop/.env.example": f"STRIPE_SECRET_KEY={key().reveal()}\n",
        "node_modules/x/.env": f"STRIPE_SECRET_KEY={key().reveal()}\n",
        "open/.env": f"STRIPE_SECRET_KEY={key().reveal()}\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644 if name.startswith("open") else 0o600)
    assert run(["inventory", "init", "--env-files", ".", "--output", "keys.yaml"]) == 0
    made = inventory.load(tmp_path / "keys.yaml")
    assert [{str(ref) for ref in row.stored_in} for row in made.keys] == [
        {"dotenv://./api/prod.env#STRIPE_KEY", "dotenv://./shop/.env#STRIPE_SECRET_KEY"}
    ]
    shown = capsys.readouterr()
    assert "open/.env" in shown.err.replace("\n", "") and "fill in" in (tmp_path / "keys.yaml").read_text()


def test_nothing_is_written_over_and_nothing_found_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "keys.yaml").write_text("mine")
    assert run(["inventory", "init", "--env-files", str(tmp_path), "--output", str(tmp_path / "keys.yaml")]) == ExitCode.REFUSED
    assert run(["inventory", "init", "--env-files", str(tmp_path)]) == ExitCode.REFUSED
    assert run(["inventory", "init"]) == ExitCode.USAGE
    assert run(["inventory", "init", "--env-files", str(tmp_path), "--account", "main=acct_1"]) == ExitCode.USAGE
    assert (tmp_path / "keys.yaml").read_text() == "mine"


# ── drift ──


def drift(file: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    with pytest.raises(SystemExit) as ended:
        run(["inventory", "drift", str(file), "--json"])
    told: dict[str, Any] = json.loads(capsys.readouterr().out)["keys"][0]
    return int(str(ended.value.code)), told


def test_drift_tells_stores_keepers_and_services(shelves: Shelves, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = key(), key()
    in_aws = shelves.in_aws("prod/payments", {"sk": new.reveal()}, Tags=[{"Key": "terraform", "Value": "shop"}]) + "#sk"
    in_vault = shelves.in_vault("payments", {"sk": new.reveal()}) + "#sk"
    with ServiceWorld([Instance("a", holds=new.fingerprint)]) as service:
        file = tmp_path / "keys.yaml"
        check = f'{{http: "{service.url}/healthz", expect: {{json: {{key_fingerprint: "{{{{ new.fingerprint }}}}"}}}}}}'
        file.write_text(
            "version: 1\naccounts: [{name: main, id: acct_1A, mode: test}]\n"
            f"keys: [{{name: payments, account: main, kind: secret, stored_in: ['{in_aws}', '{in_vault}', 'manual://heroku']}}]\n"
            f"services: [{{name: shop, uses: [payments], reads_from: '{in_vault}', reload: {{polls: 1s}}, verify: [{check}]}}]\n"
        )
        file.chmod(0o600)
        code, told = drift(file, capsys)
        assert code == ExitCode.DONE and told["problems"] == [] and told["services"][0]["fingerprint"] == new.fingerprint

        shelves.aws.put_secret_value(SecretId="prod/payments", SecretString=json.dumps({"sk": old.reveal()}))
        code, told = drift(file, capsys)
        assert code == ExitCode.DEBT
        assert "its stores disagree" in told["problems"][0] and old.fingerprint in told["problems"][0]
        assert "prod/payments#sk (Terraform (shop)): what anybody else writes" in told["problems"][1]

        service.instances[0].holds = old.fingerprint
        code, told = drift(file, capsys)
        assert f"service shop holds {old.fingerprint}, its store {in_vault} holds {new.fingerprint}" in told["problems"][-1]

        service.instances[0].holds = fingerprint("something else")
        shelves.aws.put_secret_value(SecretId="prod/payments", SecretString=json.dumps({"sk": new.reveal()}))
        code, told = drift(file, capsys)
        assert code == ExitCode.DEBT and "service shop does not hold what its store holds" in told["problems"][0]
