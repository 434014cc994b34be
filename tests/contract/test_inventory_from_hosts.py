"""`ir inventory init --from`: names first, values by consent, services where the host tells; nothing of it is a key in clear."""

import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from ir import inventory
from ir.adapters.stores.k8s import workloads
from ir.cli import run
from ir.clients.host_api import Login
from ir.core.errors import ExitCode
from ir.core.place import Place
from ir.core.reference import parse
from ir.core.secret import Secret
from ir.drill.hosts.github_twin import GithubTwin
from ir.drill.hosts.k8s_twin import K8sTwin
from ir.drill.hosts.server import Refusal
from ir.drill.hosts.vercel_twin import VercelTwin
from ir.inventory.proposed_services import FILL_IN
from tests.worlds.stores import key
from tests.worlds.surroundings import environment


@dataclass
class Hosts:
    """Three hosts with one company's keys, and an inventory that says where they are.

    Attributes:
        listed: that inventory, with one key that only a person sets.
        shop: a key that is at all three.
        refunds: one at a place whose name tells nothing.
    """

    folder: Path
    vercel: VercelTwin
    k8s: K8sTwin
    github: GithubTwin
    listed: Path
    shop: Secret
    refunds: Secret

    def told(self) -> list[str]:
        """Requests that tell a key."""
        keys = [self.shop.reveal(), self.refunds.reveal()]
        return [line for twin in (self.vercel, self.k8s, self.github) for line in twin.told(keys)]

    def init(self, *argv: str) -> int:
        """Run it as a machine does."""
        return run(["inventory", "init", "--inventory", str(self.listed), "--yes", *argv])


HEAD = """\
version: 1
# what is ours
accounts: [{name: main, id: acct_1A, mode: test}]
keys:
  - {name: old, account: main, kind: secret, stored_in: ["manual://heroku"]}
hosts:
"""
KEPT = HEAD.removesuffix("hosts:\n")


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    monkeypatch.chdir(tmp_path)
    shop, refunds = key(), key()
    with ExitStack() as stack:
        vercel, k8s, github = (stack.enter_context(twin()) for twin in (VercelTwin, K8sTwin, GithubTwin))
        assert isinstance(vercel, VercelTwin) and isinstance(k8s, K8sTwin) and isinstance(github, GithubTwin)
        for twin in (vercel, k8s, github):
            twin.tokens["all"] = frozenset({"*"})
        vercel.put("shop", "STRIPE_SECRET_KEY", shop.reveal(), target=("production", "preview"))
        vercel.put("shop", "DATABASE_URL", "postgres://x")
        vercel.put("blog", "PAYMENTS", refunds.reveal(), type="plain")
        k8s.put_secret("payments", "stripe", {"api_key": shop.reveal(), "webhook_secret": "whsec_" + key().reveal()[8:]})
        k8s.put_secret("ops", "refunds", {"value": refunds.reveal(), "note": "no key"})
        k8s.deploy("payments", "checkout", ("payments", "stripe", "api_key"))
        k8s.deploy("ops", "refunder", ("ops", "refunds", "value"))
        github.put("acme/shop", "STRIPE_KEY", shop.reveal())
        rows = {"vercel": vercel, "github-actions": github, "k8s": k8s}
        file = tmp_path / "listed.yaml"
        file.write_text(HEAD + "".join(f'  - {{name: {name}, api_base: "{t.address}", token: env://TOKEN}}\n' for name, t in rows.items()))
        file.chmod(0o600)
        kubeconfig = tmp_path / "kubeconfig"
        user = {"name": "u", "user": {"token": "all"}}
        cluster = {"name": "c", "cluster": {"server": k8s.address}}
        contexts = [{"name": "prod", "context": {"cluster": "c", "user": "u"}}]
        kubeconfig.write_text(yaml.safe_dump({"current-context": "prod", "contexts": contexts, "clusters": [cluster], "users": [user]}))
        kubeconfig.chmod(0o600)
        stack.enter_context(environment(TOKEN="all", KUBECONFIG=str(kubeconfig), IR_HOME=str(tmp_path / "home")))
        yield Hosts(tmp_path, vercel, k8s, github, file, shop, refunds)


def _places(text: str) -> dict[str, set[str]]:
    return {row.name: {str(ref) for ref in row.stored_in} for row in inventory.loads(text, "x").keys}


def test_without_consent_no_value_is_read_and_names_make_an_inventory(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inventory", "init", "--from", "k8s", "--output", "made.yaml"]) == ExitCode.DONE
    shown, text = capsys.readouterr(), (hosts.folder / "made.yaml").read_text()
    assert not [call for call in hosts.k8s.calls if call.method == "GET" and call.path[-2] == "secrets"], "no Secret was opened"
    assert _places(text) == {"payments": {"k8s://prod/payments/stripe#api_key"}}
    assert "by its name alone" in text and "# fingerprint" not in text
    assert "4 values could be read and were not: --read" in shown.err
    assert "not looked into: k8s://prod: 4 of 4 values: " in shown.err and "prod/ops/refunds#value" in shown.err
    assert "webhook signing secret at k8s://prod/payments/stripe#webhook_secret" in text
    assert stat.S_IMODE((hosts.folder / "made.yaml").stat().st_mode) == 0o600
    assert run(["inventory", "check", "made.yaml"]) == ExitCode.DONE


def test_values_are_matched_by_fingerprint_and_programs_that_read_them_are_services(
    hosts: Hosts, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hosts.init("--from", "k8s://prod", "--from", "vercel", "--from", "github-actions://acme", "--read") == ExitCode.DONE
    shown = capsys.readouterr()
    made = inventory.loads(shown.out, "x")
    assert shown.out.startswith(KEPT), "what was written stays, comments too"
    assert {frozenset(places) for places in _places(shown.out).values()} == {
        frozenset({"manual://heroku"}),
        frozenset({"k8s://prod/payments/stripe#api_key"}),
        frozenset({"k8s://prod/ops/refunds#value", "vercel://blog/PAYMENTS"}),
        frozenset({"vercel://shop/STRIPE_SECRET_KEY"}),
        frozenset({"github-actions://acme/shop/STRIPE_KEY"}),
    }
    services = {row.name: row for row in made.services}
    rollout = services["checkout"].reload.rollout
    assert rollout is not None and (rollout.context, rollout.namespace, rollout.deployment) == ("prod", "payments", "checkout")
    assert services["refunder"].uses == services["blog"].uses, "one value, two programs"
    assert all(FILL_IN in str(services[name].verify[0].http) for name in ("refunder", "blog")), "no time of use tells them apart"
    assert services["checkout"].verify[0].stripe_usage
    deploy = services["shop"].reload.vercel
    assert deploy is not None and deploy.project == "shop" and services["shop-actions"].reload.polls
    assert f"# fingerprint {hosts.refunds.fingerprint}" in shown.out
    assert "vercel://: 2 of 3 values: " in shown.err and "DATABASE_URL" in shown.err
    for secret in (hosts.shop, hosts.refunds):
        assert secret.reveal() not in shown.out + shown.err
    assert hosts.told() == []


def test_a_file_that_is_there_gets_rows_and_nothing_of_it_is_lost(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    hosts.listed.chmod(0o644)
    before, where = hosts.listed.read_text(), ["--from", "vercel", "--from", "k8s", "--read", "--yes", "--output", str(hosts.listed)]
    assert run(["inventory", "init", *where]) == ExitCode.DONE
    after = hosts.listed.read_text()
    assert after.startswith(KEPT) and all(line in after for line in before.splitlines())
    assert stat.S_IMODE(hosts.listed.stat().st_mode) == 0o644
    capsys.readouterr()
    assert run(["inventory", "init", *where]) == ExitCode.DONE
    assert hosts.listed.read_text() == after and "nothing new: all that was found is listed" in capsys.readouterr().err
    assert run(["inventory", "check", str(hosts.listed)]) == ExitCode.DONE
    assert "still missing: the address of a check of service `refunder`" in capsys.readouterr().err


def test_a_value_of_a_key_that_is_listed_elsewhere_becomes_a_place_of_it(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    (hosts.folder / ".env").write_text(f"STRIPE={hosts.shop.reveal()}\n")
    (hosts.folder / ".env").chmod(0o600)
    hosts.listed.write_text(hosts.listed.read_text().replace("manual://heroku", "dotenv://./.env#STRIPE"))
    assert hosts.init("--from", "k8s", "--read") == ExitCode.DONE
    shown = capsys.readouterr()
    assert _places(shown.out)["old"] == {"dotenv://./.env#STRIPE", "k8s://prod/payments/stripe#api_key"}
    assert "new: places of key old: k8s://prod/payments/stripe#api_key" in shown.err


def test_nothing_is_written_without_being_told_where(hosts: Hosts) -> None:
    before = {path: path.read_bytes() for path in hosts.folder.rglob("*") if path.is_file()}
    assert hosts.init("--from", "k8s", "--from", "vercel", "--read") == ExitCode.DONE
    after = {path: path.read_bytes() for path in hosts.folder.rglob("*") if path.is_file() and "home" not in path.parts}
    assert after == {path: data for path, data in before.items() if "home" not in path.parts}


# ── which programs read a Secret ──

REF = {"name": "stripe", "key": "api_key"}
PODS: dict[str, dict[str, object]] = {
    "env": {"containers": [{"env": [{"name": "K", "valueFrom": {"secretKeyRef": REF}}]}]},
    "an init container": {"initContainers": [{"env": [{"name": "K", "valueFrom": {"secretKeyRef": REF}}]}]},
    "envFrom": {"containers": [{"envFrom": [{"secretRef": {"name": "stripe"}}]}]},
    "a volume": {"volumes": [{"name": "v", "secret": {"secretName": "stripe"}}]},
    "one key of a volume": {"volumes": [{"name": "v", "secret": {"secretName": "stripe", "items": [{"key": "api_key", "path": "k"}]}}]},
    "a projected volume": {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "stripe"}}]}}]},
}
NO_READERS: dict[str, dict[str, object]] = {
    "another key": {"containers": [{"env": [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "stripe", "key": "user"}}}]}]},
    "another Secret": {"volumes": [{"name": "v", "secret": {"secretName": "stripe-old"}}]},
    "a value of its own": {"containers": [{"env": [{"name": "K", "value": "stripe"}]}]},
    "nothing": {},
    "odd rows": {"containers": [{"env": None}, {"envFrom": [{}]}], "volumes": [{"secret": None}, {"projected": None}]},
}


def _readers(hosts: Hosts, pod: dict[str, object], namespace: str = "payments") -> list[str]:
    with hosts.k8s.lock:
        hosts.k8s.workloads["payments", "checkout"].body["spec"]["template"]["spec"] = pod
    login = Login(api_base=hosts.k8s.address, token=lambda: Secret("all"))
    found, unseen = workloads.readers(Place("k8s", "prod", namespace), login=login)
    assert unseen == []
    return [row.service for row in found if row.reads(parse("k8s://prod/payments/stripe#api_key"))]


@pytest.mark.parametrize("how", PODS)
def test_a_pod_reads_a_secret_in_each_of_these_ways(hosts: Hosts, how: str) -> None:
    assert _readers(hosts, PODS[how]) == ["checkout"]
    assert _readers(hosts, PODS[how], "") == ["checkout"], "of the whole cluster"


@pytest.mark.parametrize("how", NO_READERS)
def test_a_pod_that_reads_another_thing_is_no_reader(hosts: Hosts, how: str) -> None:
    assert _readers(hosts, NO_READERS[how]) == []


# ── what cannot be told ──


def test_what_we_may_not_see_is_said_and_the_rest_counts(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    hosts.k8s.tokens["names"] = frozenset({"list secrets"})
    hosts.vercel.hidden = 3
    with environment(TOKEN="names"):
        assert hosts.init("--from", "k8s://prod", "--read") == ExitCode.DONE
    shown = capsys.readouterr()
    assert "which deployments read Secrets of k8s://prod" in shown.err and "denies access" in shown.err
    assert "not looked into: k8s://prod/ops/refunds#value: " in shown.err
    assert _places(shown.out)["payments"] == {"k8s://prod/payments/stripe#api_key"}, "by its name"


@pytest.mark.parametrize(("status", "said"), [(401, "does not take the login"), (403, "denies access"), (429, "asked too often")])
def test_a_host_that_does_not_answer_is_not_taken_for_empty(
    hosts: Hosts, status: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_call: object) -> tuple[int, object]:
        raise Refusal(status, {"error": {"code": "x"}})

    monkeypatch.setattr(hosts.vercel, "answer", refuse)
    assert hosts.init("--from", "vercel", "--from", "k8s") == ExitCode.DONE
    shown = capsys.readouterr()
    assert f"not looked into: vercel://: Vercel {said}" in re.sub(r"\s+", " ", shown.err) or said in shown.err
    assert "payments" in _places(shown.out)
    assert hosts.init("--from", "vercel") == ExitCode.UNEXPECTED, "nothing is known: that is no empty inventory"


def test_many_pages_are_read_to_their_end(hosts: Hosts, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ir.clients.kubernetes._PAGE", 3)
    hosts.vercel.page = 2
    for number in range(7):
        hosts.k8s.put_secret("many", f"stripe-{number}", {"api_key": "x"})
        hosts.k8s.deploy("many", f"app-{number}", ("many", f"stripe-{number}", "api_key"))
        hosts.vercel.put(f"site-{number}", "STRIPE_SECRET_KEY", "x")
    assert hosts.init("--from", "k8s", "--from", "vercel") == ExitCode.DONE
    made = inventory.loads(capsys.readouterr().out, "x")
    refs = {str(ref) for row in made.keys for ref in row.stored_in}
    assert {f"k8s://prod/many/stripe-{n}#api_key" for n in range(7)} | {f"vercel://site-{n}/STRIPE_SECRET_KEY" for n in range(7)} <= refs
    assert {f"app-{n}" for n in range(7)} <= {row.name for row in made.services}


def test_names_of_others_cannot_write_lines_of_their_own(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "STRIPE_KEY\nservices: [x]\x1b[2J"
    hosts.vercel.put("shop", evil, "x")
    hosts.k8s.secrets["payments", "stripe"]["metadata"]["labels"] = {"app.kubernetes.io/instance": "x\n  - evil: y"}
    assert hosts.init("--from", "vercel", "--from", "k8s") == ExitCode.DONE
    shown = capsys.readouterr()
    assert "\x1b[2J" not in shown.out + shown.err and "\nservices: [x]" not in shown.out + shown.err
    assert "no reference can name it" in shown.err
    assert inventory.loads(shown.out, "x").keys


# ── which place ──


@pytest.mark.parametrize(
    ("place", "said"), [("gcp", "which project"), ("ssm", "which region"), ("aws", "which region"), ("ftp", "not a place")]
)
def test_a_bare_name_means_what_the_hosts_own_tools_mean_or_is_asked_back(
    place: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = dict.fromkeys(("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT", "AWS_REGION", "AWS_DEFAULT_REGION"), "")
    with environment(**gone):
        assert run(["inventory", "init", "--from", place]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


def test_another_file_than_the_one_that_is_added_to_is_refused(hosts: Hosts) -> None:
    (hosts.folder / "other").mkdir()
    assert hosts.init("--from", "k8s", "--output", "other/new.yaml") == ExitCode.USAGE
    (hosts.folder / "mine.yaml").write_text("mine")
    assert run(["inventory", "init", "--from", "k8s", "--output", "mine.yaml"]) == ExitCode.REFUSED
    assert (hosts.folder / "mine.yaml").read_text() == "mine"


def test_a_cluster_without_anything_of_stripes_is_a_refusal(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    hosts.k8s.secrets.clear()
    assert run(["inventory", "init", "--from", "k8s"]) == ExitCode.REFUSED
    assert "nothing shaped like a Stripe key was found" in capsys.readouterr().err
