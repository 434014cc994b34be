"""What is particular to Kubernetes: who else writes a Secret, what cannot change, the kubeconfig, rollouts, External Secrets."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ir.adapters.reloaders.rollout import RolloutReloader
from ir.adapters.stores.k8s.secret_store import K8sSecretStore
from ir.clients.host_api import Login
from ir.core.errors import Conflict, Denied, Missing, PortError, Rejected, Unknown
from ir.core.reference import parse
from ir.core.secret import Secret
from ir.drill.hosts.k8s_twin import K8sTwin
from tests.worlds.api_description import Description
from tests.worlds.bad_network import Request, proxy
from tests.worlds.joined import WORLDS
from tests.worlds.k8s import NAMESPACE, K8sWorld
from tests.worlds.stores import key

INCIDENT = "INC-20261123-ab12"


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[K8sWorld]:
    for made in WORLDS["k8s"](request):
        assert isinstance(made, K8sWorld)
        yield made


def test_an_immutable_secret_is_refused_by_name(world: K8sWorld) -> None:
    ref = world.place(key())
    world.twin.secrets[NAMESPACE, world.name(ref)]["immutable"] = True
    with pytest.raises(Denied, match="is immutable"):
        world.make(ref).check_write(INCIDENT)


def test_who_wrote_it_last_is_said(world: K8sWorld) -> None:
    ref = world.place(key())
    world.twin.secrets[NAMESPACE, world.name(ref)]["metadata"]["managedFields"][0]["manager"] = "terraform"
    assert "written last by terraform at" in world.make(ref).check_write(INCIDENT).said


def test_keys_stand_in_no_request_but_the_writes_of_secrets(world: K8sWorld) -> None:
    old, new = key(), key()
    ref = world.place(old)
    store = world.make(ref)
    store.keep(INCIDENT, "old", old)
    store.stage(INCIDENT, new)
    store.promote(INCIDENT, new, expected=store.read().version)
    store.discard(INCIDENT)
    assert world.twin.told([old.reveal(), new.reveal()]) == []
    assert any(world.twin.carries(call) for call in world.twin.calls)


# ── the kubeconfig ──


def _kubeconfig(monkeypatch: pytest.MonkeyPatch, folder: Path, cluster: dict[str, object], user: dict[str, object]) -> None:
    rows = {
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }
    file = folder / "config"
    file.write_text(yaml.safe_dump(rows))
    file.chmod(0o600)
    monkeypatch.setenv("KUBECONFIG", str(file))


def _read(world: K8sWorld, login: Login | None = None) -> Secret | None:
    return K8sSecretStore(world.place(key()), login=login, timeout=5.0).read().value


def test_a_context_with_a_token_is_read_from_the_kubeconfig(world: K8sWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _kubeconfig(monkeypatch, tmp_path, {"server": world.twin.address}, {"token": "all"})
    assert _read(world)
    (tmp_path / "token").write_text("all\n")
    _kubeconfig(monkeypatch, tmp_path, {"server": world.twin.address}, {"tokenFile": "token"})
    assert _read(world)


def test_a_login_that_is_a_program_runs_only_if_the_inventory_lists_it(
    world: K8sWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = json.dumps({"kind": "ExecCredential", "status": {"token": "all"}})
    argv = ["/bin/sh", "-c", f"touch '{tmp_path}/ran'; echo '{said}'"]
    _kubeconfig(monkeypatch, tmp_path, {"server": world.twin.address}, {"exec": {"command": argv[0], "args": argv[1:]}})
    for program in ((), (argv[0], "-c", "another")):
        with pytest.raises(Denied, match="is a program, and the inventory does not list it"):
            _read(world, Login(program=tuple(program)))
    assert not (tmp_path / "ran").exists()
    assert _read(world, Login(program=tuple(argv)))


@pytest.mark.parametrize(
    ("cluster", "match"),
    [
        ({"server": "https://k8s.example.com", "insecure-skip-tls-verify": True}, "trusts whatever answers"),
        ({"server": "http://k8s.example.com"}, "in the clear"),
        ({"server": "https://k8s.example.com", "proxy-url": "http://proxy"}, "not supported"),
    ],
)
def test_what_is_not_safe_is_refused(
    world: K8sWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: dict[str, object], match: str
) -> None:
    _kubeconfig(monkeypatch, tmp_path, cluster, {"token": "all"})
    with pytest.raises(Rejected, match=match):
        _read(world)
    assert not world.twin.calls, "the token went nowhere"


def test_an_unknown_context_names_how_to_find_one(world: K8sWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _kubeconfig(monkeypatch, tmp_path, {"server": world.twin.address}, {"token": "all"})
    with pytest.raises(Missing, match="has no context `other`"):
        K8sSecretStore(parse("k8s://other/payments/stripe#api_key")).read()


def test_no_login_of_a_kubeconfig_is_repeated(world: K8sWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = base64.b64encode(b"something private").decode()
    _kubeconfig(monkeypatch, tmp_path, {"server": world.twin.address}, {"client-certificate-data": secret, "client-key-data": secret})
    with pytest.raises(PortError) as caught:
        _read(world)
    assert "private" not in str(caught.value) and secret not in str(caught.value)


# ── rollouts ──


@pytest.fixture
def twin() -> Iterator[K8sTwin]:
    with K8sTwin() as made:
        made.tokens["all"] = frozenset({"*"})
        made.put_secret("shop", "stripe", {"api_key": "first"})
        made.deploy("shop", "checkout", ("shop", "stripe", "api_key"))
        yield made


def _reloader(twin: K8sTwin, said: list[str] | None = None, **more: object) -> RolloutReloader:
    row = {"context": "prod", "namespace": "shop", "kind": "deployment", "name": "checkout", "timeout": 3.0, "pause": 0.05, **more}
    login = Login(api_base=twin.address, token=lambda: Secret("all"))
    return RolloutReloader(login=login, say=(said if said is not None else []).append, **row)  # type: ignore[arg-type]  # settings by name


def test_pods_take_a_changed_secret_only_by_a_rollout_that_is_seen_to_its_end(twin: K8sTwin) -> None:
    twin.rollout = 0.2
    twin.put_secret("shop", "stripe", {"api_key": "second"})
    assert twin.environment("shop", "checkout") == "first"
    heard: list[str] = []
    assert _reloader(twin, heard).reload() == "deployment checkout: 2 pods replaced, each seen ready"
    assert twin.environment("shop", "checkout") == "second"
    assert heard and "replaced" in heard[0]


def test_a_pod_that_is_still_stopping_has_the_former_key(twin: K8sTwin) -> None:
    """A Deployment counts pods that stop no more, and says that its rollout is complete; they serve until they have stopped."""
    twin.stopping = 0.3
    heard: list[str] = []
    assert _reloader(twin, heard).reload() == "deployment checkout: 2 pods replaced, each seen ready"
    assert time.monotonic() >= twin.workloads["shop", "checkout"].gone_at
    assert heard[-1] == "deployment checkout: 2 of 4 pods replaced"
    twin.stopping = 60.0
    with pytest.raises(Unknown, match="2 pods of the former template are left"):
        _reloader(twin, timeout=0.3).reload()


def test_a_rollout_that_fails_puts_the_former_template_back(twin: K8sTwin) -> None:
    twin.stuck = True
    with pytest.raises(Rejected, match="former template was put back"):
        _reloader(twin).reload()
    assert twin.workloads["shop", "checkout"].body["spec"]["template"]["metadata"]["annotations"] == {}


def test_a_rollout_that_does_not_end_is_unknown(twin: K8sTwin) -> None:
    twin.rollout = 60.0
    with pytest.raises(Unknown, match="is not rolled out"):
        _reloader(twin, timeout=0.3).reload()


@pytest.mark.parametrize("ask", ["ready", "reload"])
def test_a_paused_or_unknown_workload_is_refused(twin: K8sTwin, ask: str) -> None:
    _reloader(twin).ready()
    with pytest.raises(Missing):
        getattr(_reloader(twin, name="nothing"), ask)()
    twin.workloads["shop", "checkout"].body["spec"]["paused"] = True
    with pytest.raises(Rejected, match="is paused"):
        getattr(_reloader(twin), ask)()


def test_external_secrets_reads_its_store_again_before_the_pods_are_replaced(twin: K8sTwin) -> None:
    twin.add_external("shop", "stripe-sync", "stripe", "api_key", "from outside")
    done = _reloader(twin, external_secret="stripe-sync").reload()
    assert done.startswith("ExternalSecret stripe-sync read its store again at ") and "2 pods replaced" in done
    assert twin.environment("shop", "checkout") == "from outside"


@pytest.mark.parametrize("spec", [{"refreshInterval": "0"}, {"refreshInterval": "0s"}, {"refreshPolicy": "CreatedOnce"}])
def test_an_external_secret_that_never_refreshes_is_said(twin: K8sTwin, spec: dict[str, str]) -> None:
    twin.add_external("shop", "stripe-sync", "stripe", "api_key", "from outside", **spec)
    for ask in ("ready", "reload"):
        with pytest.raises(Rejected, match="does nothing"):
            getattr(_reloader(twin, kind="", name="", external_secret="stripe-sync"), ask)()


def test_an_external_secret_that_cannot_read_is_rejected(twin: K8sTwin) -> None:
    twin.add_external("shop", "stripe-sync", "stripe", "api_key", "")
    with pytest.raises(Rejected, match="cannot read its store"):
        _reloader(twin, kind="", name="", external_secret="stripe-sync").reload()


# ── the stand-in against the vendor's own description ──


def test_calls_and_objects_are_those_of_the_published_api(world: K8sWorld) -> None:
    described = Description("kubernetes")
    old, new = key(), key()
    ref = world.place(old)
    store = world.make(ref)
    store.check_write(INCIDENT)
    store.pending(INCIDENT)
    store.keep(INCIDENT, "old", old)
    store.promote(INCIDENT, new, expected=store.read().version)
    world.twin.deploy(NAMESPACE, "checkout", (NAMESPACE, world.name(ref), "api_key"))
    _reloader(world.twin, namespace=NAMESPACE).reload()
    assert described.unknown(world.twin.calls) == []
    sent = [call.body for call in world.twin.calls if call.method in ("POST", "PATCH") and "secrets" in call.path]
    for row in (*sent, *world.twin.secrets.values()):
        assert list(described.undescribed(row, "Secret")) == []
    workload = world.twin.workloads[NAMESPACE, "checkout"]
    assert list(described.undescribed({**workload.body, "status": world.twin.status(workload)}, "Deployment")) == []
    reviews = [call.body for call in world.twin.calls if call.path[-1] == "selfsubjectaccessreviews"]
    assert reviews and all(list(described.undescribed(row, "SelfSubjectAccessReview")) == [] for row in reviews)


def test_another_key_between_look_and_write_is_a_conflict(world: K8sWorld) -> None:
    """The cluster itself refuses the version that is gone: 409."""
    ref, third = world.place(key()), key()
    expected, busy = world.make(ref).read().version, [True]

    def before(request: Request) -> None:
        if request.method == "PATCH" and busy and busy.pop():
            world.write(ref, third)

    with proxy(world.upstream, before=before) as way, world.through(way.address), pytest.raises(Conflict):
        world.make(ref).promote(INCIDENT, key(), expected=expected)
    assert world.seen(ref) == third.reveal()
