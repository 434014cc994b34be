"""A rotation of a key that another program keeps in place: refused before the mint, or accepted and seen to be put back."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ir.drill.embedded.hosted import Hosted, K8sShelf, hosts
from ir.drill.embedded.secret_managers import GcpShelf
from ir.drill.embedded.store_choice import StoreKind
from ir.drill.hosts.k8s_twin import K8sTwin
from ir.drill.hosts.server import TOKEN
from tests.hardening.test_kill_hosts import hosted
from tests.worlds.responder import Responder, ended, private, read, responder

pytestmark = pytest.mark.server


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Responder]:
    with responder(tmp_path / "world") as made:
        yield made


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[Responder, Hosted, K8sTwin]]:
    with hosted(tmp_path / "world", StoreKind.K8S, 3) as (world, shelf):
        assert isinstance(shelf.twin, K8sTwin)
        yield world, shelf, shelf.twin


def _kept_by_argo(world: Responder, shelf: Hosted, twin: K8sTwin) -> None:
    (at,) = twin.secrets
    field = shelf.ref.partition("#")[2]
    notes = {"argocd.argoproj.io/tracking-id": f"shop:/Secret:{at[0]}/{at[1]}"}
    twin.keep(*at, "argocd-controller", lambda: {field: world.leaked.token.reveal()}, annotations=notes)


def test_argo_cd_is_named_before_anything_is_minted(cluster: tuple[Responder, Hosted, K8sTwin]) -> None:
    world, shelf, twin = cluster
    _kept_by_argo(world, shelf, twin)
    before = world.state()
    code, said = ended(world.rotate())
    assert code == 3, said
    told = " ".join(said.split())
    assert "Argo CD application shop would put its own value back" in told and "--accept-owner" in told, said
    assert world.live() == [] and world.state() == before and twin.told([world.leaked.token.reveal()]) == []


def test_what_is_accepted_and_put_back_is_seen_and_the_old_key_is_not_killed(cluster: tuple[Responder, Hosted, K8sTwin]) -> None:
    world, shelf, twin = cluster
    _kept_by_argo(world, shelf, twin)
    code, said = ended(world.rotate("--accept-owner", f"{shelf.ref}=sync is paused"))
    assert code not in (0, 3), said
    assert world.twin.is_alive(world.leaked) and shelf.key() == world.leaked.token.reveal(), said
    assert all(service.key in {world.leaked.token.reveal(), *(key.token.reveal() for key in world.live())} for service in world.services)


def test_drift_names_who_would_put_it_back(cluster: tuple[Responder, Hosted, K8sTwin]) -> None:
    world, shelf, twin = cluster
    _kept_by_argo(world, shelf, twin)
    _code, said = world.ir("inventory", "drift", "inventory.yaml", "--yes")
    assert f"{shelf.ref}: Argo CD application shop would put its own value back" in " ".join(said.split()), said
    _code, said = world.ir("inventory", "drift", "inventory.yaml", "--yes", "--json")
    rows = {row["ref"]: row["owners"] for row in json.loads(said[said.index("{") :])["keys"][0]["stores"]}
    assert [row["name"] for row in rows[shelf.ref]] == ["Argo CD application shop"] and rows[shelf.ref][0]["reverts"] is True


# ── External Secrets, with a source that is listed ──


@pytest.fixture
def synced(tmp_path: Path) -> Iterator[tuple[Responder, K8sShelf, GcpShelf]]:
    """A Secret that an ExternalSecret fills from Google Secret Manager at once, whatever is written there; both are listed."""
    kinds, folder = frozenset({StoreKind.K8S, StoreKind.GCP}), tmp_path / "world"
    with hosts(kinds, "host-token") as shelves, responder(folder) as world:
        cluster, google = sorted(shelves, key=lambda shelf: shelf.ref, reverse=True)
        assert isinstance(cluster, K8sShelf) and isinstance(google, GcpShelf)
        for shelf in (cluster, google):
            shelf.fill(world.leaked.token.reveal())
        remote = {"key": google.name, "property": "api_key"}
        cluster.twin.stores[cluster.namespace, "google"] = {"gcpsm": {"projectID": google.twin.project}}
        spec = {"secretStoreRef": {"name": "google"}, "data": [{"secretKey": "api_key", "remoteRef": remote}]}
        cluster.twin.add_external(cluster.namespace, "sync", cluster.name, "api_key", "unused", **spec)
        owner = [{"kind": "ExternalSecret", "name": "sync", "controller": True}]
        cluster.twin.keep(cluster.namespace, cluster.name, "external-secrets", lambda: {"api_key": google.key()}, ownerReferences=owner)
        world.services[2].look = cluster.key
        world.files[1].unlink()
        world.files = world.files[:1]
        world.more[TOKEN] = "host-token"
        rows = "".join(f"  - {json.dumps(shelf.row)}\n" for shelf in (cluster, google))
        file = folder / "inventory.yaml"
        text = file.read_text().replace("dotenv://two.env#STRIPE_KEY", cluster.ref).replace("services:\n", f"hosts:\n{rows}services:\n")
        text = text.replace(f'{cluster.ref}", wave: main', f'{cluster.ref}", wave: canary')  # no service reads the source
        private(file, text.replace(cluster.ref, f'{cluster.ref}", "{google.ref}', 1))
        yield world, cluster, google


def test_what_is_filled_from_a_listed_store_is_written_after_it(synced: tuple[Responder, K8sShelf, GcpShelf]) -> None:
    world, cluster, google = synced
    code, said = ended(world.rotate())
    assert code == 0 and world.is_whole() == "", said
    (new,) = world.live()
    assert cluster.key() == google.key() == new.token.reveal()
    assert any('"filled_from"' in json.dumps(entry) for entry in world.recorded())


def test_without_its_source_on_the_list_it_stops(synced: tuple[Responder, K8sShelf, GcpShelf]) -> None:
    world, cluster, google = synced
    file = world.folder / "inventory.yaml"
    private(file, file.read_text().replace(f', "{google.ref}"', ""))
    code, said = ended(world.rotate())
    told = " ".join(said.split())
    assert code == 3 and world.live() == [] and cluster.key() == world.leaked.token.reveal(), said
    fix = f"change what it reads, and list that place (it reads {google.ref})"
    assert f"ExternalSecret sync would put its own value back: {fix}" in told, said


# ── Terraform ──


def _terraform(world: Responder, lifecycle: str = "") -> None:
    infra = world.folder / "infra"
    infra.mkdir()
    row = {"mode": "managed", "type": "local_sensitive_file", "name": "env"}
    at = {"filename": "../one.env", "content": read(world.files[0])}
    private(infra / "prod.tfstate", json.dumps({"version": 4, "resources": [{**row, "instances": [{"attributes": at}]}]}))
    (infra / "main.tf").write_text(f'resource "local_sensitive_file" "env" {{\n  filename = "../one.env"\n  {lifecycle}\n}}\n')
    file = world.folder / "inventory.yaml"
    private(file, file.read_text() + "terraform:\n  - {state: infra/prod.tfstate}\n")


def test_a_listed_terraform_state_stops_a_rotation(world: Responder) -> None:
    _terraform(world)
    code, said = ended(world.rotate())
    told = " ".join(said.split())
    assert code == 3 and world.live() == [], said
    assert "Terraform local_sensitive_file.env (prod.tfstate) would put its own value back" in told, said
    code, said = ended(world.rotate("--accept-owner", "dotenv://one.env#STRIPE_KEY=it is applied by us alone, in March"))
    assert code == 0 and world.is_whole() == "", said
    (report,) = [path for path in (world.folder / "home" / "incidents").glob("*/report.md") if "in March" in path.read_text()]
    assert "owner" in report.read_text()


def test_ignore_changes_lets_it_go_on(world: Responder) -> None:
    _terraform(world, "lifecycle { ignore_changes = [content] }")
    code, said = ended(world.rotate())
    assert code == 0 and world.is_whole() == "", said


def test_a_named_state_that_cannot_be_read_stops_too(world: Responder) -> None:
    _terraform(world)
    (world.folder / "infra" / "prod.tfstate").unlink()
    code, said = ended(world.rotate())
    told = " ".join(said.split())
    assert code == 3 and "the Terraform state prod.tfstate tells nothing: it cannot be read" in told and world.live() == [], said


def test_a_state_is_given_to_drift_on_the_command_line(world: Responder) -> None:
    _terraform(world)
    file = world.folder / "inventory.yaml"
    private(file, file.read_text().partition("terraform:")[0])
    _code, said = world.ir("inventory", "drift", "inventory.yaml", "--yes", "--terraform-state", "infra/prod.tfstate")
    claim = "dotenv://one.env#STRIPE_KEY: Terraform local_sensitive_file.env (prod.tfstate) would put its own value back"
    assert claim in " ".join(said.split()), said
