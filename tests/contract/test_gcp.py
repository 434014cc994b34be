"""What is particular to Google Secret Manager: `latest`, aliases, replication, credentials as Google's own tools have them."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ir.adapters.stores.gcp.secret_store import GcpSecretStore
from ir.clients import gcp_secrets
from ir.clients.host_api import Login
from ir.core.errors import Conflict, Denied, Rejected
from ir.core.reference import parse
from ir.core.secret import Secret
from ir.ports import Store
from tests.worlds.api_description import Description
from tests.worlds.bad_network import Request, proxy
from tests.worlds.gcp import GcpWorld
from tests.worlds.joined import WORLDS
from tests.worlds.stores import key

INCIDENT = "INC-20261123-ab12"


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[GcpWorld]:
    for made in WORLDS["gcp-sm, field"](request):
        assert isinstance(made, GcpWorld)
        yield made


def _while_promoting(world: GcpWorld, store: Store, new: Secret, meanwhile: object) -> str:
    busy = [True]

    def before(request: Request) -> None:
        if request.path.endswith(":addVersion") and busy and busy.pop():
            meanwhile()  # type: ignore[operator]  # a function of the test

    expected = store.read().version
    with proxy(world.upstream, before=before) as way, world.through(way.address):
        return world.make(store.ref).promote(INCIDENT, new, expected=expected)


def test_a_neighbours_version_in_between_is_merged(world: GcpWorld) -> None:
    ref, new = world.place(key()), key()
    _while_promoting(world, world.make(ref), new, lambda: world.write_neighbour(ref, "theirs"))
    assert (world.seen(ref), world.neighbour(ref)) == (new.reveal(), "theirs")


def test_another_key_in_between_is_put_back_and_is_a_conflict(world: GcpWorld) -> None:
    ref, third = world.place(key()), key()
    with pytest.raises(Conflict):
        _while_promoting(world, world.make(ref), key(), lambda: world.write(ref, third))
    assert world.seen(ref) == third.reveal()


def test_what_is_kept_has_the_replication_of_the_store(world: GcpWorld) -> None:
    ref = world.place(key())
    kept = {"userManaged": {"replicas": [{"location": "europe-west1", "customerManagedEncryption": {"kmsKeyName": "k"}}]}}
    world.twin.secrets[ref.path].about["replication"] = kept
    world.make(ref).keep(INCIDENT, "old", key())
    assert world.twin.secrets[f"ir-{INCIDENT}-{ref.path}"].about["replication"] == kept


def test_aliases_and_a_rotation_are_said(world: GcpWorld) -> None:
    ref = world.place(key())
    world.twin.secrets[ref.path].about |= {"versionAliases": {"live": "1"}, "rotation": {}}
    world.twin.secrets[ref.path].about["rotation"] = {"rotationPeriod": "1s"}
    said = world.make(ref).check_write(INCIDENT).said
    assert "services that read the alias live (version 1) go on with it" in said
    assert "it has a rotation of its own" in said


def test_a_secret_that_deletes_itself_is_told_before_and_after(world: GcpWorld) -> None:
    old, new = key(), key()
    ref = world.place(old)
    store = world.make(ref)
    assert store.ends_at(store.read()) == 0.0 and "deleted by itself" not in store.check_write(INCIDENT).said
    world.twin.secrets[ref.path].about["expireTime"] = "2036-01-01T00:00:00.123456789Z"
    assert "it is deleted by itself at 2036-01-01" in store.check_write(INCIDENT).said
    store.promote(INCIDENT, new, expected=store.read().version)
    assert round(store.ends_at(store.read())) == 2082758400


def test_each_right_that_is_lacking_is_named_before_the_mint(world: GcpWorld) -> None:
    """The roles that add and access versions may not look at the secret itself, which custody and timers take."""
    ref = world.place(key())
    rights = {f"secretmanager.{name}" for name in ("versions.access", "secrets.get", "versions.add")}
    for lacking in rights - {"secretmanager.versions.access"}:
        world.twin.tokens["part"] = frozenset(rights - {lacking})
        with pytest.raises(Denied, match=f"our login lacks {lacking} on") as refused:
            world.make(ref, login="part").check_write(INCIDENT)
        assert "viewer" in refused.value.next_step
    world.twin.tokens["part"] = frozenset(rights)
    assert world.make(ref, login="part").check_write(INCIDENT).proven


def test_a_disabled_newest_version_and_binary_data_are_refused(world: GcpWorld) -> None:
    ref = world.place(key())
    world.twin.secrets[ref.path].disabled.add(1)
    with pytest.raises(Rejected):
        world.make(ref).read()
    world.twin.secrets[ref.path].versions.append(b"\xff\xfe")
    with pytest.raises(Rejected, match="binary data"):
        world.make(ref).read()


def test_keys_stand_in_no_request_but_the_added_versions(world: GcpWorld) -> None:
    old, new = key(), key()
    ref = world.place(old)
    store = world.make(ref)
    store.check_write(INCIDENT)
    store.keep(INCIDENT, "old", old)
    store.promote(INCIDENT, new, expected=store.read().version)
    store.discard(INCIDENT)
    assert world.twin.told([old.reveal(), new.reveal()]) == []


def test_calls_and_objects_are_those_of_the_published_api(world: GcpWorld) -> None:
    described = Description("gcp")
    ref = world.place(key())
    store = world.make(ref)
    store.check_write(INCIDENT)
    store.pending(INCIDENT)
    store.keep(INCIDENT, "old", key())
    store.promote(INCIDENT, key(), expected=store.read().version)
    store.discard(INCIDENT)
    assert described.unknown(world.twin.calls) == []
    for call in world.twin.calls:
        kind = {"addVersion": "AddSecretVersionRequest", "testIamPermissions": "TestIamPermissionsRequest"}.get(
            call.path[-1].partition(":")[2]
        )
        assert kind is None or list(described.undescribed(call.body, kind)) == []


# ── credentials ──


class _Token(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        data = json.dumps({"access_token": "all", "expires_in": 3600, "token_type": "Bearer"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Nothing."""


def test_the_application_default_credentials_are_used(world: GcpWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service account's file, whose token address is on this machine."""
    monkeypatch.setattr(gcp_secrets, "_kept", [])
    server = HTTPServer(("127.0.0.1", 0), _Token)
    Thread(target=server.serve_forever, daemon=True).start()
    private = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {"type": "service_account", "client_email": "ir@shop.example", "private_key": private.decode(), "private_key_id": "1"}
    file = tmp_path / "account.json"
    file.write_text(json.dumps({**account, "token_uri": f"http://127.0.0.1:{server.server_address[1]}/token", "project_id": "shop"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    ref, old = parse("gcp-sm://shop/stripe"), key()
    world.twin.put("stripe", old.reveal())
    try:
        assert GcpSecretStore(ref, login=Login(api_base=world.twin.address)).read().value == old
    finally:
        server.shutdown()
        server.server_close()


def test_no_credentials_and_a_missing_library_are_one_line_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gcp_secrets, "_kept", [])
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "not there"))
    store = GcpSecretStore(parse("gcp-sm://shop/stripe"))
    with pytest.raises(Denied, match="no credentials for Google"):
        store.read()
    monkeypatch.setattr(gcp_secrets, "find_spec", lambda _name: None)
    with pytest.raises(Rejected, match="read by google-auth, which is not installed") as caught:
        store.read()
    assert caught.value.next_step == "pip install 'ir-stripe[gcp]'"
