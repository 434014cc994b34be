"""`ir inventory policies`: a whole rotation passes with what is printed, and does not with any line less."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from ir import inventory
from ir.adapters.stores import POLICIES, STORES
from ir.adapters.stores.aws.parameter_policy import IAM as SSM
from ir.adapters.stores.aws.policy import IAM
from ir.adapters.stores.azure.policy import ROLE as AZURE
from ir.adapters.stores.conjur.policy import YAML
from ir.adapters.stores.vault.policy import HCL
from ir.cli import run
from ir.cli.policies import NAMES
from ir.clients.host_api import Login
from ir.clients.stripe_permissions import READS
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.drill.embedded.openbao_server import OpenBao
from ir.drill.hosts.azure_twin import AzureTwin
from ir.drill.twin import StripeTwin
from ir.drill.twin.permissions import ACCEPTED
from ir.inventory import references
from ir.ports.policy import Grant, Line, PolicyLanguage, lines
from ir.review.collect.leftover_kinds import SWEEPS
from ir.runtime import adapter_registry, policies
from tests.worlds import conjur, vault
from tests.worlds.aws import REGION, StrictMoto
from tests.worlds.conjur_fake import ConjurFake, Variable
from tests.worlds.policed import Policed, policed
from tests.worlds.stores import key, unique
from tests.worlds.surroundings import environment
from tests.worlds.twin_rig import raw

EXAMPLE = Path(__file__).parents[2] / "inventory.example.yaml"
Settings = dict[str, str | None]


class Enforced(NamedTuple):
    """Place a value, read it, and the settings of a process that may do what a document says.

    Attributes:
        hosts: the inventory's `hosts:` section, where there is one. reached: the same for an adapter.
    """

    place: Callable[[Secret], Reference]
    read: Callable[[Reference], str]
    allowed: Callable[[str], Settings]
    hosts: str = ""
    reached: Mapping[str, Login] = {}


@pytest.fixture
def vault_of_azure() -> Iterator[AzureTwin]:
    with AzureTwin() as twin:
        yield twin


def _vault(request: pytest.FixtureRequest) -> Enforced:
    server: OpenBao = request.getfixturevalue("openbao")
    world = vault.VaultWorld(server, "api_key")
    return Enforced(
        world.place, lambda ref: vault.read(server, ref), lambda text: vault.settings(server.address, vault.token_with(server, text))
    )


def _aws(request: pytest.FixtureRequest) -> Enforced:
    strict: StrictMoto = request.getfixturevalue("strict_aws")

    def place(value: Secret) -> Reference:
        name = unique()
        strict.secrets.create_secret(Name=name, SecretString=json.dumps({"api_key": value.reveal()}))
        return parse(f"aws-sm://{REGION}/{name}#api_key")

    def read(ref: Reference) -> str:
        return str(json.loads(strict.secrets.get_secret_value(SecretId=ref.path)["SecretString"])[ref.field])

    return Enforced(place, read, strict.allowed)


def _ssm(request: pytest.FixtureRequest) -> Enforced:
    strict: StrictMoto = request.getfixturevalue("strict_aws")
    client = strict.service("ssm")

    def place(value: Secret) -> Reference:
        name = unique("prod/payments")
        client.put_parameter(Name=f"/{name}", Value=value.reveal(), Type="SecureString")
        return parse(f"aws-ssm://{REGION}/{name}")

    def read(ref: Reference) -> str:
        return str(client.get_parameter(Name=f"/{ref.path}", WithDecryption=True)["Parameter"]["Value"])

    def allowed(text: str) -> Settings:
        return {**strict.allowed(text), "AWS_ENDPOINT_URL_SSM": strict.address}

    return Enforced(place, read, allowed)


def _conjur(request: pytest.FixtureRequest) -> Enforced:
    fake: ConjurFake = request.getfixturevalue("conjur_fake")

    def place(value: Secret) -> Reference:
        name = "prod/" + unique()
        fake.variables[name] = Variable()
        fake.variables[name].put(value.reveal().encode())
        return parse(f"conjur://{fake.account}/{name}")

    def allowed(text: str) -> Settings:
        login = unique("ir")
        fake.host(login)
        _asked(fake, f"/policies/{fake.account}/policy/root", text.replace('"ir"', f'"{login}"'), _token(fake))
        return conjur.settings(fake, f"host/{login}")

    return Enforced(place, lambda ref: fake.variables[ref.path].versions[-1][1].decode(), allowed)


def _azure(request: pytest.FixtureRequest) -> Enforced:
    twin: AzureTwin = request.getfixturevalue("vault_of_azure")
    token = unique("ir-token")

    def place(value: Secret) -> Reference:
        name = unique()
        twin.put(name, json.dumps({"api_key": value.reveal()}))
        return parse(f"azure-kv://{twin.vault}/{name}#api_key")

    def allowed(text: str) -> Settings:
        twin.tokens[token] = frozenset(action.partition("/secrets/")[2] for action in json.loads(text)["DataActions"])
        return {"HOST_TOKEN": token}

    hosts = f'hosts:\n  - {{name: azure-kv, api_base: "{twin.address}", token: "env://HOST_TOKEN"}}\n'
    read = lambda ref: str(json.loads(twin.value(ref.path))[ref.field])  # noqa: E731
    return Enforced(place, read, allowed, hosts, {"login": Login(api_base=twin.address, token=lambda: Secret(token))})


def _token(fake: ConjurFake) -> str:
    return base64.b64encode(_asked(fake, f"/authn/{fake.account}/admin/authenticate", fake.keys["admin"])).decode()


def _asked(fake: ConjurFake, path: str, body: str, token: str = "") -> bytes:
    connection = HTTPConnection(fake.address.removeprefix("http://"), timeout=10.0)
    connection.request("POST", path, body.encode(), {"Authorization": f'Token token="{token}"'} if token else {})
    answer = connection.getresponse()
    assert answer.status in (200, 201)
    return answer.read()


VENDORS: dict[str, tuple[PolicyLanguage, Callable[[pytest.FixtureRequest], Enforced]]] = {
    "vault": (HCL, _vault),
    "aws-sm": (IAM, _aws),
    "conjur": (YAML, _conjur),
    "aws-ssm": (SSM, _ssm),
    "azure-kv": (AZURE, _azure),
}


@contextmanager
def _world(folder: Path, enforced: Enforced) -> Iterator[Policed]:
    with policed(folder, enforced.place, enforced.read, enforced.hosts) as world:
        yield world


@pytest.mark.server
@pytest.mark.parametrize("name", VENDORS)
def test_a_rotation_passes_with_the_printed_policy_and_with_no_line_less(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    language, vendor = VENDORS[name]
    enforced = vendor(request)
    with _world(tmp_path / "whole", enforced) as world:
        assert language.text(_lines(world, name)) == world.policy(name)
        code, said = world.rotate(enforced.allowed(world.policy(name)))
        assert code == 0 and world.is_whole(), said
        every = _lines(world, name)
    # Moto matches actions, whatever the resource, and Azure gives rights for a vault: an action is left out everywhere or nowhere.
    rights = list(dict.fromkeys(line.right for line in every)) if name.startswith(("aws", "azure")) else [""] * len(every)
    for number, right in enumerate(rights):
        with _world(tmp_path / str(number), enforced) as world:
            less = [line for at, line in enumerate(_lines(world, name)) if (line.right != right if right else at != number)]
            code, said = world.rotate(enforced.allowed(language.text(less)))
            assert code != 0, f"{right or every[number]} is not needed\n{said}"


def _lines(world: Policed, name: str) -> Sequence[Line]:
    return [Line(**row) for row in world.lines(name)]  # type: ignore[arg-type]  # as JSON has it


@pytest.mark.server
@pytest.mark.parametrize("name", VENDORS)
def test_a_place_that_is_only_read_takes_the_calls_of_a_read(name: str, request: pytest.FixtureRequest) -> None:
    language, vendor = VENDORS[name]
    enforced, value = vendor(request), key()
    ref = enforced.place(value)
    with environment(**enforced.allowed(language.text(lines([Grant(ref, rotated=False)], language)))):
        assert adapter_registry.load(STORES, name)(ref, **enforced.reached).read().value == value


@pytest.mark.server
def test_an_arn_means_that_secret_and_no_other(strict_aws: StrictMoto) -> None:
    name = unique()
    arns = [strict_aws.secrets.create_secret(Name=each, SecretString="x")["ARN"] for each in (name, f"{name}-old", f"{name}/api")]
    (told,) = {line.on for line in lines([Grant(parse(f"aws-sm://{REGION}/{name}"), rotated=True)], IAM)}
    assert [fnmatchcase(arn, told) for arn in arns] == [True, False, False]
    assert {line.on for line in lines([Grant(parse(f"aws-sm://{REGION}/{arns[0]}"), rotated=True)], IAM)} == {arns[0]}


@pytest.mark.server
def test_the_reviews_permissions_open_every_list_that_it_reads() -> None:
    assert set(READS) >= {sweep.path for sweep in SWEEPS} and set(READS.values()) - {""} <= ACCEPTED
    with StripeTwin() as twin:
        for path, right in READS.items():
            if right:
                allowed, other = (twin.create_restricted_key((name,)) for name in (right, "apple_pay_domain_read"))
                assert raw(twin, "GET", path, allowed)[0] == 200, path
                assert raw(twin, "GET", path, other)[0] == 403, path


# ── what is printed ──


def _printed(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert run(["inventory", "policies", str(EXAMPLE), *argv]) == 0
    return capsys.readouterr().out


def test_every_place_of_the_inventory_is_in_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    said = _printed(capsys)
    for _, ref in references.every(inventory.load(EXAMPLE)):
        assert ref.scheme in ("env", "manual", "command") or ref.path in said, ref
    documents = json.loads(_printed(capsys, "--json"))
    assert [policy["name"] for policy in documents["policies"]] == list(NAMES) == [*POLICIES, "stripe", "files"]
    assert all(policy["text"] in said for policy in documents["policies"])


def test_a_document_can_be_loaded_and_names_every_right_that_is_needed() -> None:
    found = {policy.name: policy for policy in policies.of(inventory.load(EXAMPLE), hints=True)}
    (role,) = yaml.safe_load_all(found["k8s"].text)
    assert role["kind"] == "Role" and role["metadata"] == {"name": "ir", "namespace": "payments"}
    assert {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "patch"], "resourceNames": ["stripe"]} in role["rules"]
    assert yaml.safe_load(found["gcp-sm"].text)["includedPermissions"] == list(dict.fromkeys(line.right for line in found["gcp-sm"].lines))
    assert "# secretmanager.secrets.create on projects/shop-prod\n" in found["gcp-sm"].text
    role = json.loads(found["azure-kv"].text)
    assert role["DataActions"] == list(dict.fromkeys(f"Microsoft.KeyVault/vaults/secrets/{line.right}" for line in found["azure-kv"].lines))
    assert "delete on vault shop-prod, secret ir-INC-*-stripe-secret-key" in role["Description"]
    assert "secrets: write" in found["github-actions"].text and "PATCH /v9/" in found["vercel"].text


def test_hints_are_added_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    least, more = (_printed(capsys, "--only", "aws-sm", *argv) for argv in ([], ["--hints"]))
    assert "ListSecretVersionIds" in more and "ListSecretVersionIds" not in least
    assert {call.right for call in IAM.calls} == {action for row in json.loads(more)["Statement"] for action in row["Action"]}


def test_the_key_of_an_escrow_is_allowed_too() -> None:
    source = inventory.load(EXAMPLE)
    by_name = {policy.name: policy for policy in policies.of(source, hints=False, environment={"IR_ESCROW_KMS_KEY": "alias/ir"})}
    assert '"kms:Encrypt"' in by_name["aws-sm"].text and "transit" not in by_name["vault"].text
    by_name = {policy.name: policy for policy in policies.of(source, hints=False, environment={"IR_ESCROW_TRANSIT_KEY": "ours"})}
    assert 'path "transit/encrypt/ours"' in by_name["vault"].text and "kms" not in by_name["aws-sm"].text
    alone = source.model_copy(update={"keys": [source.keys[0].model_copy(update={"stored_in": [parse("manual://heroku")]})]})
    assert policies.without_custody(source) == [] and policies.without_custody(alone) == ["payments"]


def test_a_document_that_is_not_there_is_a_usage_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["inventory", "policies", str(EXAMPLE), "--only", "gcp"]) == 2
    assert f"one of {', '.join(NAMES)}" in " ".join(capsys.readouterr().err.split())
