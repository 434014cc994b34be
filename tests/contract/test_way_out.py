"""Every client behind a company's forward proxy: the same way out, never for loopback, and what the proxy says proves nothing."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from ir.adapters.notifiers.apprise import AppriseNotifier
from ir.adapters.stores.aws.secrets_manager import AwsSecretsManagerStore
from ir.adapters.stores.conjur.store import ConjurStore
from ir.adapters.stores.vault.kv_store import VaultStore
from ir.clients.http_client import HttpEdge
from ir.clients.stripe_api import StripeApi, probe
from ir.core.errors import Denied, Missing, Rejected, Unknown
from ir.core.model import Json, Liveness
from ir.core.reference import parse
from ir.core.secret import Secret
from ir.core.stripe_address import STRIPE
from ir.core.urls import NotAsked
from ir.drill.embedded.openbao_server import OpenBao
from ir.drill.twin import StripeTwin
from ir.ports import Store
from tests.worlds import aws, conjur, vault
from tests.worlds.bad_network import Answer
from tests.worlds.conjur_fake import ConjurFake
from tests.worlds.forward_proxy import ForwardProxy
from tests.worlds.issuers import value
from tests.worlds.receiver import Receiver
from tests.worlds.service_world import Instance, ServiceWorld, closed_port
from tests.worlds.stores import key
from tests.worlds.surroundings import environment

AWS_HOST, VAULT_HOST, CONJUR_HOST = "secretsmanager.eu-west-1.amazonaws.com", "vault.example", "conjur.example"
STRIPE_HOST, SERVICE, HOOKS = "api.stripe.com", "service.example", "hooks.example"
PAGE = Answer(403, b"<html>Blocked by policy.</html>", (("Content-Type", "text/html"),))
DENIED_IN_JSON = Answer(401, json.dumps({"error": {"type": "auth", "message": "Invalid session", "code": "401"}}).encode())


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[ForwardProxy]:
    with ForwardProxy(tmp_path, {}) as world:
        yield world


@pytest.fixture
def twin(proxy: ForwardProxy) -> Iterator[StripeTwin]:
    with StripeTwin() as made:
        proxy.behind[STRIPE_HOST] = made.url
        yield made


# ── Stripe ──


def test_stripe_is_called_through_the_proxy(proxy: ForwardProxy, twin: StripeTwin) -> None:
    leaked = value(twin.create_secret_key())
    proxy.login = "ir:w@rd"
    with environment(**proxy.environment(login="ir:w%40rd")):
        api = StripeApi(STRIPE, timeout=5.0)
        assert probe(api, leaked).liveness is Liveness.ALIVE
        assert api.post(leaked, "/v1/webhook_endpoints", {}).status == 400
    assert set(proxy.asked) == {"CONNECT api.stripe.com:443"}


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_the_authority_of_the_company_is_named_or_said_to_be_missing(proxy: ForwardProxy, twin: StripeTwin, variable: str) -> None:
    leaked = value(twin.create_secret_key())
    with environment(**proxy.environment(trusted=False)), pytest.raises(Unknown, match="certificate") as missing:
        StripeApi(STRIPE, timeout=5.0).get(leaked, "/v1/balance")
    assert "SSL_CERT_FILE" in missing.value.next_step
    with environment(**{**proxy.environment(trusted=False), variable: proxy.authority}):
        assert probe(StripeApi(STRIPE, timeout=5.0), leaked).liveness is Liveness.ALIVE
    with environment(**{**proxy.environment(trusted=False), variable: "/nowhere.pem"}):
        seen = probe(StripeApi(STRIPE, timeout=5.0), leaked)
        assert seen.liveness is Liveness.UNKNOWN and variable in seen.why


def test_no_word_of_the_proxy_is_stripe_s_about_a_key(proxy: ForwardProxy, twin: StripeTwin) -> None:
    leaked = value(twin.create_secret_key())
    for own in (PAGE, DENIED_IN_JSON, Answer(403, DENIED_IN_JSON.body), Answer(407, b"")):
        proxy.says[STRIPE_HOST] = own
        with environment(**proxy.environment()):
            assert probe(StripeApi(STRIPE, timeout=5.0), leaked).liveness is Liveness.UNKNOWN, own
    proxy.says.clear()
    proxy.refused.add(STRIPE_HOST)
    with environment(**proxy.environment()):
        seen = probe(StripeApi(STRIPE, timeout=5.0), leaked)
    assert seen.liveness is Liveness.UNKNOWN and "the proxy 127.0.0.1" in seen.why and "403" in seen.why
    proxy.login = "ir:word"
    with environment(**proxy.environment()), pytest.raises(Unknown, match="HTTP 407") as refused:
        StripeApi(STRIPE, timeout=5.0).get(leaked, "/v1/balance")
    assert "login" in refused.value.next_step and refused.value.safe == "nothing was sent"


# ── stores ──


def aws_store(*plain: str) -> Store:
    return AwsSecretsManagerStore(parse(f"aws-sm://{aws.REGION}/way/{secrets.token_hex(4)}"), timeout=5.0, plain=plain)


def vault_store(path: str = "way", *plain: str) -> Store:
    return VaultStore(parse(f"vault://secret/{path}#api_key"), timeout=5.0, plain=plain)


def test_aws_is_called_through_the_proxy(proxy: ForwardProxy, aws_address: str) -> None:
    proxy.behind[AWS_HOST] = aws_address
    held, name = key(), f"way/{secrets.token_hex(4)}"
    aws.client(aws_address).create_secret(Name=name, SecretString=held.reveal())
    store = AwsSecretsManagerStore(parse(f"aws-sm://{aws.REGION}/{name}"), timeout=5.0)
    named = aws.settings("") | {"AWS_ENDPOINT_URL_SECRETS_MANAGER": None}
    with environment(**named, **proxy.environment()):
        assert store.read().value == held
    with environment(**named, **proxy.environment(trusted=False) | {"AWS_CA_BUNDLE": proxy.authority}):
        assert store.read().value == held
    with environment(**named, **proxy.environment(trusted=False)), pytest.raises(Unknown, match="certificate") as missing:
        store.read()
    assert "SSL_CERT_FILE" in missing.value.next_step
    for own in (PAGE, DENIED_IN_JSON, Answer(404, b"<html>Not here.</html>")):
        proxy.says[AWS_HOST] = own
        with environment(**named, **proxy.environment()), pytest.raises(Unknown):
            store.read()
    proxy.refused.add(AWS_HOST)
    with environment(**named, **proxy.environment()), pytest.raises(Unknown, match="proxy"):
        store.read()


def test_aws_in_the_clear_is_refused_unless_the_inventory_lists_it(proxy: ForwardProxy, aws_address: str) -> None:
    proxy.behind["aws.example"] = aws_address
    with environment(**aws.settings("http://aws.example/"), **proxy.environment()):
        with pytest.raises(Rejected, match="in the clear") as refused:
            aws_store().read()
        assert proxy.asked == [] and "plain_http: [http://aws.example]" in refused.value.next_step
        with pytest.raises(Missing):
            aws_store("http://aws.example").read()
    assert proxy.asked and all("aws.example" in line for line in proxy.asked)


def test_vault_is_called_through_the_proxy(proxy: ForwardProxy, openbao: OpenBao) -> None:
    proxy.behind[VAULT_HOST] = openbao.address
    held, path = key(), f"way/{secrets.token_hex(4)}"
    vault.client(openbao).secrets.kv.v2.create_or_update_secret(path=path, secret={"api_key": held.reveal()}, mount_point="secret")
    named = vault.settings(f"https://{VAULT_HOST}", openbao.token)
    with environment(**named, **proxy.environment()):
        assert vault_store(path).read().value == held
    with environment(**named, **proxy.environment(trusted=False)), pytest.raises(Unknown, match="TLS") as missing:
        vault_store(path).read()
    assert "SSL_CERT_FILE" in missing.value.next_step
    for own in (PAGE, Answer(404, b"<html>Not here.</html>"), Answer(400, b"<html>Bad.</html>")):
        proxy.says[VAULT_HOST] = own
        with environment(**named, **proxy.environment()), pytest.raises(Unknown, match="was not Vault"):
            vault_store(path).read()
    proxy.says.clear()
    with environment(**vault.settings(f"https://{VAULT_HOST}", secrets.token_hex(16)), **proxy.environment()), pytest.raises(Denied):
        vault_store(path).read()
    proxy.login = "ir:word"
    with environment(**named, **proxy.environment()), pytest.raises(Unknown, match=r"the proxy 127\.0\.0\.1.*HTTP 407"):
        vault_store(path).read()


def test_conjur_is_called_through_the_proxy(proxy: ForwardProxy) -> None:
    with ConjurFake() as fake:
        proxy.behind[CONJUR_HOST] = fake.address
        world, held = conjur.ConjurWorld(fake, ""), key()
        ref = world.place(held)
        named = conjur.settings(fake) | {"CONJUR_APPLIANCE_URL": f"https://{CONJUR_HOST}"}
        with environment(**named, **proxy.environment()):
            assert ConjurStore(ref).read().value == held
        with environment(**named, **proxy.environment(trusted=False)), pytest.raises(Unknown, match="TLS") as missing:
            ConjurStore(ref).read()
        assert "SSL_CERT_FILE" in missing.value.next_step
        for status in (401, 403, 404):
            proxy.says[CONJUR_HOST] = Answer(status, PAGE.body, PAGE.headers)
            with environment(**named, **proxy.environment()), pytest.raises(Unknown, match="was not Conjur"):
                ConjurStore(ref).read()
        proxy.refused.add(CONJUR_HOST)
        with environment(**named, **proxy.environment()), pytest.raises(Unknown, match=r"the proxy 127\.0\.0\.1"):
            ConjurStore(ref).read()


def test_what_goes_to_this_machine_takes_no_proxy(twin: StripeTwin, aws_address: str, openbao: OpenBao, fake: ConjurFake) -> None:
    """Keys would go through it in the clear, and it could not reach us anyway."""
    dead = f"http://127.0.0.1:{closed_port()}"
    every = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), dead)
    held, path = key(), f"way/{secrets.token_hex(4)}"
    vault.client(openbao).secrets.kv.v2.create_or_update_secret(path=path, secret={"api_key": held.reveal()}, mount_point="secret")
    aws.client(aws_address).create_secret(Name=path, SecretString=held.reveal())
    variable = conjur.ConjurWorld(fake, "").place(held)
    stores = aws.settings(aws_address) | vault.settings(openbao.address, openbao.token) | conjur.settings(fake)
    with environment(**every, NO_PROXY=None, no_proxy=None, **stores), Receiver() as receiver:
        assert probe(StripeApi(twin.url, timeout=5.0), value(twin.create_secret_key())).liveness is Liveness.ALIVE
        assert AwsSecretsManagerStore(parse(f"aws-sm://{aws.REGION}/{path}"), timeout=5.0).read().value == held
        assert vault_store(path).read().value == held
        assert ConjurStore(variable).read().value == held
        AppriseNotifier(lambda: Secret(receiver.url), timeout=60.0).notify("title", "body", urgent=False)
    assert len(receiver.got) == 1


@pytest.fixture
def fake() -> Iterator[ConjurFake]:
    with ConjurFake() as made:
        yield made


# ── services and notices ──


def edge() -> HttpEdge:
    return HttpEdge((SERVICE,), no_secret)


def no_secret(reference: str) -> Secret:
    raise AssertionError(reference)


def test_services_are_asked_through_the_proxy(proxy: ForwardProxy) -> None:
    with ServiceWorld([Instance("a")]) as world:
        proxy.behind[SERVICE] = world.url
        with environment(**proxy.environment()):
            assert edge().call("GET", f"https://{SERVICE}/healthz").status == 200
            assert edge().call("GET", f"http://{SERVICE}/healthz").status == 200
        with environment(**proxy.environment(trusted=False)), pytest.raises(Rejected, match="not trusted") as missing:
            edge().call("GET", f"https://{SERVICE}/healthz")
        assert "SSL_CERT_FILE" in missing.value.next_step
        assert proxy.asked == [f"CONNECT {SERVICE}:443", f"GET http://{SERVICE}/healthz", f"CONNECT {SERVICE}:443"]


def test_a_refusal_in_the_clear_may_be_the_proxy_s_own(proxy: ForwardProxy) -> None:
    proxy.refused.add(SERVICE)
    with environment(**proxy.environment()):
        for scheme in ("http", "https"):
            with pytest.raises(Unknown, match=r"the proxy 127\.0\.0\.1"):
                edge().call("GET", f"{scheme}://{SERVICE}/healthz")
    proxy.login = "ir:word"
    with environment(**proxy.environment()), pytest.raises(Unknown, match="407"):
        edge().call("GET", f"http://{SERVICE}/healthz")


def test_notices_take_the_same_way(proxy: ForwardProxy) -> None:
    with Receiver() as receiver:
        host, _, rest = receiver.url.removeprefix("json://").partition("/")
        proxy.behind[HOOKS] = f"http://{host}"
        post = AppriseNotifier(lambda: Secret(f"jsons://{HOOKS}/{rest}"), timeout=60.0)
        with environment(**proxy.environment()):
            post.notify("title", "body", urgent=False)
        proxy.login = "ir:word"
        with environment(**proxy.environment()), pytest.raises(Unknown):
            post.notify("title", "body", urgent=False)
    got: list[Json] = receiver.got
    assert len(got) == 1 and proxy.asked[0] == f"CONNECT {HOOKS}:443"


def test_a_proxy_that_we_do_not_speak_is_said_by_all(openbao: OpenBao) -> None:
    with environment(HTTPS_PROXY="socks5://proxy.example:1080", https_proxy=None, NO_PROXY=None, no_proxy=None):
        assert "http://host:port" in probe(StripeApi(STRIPE), key()).why
        with environment(**vault.settings(f"https://{VAULT_HOST}", "t")), pytest.raises(NotAsked, match="http://host:port"):
            vault_store().read()
        with environment(**aws.settings("https://aws.example")), pytest.raises(NotAsked, match="http://host:port"):
            aws_store().read()
