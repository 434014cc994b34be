"""Who else writes a place, by what Kubernetes and Vercel tell of it, and that such a program puts its value back."""

from collections.abc import Iterator
from typing import Any

import pytest

from ir.adapters.stores.vercel.variable import VercelStore
from ir.clients.host_api import Login
from ir.core.errors import Conflict
from ir.core.ownership import Owner
from ir.core.reference import parse
from ir.core.secret import Secret
from ir.drill.hosts.vercel_twin import VercelTwin
from tests.worlds.api_description import Description
from tests.worlds.gcp import GcpWorld
from tests.worlds.joined import WORLDS
from tests.worlds.k8s import NAMESPACE, K8sWorld
from tests.worlds.stores import key
from tests.worlds.write_only import VercelWorld

INCIDENT = "INC-20261130-ab12"
HELM = {"meta.helm.sh/release-name": "shop"}


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[K8sWorld]:
    for made in WORLDS["k8s"](request):
        assert isinstance(made, K8sWorld)
        yield made


def _owners(world: K8sWorld, **marks: Any) -> tuple[Owner, ...]:
    ref = world.place(key())
    world.twin.secrets[NAMESPACE, world.name(ref)]["metadata"] |= marks
    return world.make(ref).owners()


@pytest.mark.parametrize(
    ("marks", "name"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": "shop:/Secret:payments/stripe"}}, "Argo CD application shop"),
        ({"labels": {"argocd.argoproj.io/instance": "shop"}}, "Argo CD application shop"),
        ({"labels": {"app.kubernetes.io/instance": "shop"}}, "Argo CD or Helm, as label app.kubernetes.io/instance shop says"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}, "Flux Kustomization apps"),
        (
            {"labels": {"helm.toolkit.fluxcd.io/name": "shop"}, "annotations": {"meta.helm.sh/release-name": "shop"}},
            "Flux HelmRelease shop",
        ),
        ({"annotations": HELM, "labels": {"app.kubernetes.io/instance": "shop"}}, "Helm release shop"),
        ({"ownerReferences": [{"kind": "SealedSecret", "name": "stripe", "controller": True}]}, "SealedSecret stripe"),
        ({"ownerReferences": [{"kind": "VaultStaticSecret", "name": "stripe", "controller": True}]}, "VaultStaticSecret stripe"),
        ({"labels": {"reconcile.external-secrets.io/managed": "true"}}, "an ExternalSecret"),
    ],
)
def test_marks_of_tools_name_who_puts_the_value_back(world: K8sWorld, marks: dict[str, Any], name: str) -> None:
    (owner,) = _owners(world, **marks)
    assert owner.name == name and owner.reverts and owner.todo


@pytest.mark.parametrize(
    "marks",
    [
        {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}, "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}},
        {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}, "annotations": {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"}},
        {"ownerReferences": [{"kind": "Deployment", "name": "shop"}]},
    ],
)
def test_what_leaves_the_value_alone_is_said_and_does_not_put_it_back(world: K8sWorld, marks: dict[str, Any]) -> None:
    (owner,) = _owners(world, **marks)
    assert not owner.reverts and owner.why_not in str(owner)


def test_a_plain_secret_is_owned_by_nothing(world: K8sWorld) -> None:
    assert _owners(world) == ()


@pytest.mark.parametrize(("manager", "reverts"), [("Terraform", True), ("argocd-controller", True), ("node-fetch", False)])
def test_a_manager_of_the_field_counts_a_manager_of_its_neighbour_does_not(world: K8sWorld, manager: str, *, reverts: bool) -> None:
    def managed(field: str) -> list[dict[str, Any]]:
        return [{"manager": manager, "operation": "Apply", "fieldsV1": {"f:data": {f"f:{field}": {}}}}]

    (owner,) = _owners(world, managedFields=managed("api_key"))
    assert owner.name == f"field manager {manager}" and owner.reverts is reverts
    assert _owners(world, managedFields=managed("user")) == ()


def test_a_tool_is_named_once(world: K8sWorld) -> None:
    rows = [{"manager": "argocd-controller", "fieldsV1": {"f:data": {"f:api_key": {}}}}]
    notes = {"argocd.argoproj.io/tracking-id": "shop:/Secret:payments/stripe"}
    assert [one.name for one in _owners(world, managedFields=rows, annotations=notes)] == ["Argo CD application shop"]


def test_names_of_others_are_shown_as_one_line_of_plain_text(world: K8sWorld) -> None:
    (owner,) = _owners(world, labels={"argocd.argoproj.io/instance": "shop\x1b[2J\nfake line" + "x" * 500})
    assert owner.name.isprintable() and "\n" not in owner.name and len(owner.name) < 160


# ── External Secrets ──

AWS = {"aws": {"service": "SecretsManager", "region": "eu-west-1"}}
SSM = {"aws": {"service": "ParameterStore", "region": "eu-west-1"}}


def _external(world: K8sWorld, provider: dict[str, Any], *, wide: bool = False, **spec: Any) -> Owner:
    ref = world.place(key())
    name = world.name(ref)
    kind = {"kind": "ClusterSecretStore"} if wide else {}
    world.twin.stores["" if wide else NAMESPACE, "shop-store"] = provider
    row = {"secretStoreRef": {"name": "shop-store", **kind}, **spec}
    world.twin.add_external(NAMESPACE, "sync", name, "api_key", "unused", **row)
    world.twin.secrets[NAMESPACE, name]["metadata"]["ownerReferences"] = [{"kind": "ExternalSecret", "name": "sync", "controller": True}]
    (owner,) = world.make(ref).owners()
    return owner


def _remote(at: str, field: str = "") -> dict[str, Any]:
    more = {"property": field} if field else {}
    return {"data": [{"secretKey": "other", "remoteRef": {"key": "no"}}, {"secretKey": "api_key", "remoteRef": {"key": at, **more}}]}


@pytest.mark.parametrize(
    ("provider", "spec", "source"),
    [
        (AWS, _remote("prod/payments", "api_key"), "aws-sm://eu-west-1/prod/payments#api_key"),
        (SSM, _remote("/prod/stripe"), "aws-ssm://eu-west-1/prod/stripe"),
        ({"gcpsm": {"projectID": "shop-prod"}}, _remote("stripe"), "gcp-sm://shop-prod/stripe"),
        ({"azurekv": {"vaultUrl": "https://shop.vault.azure.net"}}, _remote("secret/stripe"), "azure-kv://shop/stripe"),
        ({"azurekv": {"vaultUrl": "https://shop.vault.azure.cn/"}}, _remote("stripe"), "azure-kv://shop.vault.azure.cn/stripe"),
        ({"vault": {"path": "secret", "server": "x"}}, _remote("payments", "api_key"), "vault://secret/payments#api_key"),
        ({"vault": {"server": "x"}}, _remote("secret/data/payments", "sk"), "vault://secret/payments#sk"),
        (AWS, {"dataFrom": [{"extract": {"key": "prod/payments"}}]}, "aws-sm://eu-west-1/prod/payments#api_key"),
    ],
)
@pytest.mark.parametrize("wide", [False, True])
def test_an_external_secret_is_asked_what_it_reads(
    world: K8sWorld, provider: dict[str, Any], spec: dict[str, Any], source: str, *, wide: bool
) -> None:
    owner = _external(world, provider, wide=wide, **spec)
    assert owner.name == "ExternalSecret sync" and owner.reverts and owner.sources == (source,) and source in owner.todo
    assert str(parse(source)) == source


@pytest.mark.parametrize(
    ("provider", "spec", "said"),
    [
        (AWS, {"target": {"template": {"data": {}}}, **_remote("prod/payments")}, "cannot be told from its spec"),
        (AWS, {"dataFrom": [{"find": {"name": {"regexp": ".*"}}}]}, "cannot be told from its spec"),
        ({"doppler": {}}, _remote("STRIPE"), "STRIPE of shop-store"),
    ],
)
def test_a_source_that_cannot_be_told_is_none(world: K8sWorld, provider: dict[str, Any], spec: dict[str, Any], said: str) -> None:
    owner = _external(world, provider, **spec)
    assert owner.reverts and owner.sources == () and said in owner.todo


def test_without_the_right_to_read_it_the_source_is_not_guessed(world: K8sWorld) -> None:
    ref = world.place(key())
    world.twin.secrets[NAMESPACE, world.name(ref)]["metadata"]["ownerReferences"] = [{"kind": "ExternalSecret", "name": "sync"}]
    (owner,) = world.make(ref, token="reader").owners()
    assert owner.sources == () and "denies access to ExternalSecret sync" in owner.todo


def test_an_external_secret_that_merges_is_found_by_the_manager_of_the_field(world: K8sWorld) -> None:
    rows = [{"manager": "externalsecrets.external-secrets.io/sync", "fieldsV1": {"f:data": {"f:api_key": {}}}}]
    (owner,) = _owners(world, managedFields=rows)
    assert owner.name == "ExternalSecret sync" and "has no ExternalSecret sync" in owner.todo


# ── they do put it back ──


def test_what_a_controller_keeps_is_put_back_and_seen(world: K8sWorld) -> None:
    old, new = key(), key()
    ref = world.place(old)
    store = world.make(ref)
    labels = {"kustomize.toolkit.fluxcd.io/name": "apps"}
    world.twin.keep(NAMESPACE, world.name(ref), "kustomize-controller", lambda: {"api_key": old.reveal()}, labels=labels)
    with pytest.raises(Conflict, match="changed the key"):
        store.promote(INCIDENT, new, expected=store.read().version)
    assert store.read().value == old and world.twin.told([old.reveal(), new.reveal()]) == []


@pytest.fixture
def vercel() -> Iterator[VercelWorld]:
    with VercelTwin() as twin:
        yield VercelWorld(twin)


NAME = "STRIPE_SECRET_KEY"


@pytest.mark.parametrize("slug", ["stripe", "supabase"])
def test_a_variable_of_an_integration_is_owned_and_written_again(vercel: VercelWorld, slug: str) -> None:
    vercel.twin.put("shop", NAME, "first")
    store = vercel.make(parse(f"vercel://shop/{NAME}"))
    assert store.owners() == ()
    ident = vercel.twin.integrate("shop", NAME, slug)
    (owner,) = store.owners()
    assert owner.name == f"Vercel integration {slug}" and owner.reverts and "integration takes it from" in owner.todo
    with pytest.raises(Conflict, match="changed by somebody else right after us"):
        store.promote(INCIDENT, key(), expected=store.read().version)
    assert vercel.twin.value("shop", NAME) == "first"
    vercel.twin.integrations.clear()
    assert store.owners()[0].name == f"Vercel integration {ident}", "its name is not ours to see"
    assert Description("vercel").unknown(vercel.twin.calls) == []


def test_a_secret_of_an_integrations_store_is_known_by_its_hint(vercel: VercelWorld) -> None:
    vercel.twin.put("shop", NAME, "first")
    hint = {"type": "integration-store-secret", "storeId": "store_1", "integrationConfigurationId": "icfg_1"}
    vercel.twin.projects["shop"].variables[0]["contentHint"] = hint
    (owner,) = vercel.make(parse(f"vercel://shop/{NAME}")).owners()
    assert owner.name == "Vercel integration icfg_1" and owner.reverts


def test_tags_alone_say_no_more_than_they_tell(request: pytest.FixtureRequest) -> None:
    for made in WORLDS["gcp-sm, whole"](request):
        assert isinstance(made, GcpWorld)
        ref = made.place(key())
        made.twin.secrets[ref.path].about["labels"] = {"managed-by": "terraform"}
        (owner,) = made.make(ref).owners()
        assert owner.name == "managed by terraform" and not owner.reverts


def test_a_token_goes_to_no_other_address(vercel: VercelWorld) -> None:
    vercel.twin.put("shop", NAME, "first")
    vercel.twin.projects["shop"].variables[0]["configurationId"] = "icfg_../../../evil"
    login = Login(api_base=vercel.twin.address, token=lambda: Secret("all"))
    (owner,) = VercelStore(parse(f"vercel://shop/{NAME}"), login=login).owners()
    assert owner.name == "Vercel integration icfg_../../../evil"
    assert vercel.twin.calls[-1].path == ("v1", "integrations", "configuration", "icfg_../../../evil")
