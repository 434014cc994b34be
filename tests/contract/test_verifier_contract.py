"""What every verifier keeps to (`ir.ports.Verifier`), and what each adapter adds; services and programs are real.

A new adapter joins with one line in `ADAPTERS`: a world in which it sees a service that can hold the expected key, hold
another one, or give no answer.
"""

import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from ir.adapters.verifiers import VERIFIERS
from ir.adapters.verifiers.command import CommandVerifier
from ir.adapters.verifiers.expectation import PROVES
from ir.adapters.verifiers.http import HttpVerifier
from ir.adapters.verifiers.stripe_usage import StripeUsageVerifier
from ir.adapters.verifiers.webhook import EventKind, SigningSecrets, WebhookVerifier
from ir.core.errors import Missing, Unknown
from ir.core.secret import Secret, fingerprint
from ir.core.urls import ParsedUrl
from ir.ports import Check, Expected, Verifier
from tests.worlds.service_world import Handler, Instance, ServiceWorld, closed_port, hang_up, huge, redirect, torn, wrong_type
from tests.worlds.webhook_service import WebhookService

FINGERPRINT = "{{ new.fingerprint }}"


def no_secrets(reference: str) -> Secret:
    raise Missing(f"there is no {reference}")


def leads_to(*addresses: str) -> Callable[[ParsedUrl, float], tuple[str, ...]]:
    return lambda place, seconds: addresses


def expected(since: float = 0.0) -> Expected:
    return Expected(fingerprint("new " + secrets.token_hex(8)), "mk_" + secrets.token_hex(6), since)


@dataclass
class Case:
    """A verifier and the levers of the world that it looks at."""

    verifier: Verifier
    expected: Expected
    hold: Callable[[str], None]
    silence: Callable[[], None]
    changed: Callable[[], object]
    """The world as it is, to be compared."""


def http_case(stack: ExitStack, folder: Path) -> Case:
    world = stack.enter_context(ServiceWorld([Instance("a"), Instance("b")]))
    verifier = HttpVerifier(resolve=no_secrets, url=world.url, json={"key_fingerprint": FINGERPRINT}, instances=2, timeout=0.4)

    def hold(mark: str) -> None:
        world.stored = mark
        world.reload()

    def silence() -> None:
        for instance in world.instances:
            instance.delay = 1.5

    return Case(verifier, expected(), hold, silence, lambda: (world.posts(), [i.holds for i in world.instances]))


def command_case(stack: ExitStack, folder: Path) -> Case:
    held, lock = folder / "held", folder / "silent"
    program = (
        "import pathlib,sys,time\n"
        f"time.sleep(9 if pathlib.Path({str(lock)!r}).exists() else 0)\n"
        f"held = pathlib.Path({str(held)!r}).read_text()\n"
        "sys.exit(0 if held == sys.argv[1] else f'it holds {held}')"
    )
    verifier = CommandVerifier(argv=[sys.executable, "-c", program, FINGERPRINT], timeout=0.8)

    def hold(mark: str) -> None:
        held.write_text(mark)

    return Case(verifier, expected(), hold, lock.touch, held.read_text)


def usage_case(stack: ExitStack, folder: Path) -> Case:
    probed = 1_700_000_000.4
    looks_for = expected(since=probed)
    record: dict[str, float | None] = {}
    verifier = StripeUsageVerifier(last_used=lambda: record["last"], sole_user=True)

    def hold(mark: str) -> None:
        record["last"] = probed + 30 if mark == looks_for.fingerprint else probed - 30

    return Case(verifier, looks_for, hold, lambda: record.update(last=None), record.copy)


def webhook_case(stack: ExitStack, folder: Path) -> Case:
    held = {fingerprint(secret): Secret(secret) for secret in (f"whsec_{secrets.token_hex(16)}" for _ in range(2))}
    env = folder / "hook.env"
    env.write_text(f"HOOK={next(iter(held.values())).reveal()}\n")
    service = stack.enter_context(WebhookService(env))
    looks_for = Expected(next(iter(held)))
    verifier = WebhookVerifier(
        url=f"{service.url}/hook",
        signed_with=SigningSecrets(held.get),
        resolve=no_secrets,
        event=EventKind("test_helpers.test_clock.ready", live=False),
        timeout=0.4,
    )

    def hold(mark: str) -> None:
        service.secrets = [held[mark].reveal() if mark in held else "whsec_another"]

    def silence() -> None:
        service.meanwhile = lambda: time.sleep(1.0)

    return Case(verifier, looks_for, hold, silence, lambda: list(service.secrets))


ADAPTERS = {"webhook": webhook_case, "http": http_case, "command": command_case, "stripe_usage": usage_case}


@pytest.fixture(params=ADAPTERS)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with ExitStack() as stack:
        yield ADAPTERS[request.param](stack, tmp_path)


class TestEveryVerifier:
    def test_is_in_the_table(self) -> None:
        assert set(ADAPTERS) == set(VERIFIERS)
        for place in VERIFIERS.values():
            module, _, name = place.partition(":")
            assert isinstance(getattr(__import__(module, fromlist=[name]), name), type)

    def test_passes_when_the_service_holds_the_key(self, case: Case) -> None:
        case.hold(case.expected.fingerprint)
        check = case.verifier.check(case.expected)
        assert check.passed is True
        assert check.instances[0] == check.instances[1] >= 1

    def test_fails_when_it_holds_another(self, case: Case) -> None:
        case.hold("another")
        check = case.verifier.check(case.expected)
        assert check.passed is False
        assert check.instances[0] < check.instances[1]

    def test_no_answer_cannot_be_told(self, case: Case) -> None:
        case.hold(case.expected.fingerprint)
        case.silence()
        assert case.verifier.check(case.expected).passed is None

    def test_looking_changes_nothing_and_sees_what_is_there_now(self, case: Case) -> None:
        case.hold("another")
        before = case.changed()
        assert [case.verifier.check(case.expected).passed for _ in range(2)] == [False, False]
        assert case.changed() == before
        case.hold(case.expected.fingerprint)
        assert case.verifier.check(case.expected).passed is True

    def test_says_what_it_proves_in_few_words(self, case: Case) -> None:
        case.hold("another")
        check = case.verifier.check(case.expected)
        assert check.proves == case.verifier.proves in PROVES
        assert 0 < len(check.said) <= 300
        assert check.said.isprintable()


class TestHttp:
    def test_status_alone_is_up_and_the_fingerprint_is_holds_key(self) -> None:
        def proves(**options: object) -> str:
            return HttpVerifier(resolve=no_secrets, url="http://127.0.0.1:1/", **options).proves  # type: ignore[arg-type]  # varied below

        assert proves() == "up"
        assert proves(json={"ready": True}) == "up"
        assert proves(json={"key": FINGERPRINT}) == "holds-key"
        assert proves(json={"key": "{{new.fingerprint}}"}) == "holds-key"
        assert proves(json={"key": "{{ new.id }}"}) == "up"
        assert proves(json={"key": FINGERPRINT}, proves="key-used") == "key-used"
        with pytest.raises(ValueError, match="proves"):
            proves(proves="everything")

    @pytest.mark.parametrize(
        "options",
        [
            {"json": {"key": "{{ new.secret }}"}},
            {"json": {"a/b": 1}},
            {"headers": {"Host": "env://X"}},
            {"instance_json": "pod", "instance_header": "X-Instance"},
            {"instance_json": "pod/name"},
            {"url": "ftp://127.0.0.1/"},
            {"url": "http://user:pass@127.0.0.1/"},
            {"url": "http://127.0.0.1/?key={{ old.fingerprint }}"},
        ],
    )
    def test_what_cannot_be_is_refused_at_construction(self, options: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=r"."):
            HttpVerifier(**{"resolve": no_secrets, "url": "http://127.0.0.1:1/", **options})  # type: ignore[arg-type]  # wrong on purpose

    @pytest.mark.parametrize(
        ("where", "value", "passes"),
        [
            ("/health/ok", True, True),
            ("/health/ok", 1, False),
            ("/health/ok", "true", False),
            ("/health/gone", True, False),
            ("pod", "a", True),
            ("nothing", None, False),
        ],
    )
    def test_json_fields(self, where: str, value: object, passes: bool) -> None:
        with ServiceWorld([Instance("a")]) as world:
            verifier = HttpVerifier(resolve=no_secrets, url=world.url, json={where: value})
            assert verifier.check(expected()).passed is passes

    def test_placeholders_in_the_url_are_filled(self) -> None:
        with ServiceWorld([Instance("a")]) as world:
            looks_for = expected()
            HttpVerifier(resolve=no_secrets, url=f"{world.url}/has?fp={FINGERPRINT}&id={{{{ new.id }}}}").check(looks_for)
            assert world.seen[0].path == f"/has?fp={looks_for.fingerprint}&id={looks_for.key_id}"

    def test_an_unknown_id_is_not_compared_with_nothing(self) -> None:
        with ServiceWorld([Instance("a")]) as world:
            verifier = HttpVerifier(resolve=no_secrets, url=world.url, json={"key_fingerprint": "{{ new.id }}"})
            assert verifier.check(Expected("f" * 16)).passed is None

    @pytest.mark.parametrize("status", [500, 502, 503, 401, 404])
    def test_a_service_that_answers_otherwise_is_down(self, status: int) -> None:
        with ServiceWorld([Instance("a", status=status)]) as world:
            check = HttpVerifier(resolve=no_secrets, url=world.url).check(expected())
            assert check.passed is False
            assert str(status) in check.said

    def test_asked_too_often_proves_nothing(self) -> None:
        with ServiceWorld([Instance("a", status=429)]) as world:
            assert HttpVerifier(resolve=no_secrets, url=world.url).check(expected()).passed is None

    def test_another_status_may_be_what_is_expected(self) -> None:
        with ServiceWorld([Instance("a", status=401)]) as world:
            assert HttpVerifier(resolve=no_secrets, url=world.url, status=401).check(expected()).passed is True

    def test_connection_refused_is_down(self) -> None:
        check = HttpVerifier(resolve=no_secrets, url=f"http://127.0.0.1:{closed_port()}").check(expected())
        assert check.passed is False
        assert "refused" in check.said

    @pytest.mark.parametrize(("broken", "passed"), [(wrong_type, False), (huge, False), (torn, None), (hang_up, None)])
    def test_broken_answers(self, broken: Callable[[Handler], None], passed: bool | None) -> None:
        with ServiceWorld([Instance("a", misbehave=broken)]) as world:
            verifier = HttpVerifier(resolve=no_secrets, url=world.url, json={"key_fingerprint": FINGERPRINT})
            assert verifier.check(expected()).passed is passed

    @pytest.mark.parametrize("hostile", [b"[" * 100_000, b'{"key_fingerprint": ' + b"9" * 10_000 + b"}", b"\xff\xfe", b""])
    def test_hostile_documents_fail_without_an_exception(self, hostile: bytes) -> None:
        with ServiceWorld([Instance("a", misbehave=lambda h: h.answer(200, hostile))]) as world:
            verifier = HttpVerifier(resolve=no_secrets, url=world.url, json={"key_fingerprint": FINGERPRINT})
            assert verifier.check(expected()).passed is False

    def test_a_redirect_elsewhere_is_no_pass(self) -> None:
        with ServiceWorld([Instance("other", holds="x")]) as other:
            away = redirect(f"http://localhost:{other.port}/")
            with ServiceWorld([Instance("a", misbehave=away)]) as world:
                assert HttpVerifier(resolve=no_secrets, url=world.url).check(expected()).passed is False
            assert other.seen == []

    def test_what_we_did_not_ask_cannot_be_told(self) -> None:
        with ServiceWorld([Instance("a")]) as world:
            rebound = HttpVerifier(resolve=no_secrets, url="http://checkout.internal/", look_up=leads_to("169.254.169.254"))
            assert rebound.check(expected()).passed is None
            headers = {"Authorization": "env://GONE"}
            assert HttpVerifier(resolve=no_secrets, url=world.url, headers=headers).check(expected()).passed is None

            def sealed(reference: str) -> Secret:
                raise Unknown("the store is sealed")

            check = HttpVerifier(resolve=sealed, url=world.url, headers=headers).check(expected())
            assert (check.passed, "sealed" in check.said) == (None, True)
            assert world.seen == []

    def test_a_key_in_an_answer_is_not_repeated(self) -> None:
        known, foreign = Secret("known " + secrets.token_hex(12)), "sk_" + "test_" + secrets.token_hex(20)
        body = {"key_fingerprint": f"\x1b[31m{known.reveal()} {foreign}"}
        with ServiceWorld([Instance("a", misbehave=lambda h: h.answer(200, body))]) as world:
            check = HttpVerifier(resolve=no_secrets, url=world.url, json={"key_fingerprint": FINGERPRINT}).check(expected())
        assert check.passed is False
        assert known.fingerprint in check.said
        assert known.reveal() not in check.said
        assert foreign not in check.said
        assert "\x1b" not in check.said


class TestInstances:
    def fleet(self, size: int, mark: str) -> list[Instance]:
        return [Instance(f"pod-{n}", holds=mark) for n in range(size)]

    @pytest.mark.parametrize("named_by", [{"instance_json": "pod"}, {"instance_header": "x-instance"}, {"instance_json": "/pod"}])
    def test_all_of_them_have_to_answer_as_expected(self, named_by: dict[str, str]) -> None:
        looks_for = expected()
        fleet = self.fleet(4, looks_for.fingerprint)
        with ServiceWorld(fleet) as world:
            verifier = HttpVerifier(
                resolve=no_secrets,
                url=world.url,
                json={"key_fingerprint": FINGERPRINT},
                instances=4,
                **named_by,  # type: ignore[arg-type]  # names of instances only
            )
            check = verifier.check(looks_for)
            assert (check.passed, check.instances) == (True, (4, 4))
            fleet[3].holds = "old"
            assert verifier.check(looks_for).passed is False
            fleet[3].holds, fleet[2].status = looks_for.fingerprint, 503
            assert verifier.check(looks_for).passed is False
            fleet[2].status = 200
            assert verifier.check(looks_for).passed is True

    def test_one_that_is_never_seen_is_missed(self) -> None:
        looks_for = expected()
        with ServiceWorld(self.fleet(3, looks_for.fingerprint)) as world:
            verifier = HttpVerifier(resolve=no_secrets, url=world.url, instances=4, instance_json="pod")
            check = verifier.check(looks_for)
            assert (check.passed, check.instances) == (False, (3, 4))
            assert "3 of 4" in check.said

    def test_a_balancer_that_always_picks_the_same_is_no_fleet(self) -> None:
        looks_for = expected()
        with ServiceWorld(self.fleet(3, looks_for.fingerprint), sticky=True) as world:
            verifier = HttpVerifier(resolve=no_secrets, url=world.url, instances=3, instance_json="pod")
            assert verifier.check(looks_for).instances == (1, 3)

    def test_an_answer_without_a_name_is_none(self) -> None:
        with ServiceWorld(self.fleet(2, "x")) as world:
            verifier = HttpVerifier(resolve=no_secrets, url=world.url, instances=2, instance_json="host_name")
            check = verifier.check(expected())
            assert (check.passed, check.instances) == (False, (0, 2))

    def test_without_names_that_many_answers_in_a_row_have_to_pass(self) -> None:
        looks_for = expected()
        fleet = self.fleet(3, looks_for.fingerprint)
        with ServiceWorld(fleet) as world:
            verifier = HttpVerifier(resolve=no_secrets, url=world.url, json={"key_fingerprint": FINGERPRINT}, instances=3)
            assert verifier.check(looks_for).instances == (3, 3)
            assert world.gets() == 3
            fleet[2].holds = "old"
            assert verifier.check(looks_for).passed is False

    def test_one_instance_is_asked_once(self) -> None:
        with ServiceWorld(self.fleet(2, "x")) as world:
            assert HttpVerifier(resolve=no_secrets, url=world.url, instance_json="pod").check(expected()).passed
            assert world.gets() == 1

    def test_a_slow_one_in_the_middle_cannot_be_told(self) -> None:
        looks_for = expected()
        fleet = self.fleet(3, looks_for.fingerprint)
        fleet[1].delay = 1.5
        with ServiceWorld(fleet) as world:
            verifier = HttpVerifier(resolve=no_secrets, url=world.url, instances=3, timeout=0.4)
            check = verifier.check(looks_for)
            assert (check.passed, check.instances) == (None, (1, 3))

    def test_flapping_passes_at_most_while_it_is_up(self) -> None:
        looks_for = expected()
        fleet = self.fleet(1, looks_for.fingerprint)
        with ServiceWorld(fleet) as world:
            verifier = HttpVerifier(resolve=no_secrets, url=world.url, json={"key_fingerprint": FINGERPRINT}, instances=2)
            answers = iter([200, 503, 200, 200])

            def flap(handler: Handler) -> None:
                handler.answer(next(answers), {"key_fingerprint": looks_for.fingerprint})

            fleet[0].misbehave = flap
            assert verifier.check(looks_for).passed is False
            assert verifier.check(looks_for).passed is True

    def test_every_address_of_a_host_is_asked(self) -> None:
        looks_for = expected()
        with (
            ServiceWorld([Instance("a", looks_for.fingerprint)]) as one,
            ServiceWorld([Instance("b", looks_for.fingerprint)], address="127.0.0.2", port=one.port) as two,
        ):
            url = f"http://service.internal:{one.port}/"
            verifier = HttpVerifier(
                resolve=no_secrets,
                url=url,
                json={"key_fingerprint": FINGERPRINT},
                look_up=leads_to("::1", "127.0.0.1", "127.0.0.2"),
            )
            assert verifier.check(looks_for).passed is True
            assert (one.gets(), two.gets()) == (1, 1)
            two.instances[0].holds = "old"
            check = verifier.check(looks_for)
            assert (check.passed, "127.0.0.2" in check.said) == (False, True)

    def test_an_address_that_is_down_is_down(self) -> None:
        with ServiceWorld([Instance("a")]) as world:
            url = f"http://service.internal:{world.port}/"
            check = HttpVerifier(resolve=no_secrets, url=url, look_up=leads_to("127.0.0.1", "127.0.0.2")).check(expected())
            assert (check.passed, check.instances) == (False, (1, 2))


class TestCommand:
    def test_read_only_is_what_the_user_declares(self) -> None:
        assert CommandVerifier(argv=["true"]).read_only is False
        assert CommandVerifier(argv=["true"], read_only=True).read_only is True

    def test_what_it_proves(self) -> None:
        assert CommandVerifier(argv=["true"]).proves == "up"
        assert CommandVerifier(argv=["check", f"--key={FINGERPRINT}"]).proves == "holds-key"
        assert CommandVerifier(argv=["true"], proves="key-used").proves == "key-used"

    def test_bad_arguments_are_refused_at_construction(self) -> None:
        for argv in ([], ["check", "{{ new.secret }}"]):
            with pytest.raises(ValueError, match=r"."):
                CommandVerifier(argv=argv)

    def test_no_such_program_and_signals_cannot_be_told(self) -> None:
        assert CommandVerifier(argv=["no-such-program-here"]).check(expected()).passed is None
        killed = CommandVerifier(argv=[sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
        assert killed.check(expected()).passed is None
        assert CommandVerifier(argv=["true", "{{ new.id }}"]).check(Expected("f" * 16)).passed is None

    def test_what_it_prints_is_scrubbed_and_capped(self) -> None:
        key = Secret("known " + secrets.token_hex(12))
        source = "import sys; sys.exit(bytes.fromhex(sys.argv[1]).decode() + 'x' * 9000)"
        halves = key.reveal().encode().hex()
        argv = [sys.executable, "-c", source.replace("sys.argv[1]", f"'{halves[:20]}' + '{halves[20:]}'")]
        check = CommandVerifier(argv=argv).check(expected())
        assert check.passed is False
        assert key.fingerprint in check.said
        assert key.reveal() not in check.said
        assert len(check.said) <= 300


class TestStripeUsage:
    def check(self, last: float | None, *, since: float = 1000.7, sole: bool = True) -> Check:
        return StripeUsageVerifier(last_used=lambda: last, sole_user=sole).check(expected(since))

    def test_proves_that_the_key_was_used(self) -> None:
        assert self.check(1010.0).proves == "key-used"

    @pytest.mark.parametrize(
        ("last", "passed"),
        [(0.0, False), (999.0, False), (1000.0, None), (1001.0, None), (1002.0, True), (1500.0, True), (None, None)],
    )
    def test_our_own_probe_is_never_taken_for_the_service(self, last: float | None, passed: bool | None) -> None:
        assert self.check(last).passed is passed

    def test_several_services_on_one_key_cannot_be_told_apart(self) -> None:
        assert self.check(2000.0, sole=False).passed is None

    def test_without_the_time_of_our_own_probe_nothing_can_be_told(self) -> None:
        assert self.check(2000.0, since=0.0).passed is None

    def test_a_provider_that_does_not_answer(self) -> None:
        def silent() -> float | None:
            raise Unknown("time-out")

        assert StripeUsageVerifier(last_used=silent, sole_user=True).check(expected(1000.0)).passed is None
