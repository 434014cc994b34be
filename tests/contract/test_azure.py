"""What is particular to Azure Key Vault: versions without an order, what a new one forgets, deletion that is none, credentials."""

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ir.adapters.stores import old_news
from ir.adapters.stores.azure.secret_store import AzureSecretStore
from ir.clients import azure_vault
from ir.clients.host_api import Login
from ir.core.errors import Conflict, Denied, Rejected, Unknown
from ir.core.reference import parse
from ir.core.secret import Secret, fingerprint
from ir.drill.hosts.server import Call
from ir.ports import Store
from tests.worlds.api_description import Description
from tests.worlds.azure import AzureWorld
from tests.worlds.bad_network import Request, proxy
from tests.worlds.joined import WORLDS
from tests.worlds.stores import key

INCIDENT = "INC-20261123-ab12"
DAY = 86_400


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[AzureWorld]:
    for made in WORLDS["azure-kv, field"](request):
        assert isinstance(made, AzureWorld)
        yield made


def _while_promoting(world: AzureWorld, store: Store, new: Secret, meanwhile: Callable[[], object]) -> str:
    busy = [True]

    def before(request: Request) -> None:
        if request.method == "PUT" and f"/secrets/{store.ref.path}?" in request.path and busy and busy.pop():
            meanwhile()

    expected = store.read().version
    with proxy(world.upstream, before=before) as way, world.through(way.address):
        return world.make(store.ref).promote(INCIDENT, new, expected=expected)


# ── versions ──


def test_a_neighbours_version_in_between_is_merged(world: AzureWorld) -> None:
    ref, new = world.place(key()), key()
    _while_promoting(world, world.make(ref), new, lambda: world.write_neighbour(ref, "theirs"))
    assert (world.seen(ref), world.neighbour(ref)) == (new.reveal(), "theirs")


def test_another_key_in_between_is_put_back_and_is_a_conflict(world: AzureWorld) -> None:
    ref, third = world.place(key()), key()
    with pytest.raises(Conflict, match="somebody else changed the key"):
        _while_promoting(world, world.make(ref), key(), lambda: world.write(ref, third))
    assert world.seen(ref) == third.reveal()


def test_two_others_in_one_second_are_a_conflict_that_says_so(world: AzureWorld) -> None:
    ref = world.place(key())
    held = world.twin.secrets[ref.path].versions

    def twice() -> None:
        world.write_neighbour(ref, "one")
        world.write_neighbour(ref, "two")
        for version in held[-2:]:
            version.attributes["created"] = held[0].attributes["created"]

    with pytest.raises(Conflict, match="which came last cannot be told"):
        _while_promoting(world, world.make(ref), key(), twice)


def test_the_last_of_two_others_is_merged(world: AzureWorld) -> None:
    ref, new = world.place(key()), key()
    held = world.twin.secrets[ref.path].versions

    def twice() -> None:
        world.write_neighbour(ref, "one")
        held[-1].attributes["created"] -= 1
        world.write_neighbour(ref, "two")

    _while_promoting(world, world.make(ref), new, twice)
    assert (world.seen(ref), world.neighbour(ref)) == (new.reveal(), "two")


def test_a_disabled_newest_version_is_refused_and_never_made(world: AzureWorld) -> None:
    """Services would be refused, too: a stage is a secret apart."""
    ref, old = world.place(key()), key()
    world.write(ref, old)
    world.make(ref).stage(INCIDENT, key())
    assert world.seen(ref) == old.reveal()
    assert all(version.attributes["enabled"] for held in world.twin.secrets.values() for version in held.versions)
    world.twin.put(ref.path, "x", attributes={"enabled": False})
    with pytest.raises(Rejected, match="SecretDisabled"):
        world.make(ref).read()


def test_a_new_version_keeps_tags_type_and_a_day_to_come(world: AzureWorld) -> None:
    ref, later = world.place(key()), int(time.time()) + DAY
    marks = {"tags": {"team": "payments"}, "contentType": "application/json"}
    world.twin.put(ref.path, world.twin.value(ref.path), **marks, attributes={"exp": later, "nbf": 1})
    store = world.make(ref)
    assert "marked to expire on" in store.check_write(INCIDENT).said and "gets the same day" in store.check_write(INCIDENT).said
    store.promote(INCIDENT, key(), expected=store.read().version)
    now = world.twin.secrets[ref.path].versions[-1]
    assert now.more == marks and now.attributes["exp"] == later and "nbf" not in now.attributes
    world.twin.put(ref.path, world.twin.value(ref.path), attributes={"exp": 1})
    assert "gets none" in store.check_write(INCIDENT).said
    store.promote(INCIDENT, key(), expected=store.read().version)
    assert "exp" not in world.twin.secrets[ref.path].versions[-1].attributes


def test_every_page_of_versions_counts(world: AzureWorld) -> None:
    ref = world.place(key())
    for number in range(60):
        world.write_neighbour(ref, str(number))
    new = key()
    _while_promoting(world, world.make(ref), new, lambda: world.write_neighbour(ref, "theirs"))
    assert (world.seen(ref), world.neighbour(ref)) == (new.reveal(), "theirs")


def test_a_secret_of_a_certificate_and_a_version_are_refused(world: AzureWorld) -> None:
    ref = world.place(key())
    version = world.twin.put(ref.path, world.twin.value(ref.path), managed=True)
    with pytest.raises(Denied, match="belongs to a certificate"):
        world.make(ref).check_write(INCIDENT)
    with pytest.raises(Rejected, match="names a version"):
        world.make(parse(f"azure-kv://shop/{ref.path}/{version.id}")).read()


# ── what is deleted and kept ──


def test_where_the_vault_purges_nothing_that_is_said_and_the_name_can_be_used_again(world: AzureWorld) -> None:
    world.twin.level = "Recoverable"
    ref, old = world.place(key()), key()
    store = world.make(ref)
    assert "can be recovered for 90 days after its deletion" in store.check_write(INCIDENT).said
    store.keep(INCIDENT, "old", old)
    store.discard(INCIDENT)
    assert store.incidents() == () and list(world.twin.deleted) == [f"ir-{INCIDENT}-{ref.path}".lower()]
    store.discard(INCIDENT)
    world.make(ref).keep(INCIDENT, "old", old)
    assert world.make(ref).fetch(INCIDENT, "old") == old and world.twin.deleted == {}


def test_without_the_right_to_purge_it_is_deleted_all_the_same(world: AzureWorld) -> None:
    world.twin.tokens["all"] = frozenset({"getSecret/action", "readMetadata/action", "setSecret/action", "delete"})
    ref = world.place(key())
    store = world.make(ref)
    store.keep(INCIDENT, "old", key())
    store.discard(INCIDENT)
    assert store.fetch(INCIDENT, "old") is None and len(world.twin.deleted) == 1


def test_a_login_that_ends_before_the_purge_is_no_end_of_it(world: AzureWorld) -> None:
    ref = world.place(key())
    world.make(ref).keep(INCIDENT, "old", key())

    def before(request: Request) -> None:
        if request.method == "DELETE" and request.path.startswith("/deletedsecrets/"):
            world.twin.tokens.pop("all", None)

    with proxy(world.upstream, before=before) as way, world.through(way.address), pytest.raises(Denied, match="does not take the login"):
        world.make(ref).discard(INCIDENT)
    world.twin.tokens["all"] = frozenset({"*"})
    assert world.traces(ref, INCIDENT) != []
    world.make(ref).discard(INCIDENT)
    assert world.traces(ref, INCIDENT) == []


def test_a_deletion_whose_answer_was_lost_is_purged_by_the_next(world: AzureWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_news, "PATIENCE", 5.0)
    ref = world.place(key())
    world.make(ref).keep(INCIDENT, "old", key())
    name = f"ir-{INCIDENT}-{ref.path}".lower()
    world.twin.deleted[name] = world.twin.secrets.pop(name)
    world.twin.deleted[name].deleting = 3
    world.make(ref).discard(INCIDENT)
    assert world.twin.deleted == {}


def test_a_long_name_is_kept_under_its_fingerprint(world: AzureWorld) -> None:
    name = "p" * 120
    world.twin.put(name, json.dumps({"api_key": key().reveal()}))
    store = world.make(parse(f"azure-kv://shop/{name}#api_key"))
    old = key()
    assert fingerprint(name) in store.keep(INCIDENT, "old", old)
    assert store.fetch(INCIDENT, "old") == old and store.incidents() == (INCIDENT,)


def test_permission_is_proven_without_a_value(world: AzureWorld) -> None:
    ref = world.place(key())
    store = world.make(ref)
    assert not store.check_write(INCIDENT).proven
    for _ in range(2):
        store.prove_write(INCIDENT)  # type: ignore[attr-defined]  # of stores that cannot simulate a write
    (kept,) = [held for name, held in world.twin.secrets.items() if INCIDENT.lower() in name]
    assert [json.loads(version.value)["roles"] for version in kept.versions] == [{}]
    store.discard(INCIDENT)
    assert world.traces(ref, INCIDENT) == []


# ── the published API, and where keys go ──


def _life(world: AzureWorld, old: Secret, new: Secret) -> None:
    store = world.make(world.place(old))
    store.check_write(INCIDENT)
    store.pending(INCIDENT)
    store.keep(INCIDENT, "old", old)
    store.promote(INCIDENT, new, expected=store.read().version)
    store.discard(INCIDENT)


def test_keys_stand_in_no_request_but_the_set_secrets(world: AzureWorld) -> None:
    old, new = key(), key()
    _life(world, old, new)
    assert world.twin.told([old.reveal(), new.reveal()]) == []


def test_calls_and_objects_are_those_of_the_published_api(world: AzureWorld) -> None:
    described = Description("azure")
    _life(world, key(), key())
    world.twin.level = "Recoverable"
    _life(world, key(), key())
    assert described.unknown(world.twin.calls) == []
    bodies = [call.body for call in world.twin.calls if call.method == "PUT"]
    assert bodies and all(list(described.undescribed(body, "SecretSetParameters")) == [] for body in bodies)
    assert all(call.query["api-version"] for call in world.twin.calls)


def test_the_answers_of_the_stand_in_are_those_of_the_published_api(world: AzureWorld) -> None:
    described, ref = Description("azure"), world.place(key())
    world.twin.put(ref.path, "x", tags={"a": "b"}, contentType="text/plain", attributes={"exp": 9, "nbf": 1})
    vault = azure_vault.AzureVault("shop", Login(api_base=world.twin.address, token=lambda: Secret("all")), 5.0)
    assert list(described.undescribed(vault.get(ref.path), "SecretBundle")) == []
    rows = [*vault.versions(ref.path), *vault.secrets()]
    assert rows and [name for row in rows for name in described.undescribed(row, "SecretItem")] == []


@pytest.mark.parametrize("link", ["", "?"])
def test_pages_that_do_not_end_are_no_list(world: AzureWorld, monkeypatch: pytest.MonkeyPatch, link: str) -> None:
    answered = world.twin.answer

    def again(call: Call) -> tuple[int, Any]:
        status, found = answered(call)
        query = "&".join(f"{name}={value}" for name, value in call.query.items()) if link else ""
        return status, {**found, "nextLink": f"https://shop.vault.azure.net/secrets{link}{query}"} if "value" in found else found

    monkeypatch.setattr(world.twin, "answer", again)
    with pytest.raises(Unknown, match="its pages do not end"):
        world.make(world.place(key())).incidents()


@pytest.mark.parametrize("name", ["evil.example", "shop.vault.azure.net.evil.example", "shop@evil", "a/b", "ab", "shop.vault.azure.com"])
def test_a_login_goes_to_vaults_of_azure_alone(name: str) -> None:
    with pytest.raises(Rejected, match="is not the name of a vault"):
        AzureSecretStore(parse(f"azure-kv://{name.replace('/', '%2F')}/stripe"))


@pytest.mark.parametrize(
    ("name", "address", "scope"),
    [
        ("shop", "https://shop.vault.azure.net", "https://vault.azure.net/.default"),
        ("shop.vault.azure.cn", "https://shop.vault.azure.cn", "https://vault.azure.cn/.default"),
    ],
)
def test_each_cloud_has_its_address_and_its_scope(name: str, address: str, scope: str) -> None:
    vault = azure_vault.AzureVault(name, Login(), 1.0)
    assert (vault.address, vault.scope) == (address, scope)


# ── credentials ──


class _Identity(BaseHTTPRequestHandler):
    """What a managed identity of App Service is told a token by."""

    def do_GET(self) -> None:
        asked = "resource=https" in self.path and self.headers.get("X-IDENTITY-HEADER") == "proof"
        data = json.dumps({"access_token": "all", "expires_on": str(int(time.time()) + 3600), "token_type": "Bearer"}).encode()
        self.send_response(200 if asked else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Nothing."""


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_vault, "_kept", [])
    for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "FEDERATED_TOKEN_FILE", "TOKEN_CREDENTIALS", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"AZURE_{name}", raising=False)


@pytest.mark.usefixtures("nothing_set")
def test_a_managed_identity_is_used(world: AzureWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Identity)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}/token")
    monkeypatch.setenv("IDENTITY_HEADER", "proof")
    old = key()
    world.twin.put("stripe", old.reveal())
    try:
        assert AzureSecretStore(parse("azure-kv://shop/stripe"), login=Login(api_base=world.twin.address)).read().value == old
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.usefixtures("nothing_set")
def test_no_program_is_run_for_a_login_and_its_library_is_quiet(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`az` on PATH is a program, which takes consent."""
    ran = tmp_path / "ran"
    (tmp_path / "az").write_text(f"#!/bin/sh\n: > {ran}\n")
    (tmp_path / "az").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")
    with pytest.raises(Denied, match="no credentials for Azure") as caught:
        AzureSecretStore(parse("azure-kv://shop/stripe")).read()
    assert "docs/hosts.md" in caught.value.next_step and not ran.exists()
    assert caplog.records == []


@pytest.mark.usefixtures("nothing_set")
def test_a_missing_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure_vault, "find_spec", lambda _name: None)
    with pytest.raises(Rejected, match="read by azure-identity, which is not installed") as caught:
        AzureSecretStore(parse("azure-kv://shop/stripe")).read()
    assert caught.value.next_step == "pip install 'ir-stripe[azure]'"
