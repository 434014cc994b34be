"""What only Vault has: seals, policies, KV versions, version caps, namespaces, a command line with settings of its own."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hvac
import pytest

from ir.adapters.stores.escrow.locks import TransitLock
from ir.adapters.stores.vault import client as vault_client
from ir.adapters.stores.vault.kv_store import VaultStore
from ir.core.errors import Conflict, Denied, Missing, Rejected, Unknown
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.drill.embedded.openbao_server import OpenBao
from ir.drill.embedded.openbao_server import openbao as run_openbao
from tests.worlds import vault
from tests.worlds.bad_network import Request, proxy
from tests.worlds.service_world import closed_port
from tests.worlds.stores import NEIGHBOUR, key, unique
from tests.worlds.surroundings import environment
from tests.worlds.vault import MOUNT, VaultWorld

INCIDENT = "INC-20261123-ab12"
OTHER = "INC-20261122-zz99"


@pytest.fixture
def world(openbao: OpenBao) -> Iterator[VaultWorld]:
    with environment(**vault.settings(openbao.address, openbao.token)):
        yield VaultWorld(openbao, "api_key")


def test_what_is_kept_says_whose_it_is_without_its_value(world: VaultWorld) -> None:
    ref = world.place(key())
    store = VaultStore(ref)
    store.keep(INCIDENT, "old", key())
    assert _custom(world, ref)["state"] == "custody"
    assert store.pending(OTHER) is None
    store.stage(INCIDENT, key())
    custom = _custom(world, ref)
    assert (custom["incident"], custom["state"], "@" in custom["owner"]) == (INCIDENT, "staged", True)
    found = store.pending(OTHER)
    assert found is not None
    assert found.since > 1.7e9
    assert custom["owner"] in found.owner


def _custom(world: VaultWorld, ref: Reference) -> dict[str, str]:
    about = world.kv.read_secret_metadata(path=f"{ref.path}.ir-{INCIDENT}", mount_point=MOUNT)
    return dict(about["data"]["custom_metadata"])


def test_a_sealed_vault_is_unknown_and_says_so() -> None:
    with run_openbao() as server, environment(**vault.settings(server.address, server.token)):
        world = VaultWorld(server, "api_key")
        store = VaultStore(world.place(key()))
        vault.client(server).adapter.put("/v1/sys/seal")
        for call in (store.read, lambda: store.check_write(INCIDENT), lambda: store.promote(INCIDENT, key(), expected="1")):
            with pytest.raises(Unknown, match="is sealed"):
                call()


def test_a_server_that_is_not_there_is_unknown(world: VaultWorld) -> None:
    with environment(VAULT_ADDR="http://127.0.0.1:1"), pytest.raises(Unknown):
        VaultStore(world.nowhere()).read()


def test_a_secret_that_was_removed_and_made_again_has_another_stamp(world: VaultWorld) -> None:
    """Its numbers begin anew."""
    old, new = key(), key()
    ref = world.place(old)
    before = world.make(ref).read()
    server = vault.client(world.server)
    server.secrets.kv.v2.delete_metadata_and_all_versions(path=ref.path, mount_point=MOUNT)
    server.secrets.kv.v2.create_or_update_secret(path=ref.path, secret={ref.field: new.reveal()}, mount_point=MOUNT)
    after = world.make(ref).read()
    assert after.version == before.version and after.stamp != before.stamp
    assert world.make(ref).stamp() == after.stamp
    server.secrets.kv.v2.delete_latest_version_of_secret(path=ref.path, mount_point=MOUNT)
    assert world.make(ref).stamp() == "", "a version that was deleted is none"


def test_a_rate_limit_is_unknown(world: VaultWorld) -> None:
    mount = unique("limited")
    client = vault.client(world.server)
    client.sys.enable_secrets_engine("kv", path=mount, options={"version": "2"})
    client.adapter.post(f"/v1/sys/quotas/rate-limit/{mount}", json={"path": f"{mount}/", "rate": 0.01})
    store = VaultStore(parse(f"vault://{mount}/x#y"))
    said = []
    for _ in range(5):
        with pytest.raises((Missing, Unknown)) as caught:
            store.read()
        said.append(caught.value.what)
    assert "slow down" in said[-1]


def test_kv_version_1_is_refused_with_the_way_out(world: VaultWorld) -> None:
    mount = unique("kv1")
    vault.client(world.server).sys.enable_secrets_engine("kv", path=mount, options={"version": "1"})
    vault.client(world.server).secrets.kv.v1.create_or_update_secret("app", {"api_key": "x"}, mount_point=mount)
    for call in ("read", "check_write"):
        with pytest.raises(Rejected, match="KV version 1") as caught:
            getattr(VaultStore(parse(f"vault://{mount}/app#api_key")), call)(*([INCIDENT] if call == "check_write" else []))
        assert f"enable-versioning {mount}" in caught.value.next_step


def test_check_and_set_is_always_sent(world: VaultWorld) -> None:
    old, new = key(), key()
    ref = world.place(old)
    world.kv.update_metadata(path=ref.path, mount_point=MOUNT, cas_required=True)
    store = VaultStore(ref)
    store.promote(INCIDENT, new, expected=store.read().version)
    assert world.seen(ref) == new.reveal()


def test_what_was_kept_is_remembered_and_never_claimed_unseen(world: VaultWorld) -> None:
    """Custody is written where we last left it without a look; whether something is there still takes one."""
    asked: list[str] = []
    ref, old, new = world.place(key()), key(), key()
    store = VaultStore(ref)
    store.keep(INCIDENT, "old", old)
    with (
        proxy(world.server.address, before=lambda request: asked.append(request.method)) as between,
        environment(**vault.settings(between.address, world.server.token)),
    ):
        store.keep(INCIDENT, "new-1", new)
    assert len(asked) == 1
    assert "GET" not in asked
    VaultStore(ref).discard(INCIDENT)
    store.keep(INCIDENT, "new-1", new)
    assert VaultStore(ref).fetch(INCIDENT, "new-1") == new
    VaultStore(ref).keep(INCIDENT, "seen-1", old)
    store.keep(INCIDENT, "old", old)
    assert [VaultStore(ref).fetch(INCIDENT, role) for role in ("new-1", "seen-1", "old")] == [new, old, old]


def test_a_cap_of_one_version_is_noticed_and_survived(world: VaultWorld) -> None:
    old, new = key(), key()
    ref = world.place(old)
    store = VaultStore(ref)
    assert "only one version" not in store.check_write(INCIDENT).said
    world.kv.update_metadata(path=ref.path, mount_point=MOUNT, max_versions=1)
    assert "only one version" in store.check_write(INCIDENT).said
    expected = store.read().version
    store.stage(INCIDENT, new)
    world.write_neighbour(ref, "changed")
    store.promote(INCIDENT, new, expected=expected)
    assert (world.seen(ref), world.neighbour(ref)) == (new.reveal(), "changed")


def test_a_neighbour_who_is_faster_is_merged_and_a_stranger_is_not(world: VaultWorld) -> None:
    old, new, third = key(), key(), key()
    ref = world.place(old)
    expected = VaultStore(ref).read().version
    acts = [lambda: world.write_neighbour(ref, "first"), lambda: world.write_neighbour(ref, "second")]

    def before(request: Request) -> None:
        if request.method == "POST" and f"/data/{ref.path}" in request.path and acts:
            acts.pop(0)()

    with proxy(world.server.address, before=before) as way, environment(VAULT_ADDR=way.address):
        VaultStore(ref).promote(INCIDENT, new, expected=expected)
        assert (world.seen(ref), world.neighbour(ref)) == (new.reveal(), "second")
        acts.append(lambda: world.write(ref, third))
        with pytest.raises(Conflict):
            VaultStore(ref).undo(INCIDENT, old, new)
    assert world.seen(ref) == third.reveal()


def test_side_by_side_in_one_secret(world: VaultWorld) -> None:
    old, new = key(), key()
    path = unique()
    fields = [f"key{n}" for n in range(4)]
    world.kv.create_or_update_secret(path=path, secret={**dict.fromkeys(fields, old.reveal()), NEIGHBOUR: "x"}, mount_point=MOUNT)
    stores = [VaultStore(parse(f"vault://{MOUNT}/{path}#{name}")) for name in fields]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda store: store.stage(INCIDENT, new), stores))
        list(pool.map(lambda store: store.promote(INCIDENT, new, expected="1"), stores))
    assert world.data(path) == {**dict.fromkeys(fields, new.reveal()), NEIGHBOUR: "x"}


def test_a_token_that_may_not_write_beside_still_promotes(world: VaultWorld) -> None:
    old, new = key(), key()
    ref = world.place(old)
    token = vault.token_with(world.server, f'path "{MOUNT}/data/{ref.path}" {{ capabilities = ["read", "update"] }}')
    with environment(VAULT_TOKEN=token):
        store = VaultStore(ref)
        permission = store.check_write(INCIDENT)
        assert permission.proven
        assert f"{MOUNT}/metadata/{ref.path}.ir-*" in permission.said
        assert store.pending(INCIDENT) is None
        assert store.stage(INCIDENT, new) == ""
        with pytest.raises(Denied):
            store.keep(INCIDENT, "old", old)
        store.promote(INCIDENT, new, expected="1")
        store.discard(INCIDENT)
    assert world.seen(ref) == new.reveal()


def test_the_policy_that_the_check_asks_for_is_enough(world: VaultWorld) -> None:
    old, new = key(), key()
    ref = world.place(old)
    rules = f"""
        path "{MOUNT}/data/{ref.path}" {{ capabilities = ["read", "update"] }}
        path "{MOUNT}/data/{ref.path}.ir-*" {{ capabilities = ["create", "read", "update"] }}
        path "{MOUNT}/metadata/{ref.path}.ir-*" {{ capabilities = ["create", "read", "update", "delete"] }}
    """
    with environment(VAULT_TOKEN=vault.token_with(world.server, rules)):
        store = VaultStore(ref)
        assert "beside" not in store.check_write(INCIDENT).said
        store.keep(INCIDENT, "old", old)
        assert store.stage(INCIDENT, new)
        store.promote(INCIDENT, new, expected="1")
        store.undo(INCIDENT, old, new)
        store.discard(INCIDENT)
    assert world.traces(ref, INCIDENT) == []


def test_what_may_be_written_but_not_removed_is_owed(world: VaultWorld) -> None:
    ref = world.place(key())
    rules = f"""
        path "{MOUNT}/data/{ref.path}" {{ capabilities = ["read", "update"] }}
        path "{MOUNT}/data/{ref.path}.ir-*" {{ capabilities = ["create", "read", "update"] }}
    """
    with environment(VAULT_TOKEN=vault.token_with(world.server, rules)):
        VaultStore(ref).keep(INCIDENT, "old", key())
        with pytest.raises(Denied):
            VaultStore(ref).discard(INCIDENT)


def test_an_expired_token_is_denied(world: VaultWorld) -> None:
    ref = world.place(key())
    with environment(VAULT_TOKEN="s." + secrets.token_hex(12)):
        for call in (VaultStore(ref).read, lambda: VaultStore(ref).stage(INCIDENT, key())):
            with pytest.raises(Denied):
                call()


def test_namespaces(world: VaultWorld) -> None:
    name = unique("team")
    vault.client(world.server).adapter.post(f"/v1/sys/namespaces/{name}")
    inside = hvac.Client(url=world.server.address, token=world.server.token, namespace=name)
    inside.sys.enable_secrets_engine("kv", path=MOUNT, options={"version": "2"})
    value = key()
    inside.secrets.kv.v2.create_or_update_secret(path="app", secret={"api_key": value.reveal()}, mount_point=MOUNT)
    with environment(VAULT_NAMESPACE=name):
        assert VaultStore(parse(f"vault://{MOUNT}/app#api_key")).read().value == value


def test_a_mount_with_a_slash_is_named(world: VaultWorld) -> None:
    team, value = unique("team"), key()
    there = vault.client(world.server)
    there.sys.enable_secrets_engine("kv", path=f"{team}/kv", options={"version": "2"})
    there.secrets.kv.v2.create_or_update_secret(path="pay", secret={"api_key": value.reveal()}, mount_point=f"{team}/kv")
    narrow = vault.token_with(world.server, f'path "{team}/kv/data/pay" {{ capabilities = ["read"] }}')
    for token in (world.server.token, narrow):
        with environment(VAULT_TOKEN=token), pytest.raises(Missing, match=f"called `{team}/kv`") as wrong:
            VaultStore(parse(f"vault://{team}/kv/pay#api_key")).read()
        assert wrong.value.next_step == f"write it as vault://{team}%2Fkv/pay#api_key"
        with environment(VAULT_TOKEN=token):
            assert VaultStore(parse(wrong.value.next_step.removeprefix("write it as "))).read().value == value


def test_a_path_of_the_api_is_named(world: VaultWorld) -> None:
    ref = world.place(key())
    for part in ("data", "metadata"):
        with pytest.raises(Missing, match=f"`{part}/` is part of Vault's API") as wrong:
            VaultStore(parse(f"vault://{MOUNT}/{part}/{ref.path}#{ref.field}")).read()
        assert wrong.value.next_step == f"write it as {ref}"


def test_a_wrong_mount_or_namespace_is_named(world: VaultWorld) -> None:
    name, narrow = unique("team"), vault.token_with(world.server, f'path "{MOUNT}/data/a" {{ capabilities = ["read"] }}')
    vault.client(world.server).adapter.post(f"/v1/sys/namespaces/{name}")
    for token in (world.server.token, narrow):
        with environment(VAULT_TOKEN=token), pytest.raises(Missing, match=f"no mount `nowhere` in the root.* it shows there: .*{MOUNT}"):
            VaultStore(parse("vault://nowhere/a#b")).read()
        with environment(VAULT_TOKEN=token, VAULT_NAMESPACE="none"), pytest.raises(Missing, match="no namespace `none`") as wrong:
            VaultStore(parse(f"vault://{MOUNT}/a#b")).read()
        assert "VAULT_NAMESPACE" in wrong.value.next_step
        with environment(VAULT_TOKEN=token, VAULT_NAMESPACE=name), pytest.raises(Missing, match=f"in the namespace {name}; .*: none"):
            VaultStore(parse(f"vault://{MOUNT}/a#b")).read()


def test_a_redirect_is_not_followed_with_the_token(world: VaultWorld) -> None:
    import http.server

    asked: list[str] = []

    class Standby(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(307)
            self.send_header("Location", f"http://{self.headers['Host']}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
            """Nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Standby) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        with environment(VAULT_ADDR=f"http://127.0.0.1:{server.server_address[1]}"), pytest.raises(Unknown, match="standby"):
            VaultStore(world.nowhere()).read()
        server.shutdown()
    assert "/elsewhere" not in asked


# ── settings, as the command line of Vault has them ───────────────────────────────────────────────────


def test_the_token_file_is_read_when_no_variable_is_set(world: VaultWorld, tmp_path: Path) -> None:
    value = key()
    ref = world.place(value)
    (tmp_path / ".vault-token").write_text(world.server.token + "\n")
    with environment(VAULT_TOKEN=None, HOME=str(tmp_path)):
        assert VaultStore(ref).read().value == value


def test_nobody_logged_in_is_a_denial_with_the_way_out(world: VaultWorld, tmp_path: Path) -> None:
    with environment(VAULT_TOKEN=None, HOME=str(tmp_path)), pytest.raises(Denied, match="no token") as caught:
        VaultStore(world.nowhere()).read()
    assert "vault login" in caught.value.next_step


def test_tls_is_never_left_unverified() -> None:
    env = {"VAULT_ADDR": "https://vault.example:8200", "VAULT_TOKEN": "t" * 8, "VAULT_SKIP_VERIFY": "true"}
    with pytest.raises(Rejected, match="VAULT_SKIP_VERIFY"):
        vault_client.settings(env)
    assert vault_client.settings(env | {"VAULT_SKIP_VERIFY": "false", "VAULT_CACERT": "/ca.pem"}).verify == "/ca.pem"


def test_a_token_does_not_go_to_another_machine_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    env = {"VAULT_ADDR": "http://vault.example:8200/", "VAULT_TOKEN": "t" * 8}
    with pytest.raises(Rejected, match="in the clear") as refused:
        vault_client.settings(env)
    assert "plain_http: [http://vault.example:8200]" in refused.value.next_step
    assert vault_client.settings(env, ["http://vault.example:8200"]).address == "http://vault.example:8200"
    assert vault_client.settings(env | {"VAULT_ADDR": "http://127.0.0.1:8200"}).address == "http://127.0.0.1:8200"
    monkeypatch.setenv("VAULT_ADDR", env["VAULT_ADDR"])
    monkeypatch.setenv("VAULT_TOKEN", env["VAULT_TOKEN"])
    monkeypatch.setenv("IR_ESCROW_TRANSIT_KEY", "")
    with pytest.raises(Rejected, match="in the clear"):
        VaultStore(parse("vault://secret/a#b")).read()
    assert not TransitLock("transit", "ir-escrow", 1.0).usable, "a keyring is looked for instead"


def test_a_proxy_does_not_see_what_goes_to_this_machine(world: VaultWorld) -> None:
    """The token would go through it in the clear; nothing listens there, so a call by way of it would fail."""
    dead = f"http://127.0.0.1:{closed_port()}"
    ref = world.place(key())
    with environment(http_proxy=dead, https_proxy=dead, all_proxy=dead, no_proxy=None, NO_PROXY=None):
        assert VaultStore(ref, timeout=4.5).read().value is not None


def test_client_certificates_and_the_default_address() -> None:
    chosen = vault_client.settings({"VAULT_TOKEN": "t" * 8, "VAULT_CLIENT_CERT": "c.pem", "VAULT_CLIENT_KEY": "k.pem"})
    assert (chosen.address, chosen.cert) == ("https://127.0.0.1:8200", ("c.pem", "k.pem"))


def test_twenty_stores_share_one_client(world: VaultWorld) -> None:
    refs = [world.place(key()) for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda ref: VaultStore(ref, timeout=6.0).read(), refs))
        assert len(set(pool.map(lambda _: id(vault_client.client(6.0)), range(20)))) == 1


# ── what preflight says must be so ────────────────────────────────────────────────────────────────────


def _rotate(ref: Reference, old: Secret, new: Secret) -> VaultStore:
    store = VaultStore(ref)
    assert store.check_write(INCIDENT).proven
    store.keep(INCIDENT, "old", old)
    store.stage(INCIDENT, new)
    store.promote(INCIDENT, new, expected=store.read().version)
    return store


@pytest.mark.parametrize("where", ["secret", "mount"])
def test_metadata_by_check_and_set_alone(world: VaultWorld, where: str) -> None:
    """The mark is refused with a 400, which is no stranger's write."""
    old, new, mount = key(), key(), unique("kv")
    vault.client(world.server).sys.enable_secrets_engine("kv", path=mount, options={"version": "2"})
    there = vault.client(world.server).adapter
    if where == "mount":
        _until_mounted(lambda: there.post(f"/v1/{mount}/config", json={"metadata_cas_required": True}))
    _until_mounted(lambda: there.post(f"/v1/{mount}/data/pay", json={"data": {"api_key": old.reveal()}}))
    there.post(f"/v1/{mount}/metadata/pay", json={"metadata_cas_required": True, "metadata_cas": 0})
    store = _rotate(parse(f"vault://{mount}/pay#api_key"), old, new)
    assert VaultStore(store.ref).read().value == new
    about = there.get(f"/v1/{mount}/metadata/pay.ir-{INCIDENT}")["data"]["custom_metadata"]
    assert about["state"] == "promoted", "the mark is made by check-and-set"
    store.discard(INCIDENT)


def test_a_timer_of_the_secret_is_lifted_from_what_we_write_and_stays_for_others(world: VaultWorld) -> None:
    old, new = key(), key()
    ref = world.place(old)
    there = vault.client(world.server).adapter
    there.post(f"/v1/{MOUNT}/metadata/{ref.path}", json={"delete_version_after": "1h"})
    store = _rotate(ref, old, new)
    held = store.read()
    assert (held.value, held.until) == (new, 0.0)
    assert there.get(f"/v1/{MOUNT}/metadata/{ref.path}")["data"]["delete_version_after"] == "1h0m0s"


def test_a_timer_of_the_mount_is_told_and_is_no_place_for_custody(world: VaultWorld) -> None:
    old, new, mount = key(), key(), unique("kv")
    vault.client(world.server).sys.enable_secrets_engine("kv", path=mount, options={"version": "2"})
    there = vault.client(world.server).adapter
    _until_mounted(lambda: there.post(f"/v1/{mount}/config", json={"delete_version_after": "1h"}))
    there.post(f"/v1/{mount}/data/pay", json={"data": {"api_key": old.reveal()}})
    store = VaultStore(parse(f"vault://{mount}/pay#api_key"))
    assert "delete themselves" in store.check_write(INCIDENT).said
    with pytest.raises(Denied, match="deletes itself within a day"):
        store.keep(INCIDENT, "old", old)
    assert store.incidents() == ()
    store.promote(INCIDENT, new, expected=store.read().version)
    held = store.read()
    assert held.value == new and 3000 < held.until - time.time() < 3700


def test_a_version_that_was_deleted_is_told_with_its_time(world: VaultWorld) -> None:
    ref = world.place(key())
    world.kv.delete_latest_version_of_secret(path=ref.path, mount_point=MOUNT)
    with pytest.raises(Missing, match="was deleted at 20"):
        VaultStore(ref).read()


def _until_mounted(call: Callable[[], object]) -> None:
    """A new mount is upgraded for a moment."""
    until = time.monotonic() + 20.0
    while True:
        try:
            call()
        except hvac.exceptions.VaultError:
            assert time.monotonic() < until
            time.sleep(0.05)
        else:
            return
