"""What the issuers of webhooks' signing secrets owe their callers: against the twin's endpoints, and a service that checks signatures."""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import pytest

from ir.adapters.issuers import WEBHOOK_ISSUERS
from ir.adapters.issuers.webhook_endpoints import MOST, Endpoints
from ir.adapters.issuers.webhook_roll import RollIssuer
from ir.adapters.issuers.webhook_second_endpoint import SecondEndpointIssuer
from ir.adapters.issuers.webhook_use import WebhookServices
from ir.adapters.verifiers.webhook import EventKind, SigningSecrets, WebhookVerifier
from ir.cli import run
from ir.clients.stripe_api import StripeApi
from ir.core.errors import ExitCode, PortError, Rejected, Unknown, Waiting
from ir.core.model import Json, KeyKind, Liveness, Mode
from ir.core.secret import Secret
from ir.drill.twin import StripeTwin
from ir.drill.twin.faults import LOST, TORN, TWICE, WRONG_TYPE, Fate, broken
from ir.ports import Check, Expected, Issuer, MintOrder, Target
from tests.worlds.issuers import INCIDENT, BentClock, Human
from tests.worlds.webhook_service import WebhookService

PUBLIC = "https://shop.example.com/hook"


def _none(reference: str) -> Secret:
    raise AssertionError(f"nothing refers to {reference}")


@dataclass
class World:
    twin: StripeTwin
    service: WebhookService
    clock: BentClock
    old: Secret
    old_id: str
    api: StripeApi
    key: Secret
    facts: Json = field(default_factory=dict)
    known: list[Secret] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.known = [self.old]
        signed = SigningSecrets(lambda mark: next((s for s in self.known if s.fingerprint == mark), None))
        self.verifier = WebhookVerifier(
            url=f"{self.service.url}/hook",
            signed_with=signed,
            resolve=_none,
            event=EventKind("test_helpers.test_clock.ready", live=False),
            timeout=2,
        )
        self.uses = WebhookServices(
            lambda secret: [self.verifier.accepts(secret)],
            lambda secret: next((s for s in self.known if s != secret), None),
            lambda: self.facts,
        )

    def second(self, endpoint: str = "") -> SecondEndpointIssuer:
        endpoints = Endpoints(self.api, lambda: self.key)
        return SecondEndpointIssuer(endpoints, self.uses, Mode.TEST, self.clock, incident=INCIDENT, url=PUBLIC, endpoint=endpoint)

    def roll(self, *pastes: str) -> tuple[RollIssuer, Human]:
        human = Human(pastes=[lambda text=text: Secret(text) for text in pastes])  # type: ignore[misc]  # a default binds the loop's value
        return RollIssuer(PUBLIC, self.old_id, Mode.TEST, human, self.clock, self.uses), human

    def moved_to(self, new: Secret, key_id: str = "") -> None:
        """The service has the new secret, and the record says so."""
        self.known.append(new)
        self.service.secrets = [new.reveal()]
        self.facts |= {"new": {"fingerprint": new.fingerprint, "id": key_id}}
        self.facts.setdefault("old", {}).update(fingerprint=self.old.fingerprint)

    def endpoints(self) -> list[Json]:
        found = self.api.get(self.key, "/v1/webhook_endpoints", {"limit": 100}).body["data"]
        assert isinstance(found, list)
        return found

    def another(self, url: str = PUBLIC) -> Json:
        return self.api.post(self.key, "/v1/webhook_endpoints", {"url": url, "enabled_events": ["*"]}).body


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock = BentClock()
    with StripeTwin(seed=7, clock=clock) as twin:
        key = Secret(twin.create_restricted_key(("webhook_write", "webhook_read"), "ir").token.reveal())
        api = StripeApi(twin.url, timeout=2)
        body = api.post(
            key, "/v1/webhook_endpoints", {"url": PUBLIC, "enabled_events": ["payout.paid"], "api_version": "2026-10-28.endive"}
        ).body
        env = tmp_path / "hook.env"
        env.write_text(f"HOOK={body['secret']}\n")
        with WebhookService(env) as service:
            yield World(twin, service, clock, Secret(body["secret"]), body["id"], api, key)


def order(world: World, **more: object) -> MintOrder:
    fields: Json = {
        "name": f"ir-{INCIDENT}-1",
        "idempotency_key": "idem-1",
        "expires_old_at": world.clock.now().timestamp() + 86400,
        **more,
    }
    return MintOrder(incident=INCIDENT, kind=KeyKind.WEBHOOK, mode=Mode.TEST, account="", permissions=(), old=world.old, **fields)


def alive(issuer: Issuer, secret: Secret) -> Liveness:
    return issuer.probe(secret).liveness


def test_every_issuer_of_the_table_is_there() -> None:
    for place in WEBHOOK_ISSUERS.values():
        module, _, name = place.partition(":")
        assert getattr(import_module(module), name) in (SecondEndpointIssuer, RollIssuer)


class TestSecondEndpoint:
    def test_life_and_death(self, world: World) -> None:
        issuer = world.second()
        assert alive(issuer, world.old) is Liveness.ALIVE
        row = issuer.identify(world.old)
        assert row is not None and row.id == world.old_id
        kept: list[Secret] = []

        def keep(secret: Secret) -> str:
            kept.append(secret)
            return "kept"

        minted = issuer.mint(order(world), keep)
        assert kept == [minted.value] and minted.id != world.old_id and minted.kind is KeyKind.WEBHOOK
        made = next(row for row in world.endpoints() if row["id"] == minted.id)
        assert (made["url"], made["enabled_events"], made["api_version"]) == (PUBLIC, ["payout.paid"], "2026-10-28.endive")
        assert [row.id for row in issuer.strays(INCIDENT)] == [minted.id]
        assert alive(issuer, minted.value) is Liveness.ALIVE, "its endpoint is enabled, whatever services make of it"
        world.moved_to(minted.value, minted.id)
        world.facts["old"]["id"] = world.old_id
        assert alive(issuer, world.old) is Liveness.ALIVE, "Stripe signs with it, though nobody accepts it"
        assert issuer.retire(Target(world.old_id, world.old)) and issuer.retire(Target(world.old_id, world.old)), "twice is once"
        assert alive(issuer, world.old) is Liveness.EXPIRED and alive(issuer, minted.value) is Liveness.ALIVE
        world.service.secrets = []
        assert alive(issuer, world.old) is Liveness.UNKNOWN, "a service that refuses everything proves nothing"
        world.service.secrets = [world.old.reveal()]
        assert alive(issuer, world.old) is Liveness.ALIVE, "disabled at Stripe, but whoever has it can still forge events"
        assert issuer.remove(world.old_id) and issuer.remove(world.old_id), "twice is once"
        assert [row["id"] for row in world.endpoints()] == [minted.id]

    def test_later_it_is_told_by_the_fingerprint_that_was_noted(self, world: World) -> None:
        minted = world.second().mint(order(world), lambda _: "kept")
        row = world.second(world.old_id).identify(minted.value, known_id=world.old_id)
        assert row is not None and row.id == minted.id, "the inventory's id is the one of an earlier endpoint"

    def test_which_endpoint_it_is_has_to_be_certain(self, world: World) -> None:
        world.another()
        with pytest.raises(Rejected, match="2 enabled ones"):
            world.second().mint(order(world), lambda _: "kept")
        assert len(world.endpoints()) == 2
        assert world.second(world.old_id).mint(order(world), lambda _: "kept").id

    @pytest.mark.parametrize("fate", [LOST, TORN, WRONG_TYPE, broken(acted=True)], ids=lambda fate: fate.what)
    def test_a_lost_answer_is_found_by_its_name_deleted_and_made_anew(self, world: World, fate: Fate) -> None:
        world.twin.fate(fate, method="POST", path="/v1/webhook_endpoints")
        issuer = world.second()
        with pytest.raises(Unknown):
            issuer.mint(order(world), lambda _: "kept")
        (stray,) = issuer.strays(INCIDENT)
        issuer.retire(Target(stray.id, Secret("")))
        minted = issuer.mint(order(world, name=f"ir-{INCIDENT}-2", idempotency_key="idem-2"), lambda _: "kept")
        assert {row["id"] for row in world.endpoints()} == {world.old_id, minted.id}

    def test_what_was_made_twice_is_left_once(self, world: World) -> None:
        world.twin.fate(TWICE, method="POST", path="/v1/webhook_endpoints")
        minted = world.second().mint(order(world), lambda _: "kept")
        assert {row["id"] for row in world.endpoints()} == {world.old_id, minted.id}

    def test_stripes_limit_is_told_before_anything_is_made(self, world: World) -> None:
        for n in range(MOST - 1):
            world.another(f"https://other.example.com/{n}")
        with pytest.raises(Rejected, match="allows 16"):
            world.second().mint(order(world), lambda _: "kept")
        assert world.api.post(world.key, "/v1/webhook_endpoints", {"url": PUBLIC, "enabled_events": ["*"]}).status == 400

    def test_an_endpoint_of_this_run_is_deleted_again(self, world: World) -> None:
        issuer = world.second()
        minted = issuer.mint(order(world), lambda _: "kept")
        issuer.retire(Target(minted.id, Secret("")))
        assert [row["id"] for row in world.endpoints()] == [world.old_id]

    def test_an_endpoint_that_is_enabled_again_is_left_alone(self, world: World) -> None:
        with pytest.raises(Rejected, match="enabled again"):
            world.second().remove(world.old_id)

    def test_no_answer_is_unknown(self, world: World) -> None:
        world.moved_to(Secret(f"whsec_{secrets.token_hex(16)}"))
        world.twin.stop()
        assert alive(world.second(), world.old) is Liveness.UNKNOWN
        with pytest.raises(Unknown):
            world.second().mint(order(world), lambda _: "kept")

    def test_a_key_that_may_not_is_denied_and_no_secret_is_ever_sent_as_one(self, world: World) -> None:
        reader = Secret(world.twin.create_restricted_key(("balance_read",), "reader").token.reveal())
        world.key = reader
        with pytest.raises(PortError, match="403"):
            world.second().mint(order(world), lambda _: "kept")


class TestRoll:
    def test_life_and_death(self, world: World) -> None:
        new = Secret(f"whsec_{secrets.token_urlsafe(24)}")
        issuer, human = world.roll("whsec_short", new.reveal() + "\n")
        assert alive(issuer, world.old) is Liveness.ALIVE
        minted = issuer.mint(order(world), lambda _: "kept")
        assert minted.value == new and any("cut" in text for text in human.told)
        assert any("Roll secret" in text and world.old_id in text and PUBLIC in text for text in human.told)
        world.known.append(new)
        world.facts |= {"new": {"fingerprint": new.fingerprint}, "old": {"deadline": world.clock.now().timestamp() + 86400}}
        assert alive(issuer, new) is Liveness.BLOCKED, "it cannot be told before a service has it"
        world.moved_to(new)
        assert alive(issuer, new) is Liveness.ALIVE
        assert alive(issuer, world.old) is Liveness.ALIVE, "Stripe signs with it, so that there is a way back"
        assert "by itself" in issuer.retire(Target("", world.old))
        world.facts["retire_asked_at"] = 1.0
        assert alive(issuer, world.old) is Liveness.EXPIRED
        world.service.secrets = []
        assert alive(issuer, world.old) is Liveness.UNKNOWN, "a service that refuses everything proves nothing"
        with pytest.raises(Rejected, match="cannot be taken back"):
            issuer.retire(Target("", new, replacement=True))
        assert all(new.reveal() not in text and world.old.reveal() not in text for text in human.told)

    def test_when_the_old_one_has_run_out_there_is_no_way_back(self, world: World) -> None:
        issuer, _ = world.roll()
        world.facts["old"] = {"deadline": world.clock.now().timestamp() + 60}
        world.moved_to(Secret(f"whsec_{secrets.token_hex(16)}"))
        assert alive(issuer, world.old) is Liveness.ALIVE
        world.clock.sleep(61)
        assert alive(issuer, world.old) is Liveness.EXPIRED

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            (lambda w: w.old.reveal(), "the old signing secret itself"),
            (lambda w: "sk_test_" + "a" * 30, "not the new signing secret but: secret key"),
            (lambda w: "whsec_" + "•" * 30, "hidden"),
            (lambda w: f'"whsec_{"a" * 32}"', "quotes"),
            (lambda w: f"HOOK=whsec_{'a' * 32}", "text in front"),
            (lambda w: f"whsec_{'a' * 32}whsec_{'a' * 32}", "pasted twice"),
            (lambda w: "we_1NxYzAbCdEfGhIjKlMnOpQr", "something else"),
        ],
    )
    def test_what_is_not_taken(self, world: World, text: Callable[[World], str], why: str) -> None:
        issuer, human = world.roll(text(world))
        with pytest.raises(Waiting, match=why):
            issuer.mint(order(world), lambda _: "kept")
        assert why in human.told[-2], "before the last question"

    def test_nothing_contains_a_signing_secret(self, world: World) -> None:
        for issuer in (world.roll()[0], world.second()):
            with pytest.raises(Rejected, match="services refuse it"):
                issuer.contain(Target("", world.old), ())


class TestVerifier:
    def test_controls(self, world: World) -> None:
        expected = Expected(world.old.fingerprint)
        assert world.verifier.check(expected).passed is True
        assert world.service.refused == 2 and len(world.service.events) == 1, "the wrong signature first, at last one that is too old"
        world.service.refuses_with = 500
        assert world.verifier.check(expected).passed is None, "a crash is no refusal"
        world.service.refuses_with = 404
        assert world.verifier.check(expected).passed is None, "a wrong path is no refusal"
        world.service.careless = True
        check = world.verifier.check(expected)
        assert check.passed is False and "does not check signatures" in check.said
        assert world.verifier.check(Expected("0" * 16)).passed is None, "a secret that is not at hand"
        assert len({event["id"] for event in world.service.events}) == 1, "a service that remembers events remembers one"

    def test_a_receiver_that_takes_old_signatures_is_told_of(self, world: World) -> None:
        world.service.tolerance = None
        check = world.verifier.check(Expected(world.old.fingerprint))
        assert check.passed is True and "10 minutes old" in check.said and "can be sent to it again" in check.said

    def test_a_receiver_that_answers_409_to_what_it_knows_has_accepted_it(self, world: World) -> None:
        world.service.once = True
        for _ in range(2):
            check = world.verifier.check(Expected(world.old.fingerprint))
            assert check.passed is True and "10 minutes old" not in check.said
        assert world.verifier.accepts(world.old) is True
        world.service.refuses_with = 409
        assert world.verifier.check(Expected(world.old.fingerprint)).passed is None, "409 to a wrong signature does not tell"

    def test_the_former_secret(self, world: World) -> None:
        new = Secret(f"whsec_{secrets.token_hex(16)}")
        world.moved_to(new)
        former: list[Secret] = [world.old]
        given_up: list[Secret] = []
        signed = SigningSecrets(
            {new.fingerprint: new}.get, lambda: former[0] if former else None, lambda: given_up[0] if given_up else None
        )

        def look(*, both: bool) -> Check:
            url, kind = f"{world.service.url}/hook", "test_helpers.test_clock.ready"
            made = WebhookVerifier(url=url, signed_with=signed, resolve=_none, event=EventKind(kind, live=False), both=both, timeout=2)
            return made.check(Expected(new.fingerprint))

        assert look(both=False).passed is True
        check = look(both=True)
        assert check.passed is False and "the former secret" in check.said
        world.service.secrets.append(world.old.reveal())
        assert look(both=True).passed is True
        former, given_up = [], [world.old]
        check = look(both=True)
        assert check.passed is False and "still accepts the old secret" in check.said
        world.service.secrets.pop()
        assert look(both=True).passed is True


def test_drift_tells_by_signed_events_which_secret_a_service_holds(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.service.env.chmod(0o600)
    (tmp_path / "new.env").write_text(f"HOOK=whsec_{secrets.token_hex(16)}\n")
    (tmp_path / "new.env").chmod(0o600)
    check = f"{{webhook: '{world.service.url}/hook', read_only: true}}"
    file = tmp_path / "keys.yaml"
    file.write_text(f"""
version: 1
accounts: [{{name: main, id: acct_1, mode: test}}]
webhooks: [{{name: events, account: main, url: '{PUBLIC}', stored_in: ['dotenv://./new.env#HOOK', 'dotenv://./hook.env#HOOK']}}]
services: [{{name: shop, uses: [events], reads_from: 'dotenv://./new.env#HOOK', reload: {{polls: 1s}}, verify: [{check}]}}]
""")
    file.chmod(0o600)
    with pytest.raises(SystemExit) as ended:
        run(["inventory", "drift", str(file), "--json", "--yes"])
    (row,) = json.loads(capsys.readouterr().out)["keys"]
    assert ended.value.code == ExitCode.DEBT and row["services"][0]["fingerprint"] == world.old.fingerprint
    assert any(problem.startswith(f"service shop holds {world.old.fingerprint}") for problem in row["problems"])
    file.write_text(file.read_text().replace(", read_only: true", ""))
    before = len(world.service.events)
    with pytest.raises(SystemExit):
        run(["inventory", "drift", str(file), "--json", "--yes"])
    assert "no check shows" in capsys.readouterr().out and len(world.service.events) == before, "nothing is sent that was not allowed"
