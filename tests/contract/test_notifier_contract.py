"""What every notifier keeps to (`ir.ports.Notifier`); the receiver is real. A new adapter joins with one line in `ADAPTERS`."""

import os
from collections.abc import Callable, Iterator

import pytest

from ir.adapters.notifiers import NOTIFIERS
from ir.adapters.notifiers.apprise import AppriseNotifier
from ir.core.errors import Missing, PortError, Rejected, Unknown
from ir.core.secret import Secret
from ir.ports import Notifier
from tests.worlds.receiver import Receiver

Make = Callable[[Callable[[], Secret], float], Notifier]


def _apprise(resolve: Callable[[], Secret], timeout: float) -> Notifier:
    return AppriseNotifier(resolve, timeout=timeout)


ADAPTERS: dict[str, Make] = {"apprise": _apprise}


@pytest.fixture(params=ADAPTERS)
def make(request: pytest.FixtureRequest) -> Make:
    return ADAPTERS[request.param]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as world:
        yield world


def test_every_notifier_has_joined() -> None:
    assert set(ADAPTERS) == set(NOTIFIERS)


def test_a_message_arrives_as_it_stands(make: Make, receiver: Receiver) -> None:
    body = "first line\n{{ new.fingerprint }} ${HOME} \\n :smile: <b>**x**</b>"
    said = make(lambda: Secret(receiver.url), 60.0).notify("INC-1 waits for you", body, urgent=True)
    assert [(row["title"], row["message"]) for row in receiver.got] == [("INC-1 waits for you", body)]
    assert receiver.got[0]["type"] == "warning"
    assert "T0KEN" not in said and "127.0.0.1" not in said


@pytest.mark.parametrize(("status", "error"), [(403, Rejected), (404, Rejected), (429, Unknown), (500, Unknown), (302, Unknown)])
def test_a_service_that_does_not_take_it(make: Make, receiver: Receiver, status: int, error: type[PortError]) -> None:
    receiver.status = status
    with pytest.raises(error) as caught:
        make(lambda: Secret(receiver.url), 60.0).notify("title", "body", urgent=False)
    told = f"{caught.value.what} {caught.value.next_step} {caught.value.__cause__}"
    assert "T0KEN" not in told and type(caught.value) is error


def test_a_service_that_says_nothing_is_unknown_within_the_time(make: Make, receiver: Receiver) -> None:
    receiver.silent = 30.0
    with pytest.raises(Unknown):
        make(lambda: Secret(receiver.url), 2.0).notify("title", "body", urgent=False)


def test_an_address_that_is_none(make: Make) -> None:
    with pytest.raises(Rejected):
        make(lambda: Secret("what is this"), 60.0).notify("title", "body", urgent=False)


def test_an_address_that_cannot_be_read(make: Make) -> None:
    def gone() -> Secret:
        raise Missing("the environment variable X is not set")

    with pytest.raises(Missing):
        make(gone, 5.0).notify("title", "body", urgent=False)


def test_nothing_is_kept_on_disk(make: Make, receiver: Receiver, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    home = str(tmp_path)
    monkeypatch.setenv("HOME", home)
    make(lambda: Secret(receiver.url), 60.0).notify("title", "body", urgent=False)
    assert os.listdir(home) == []  # noqa: PTH208 - names only
    assert len(receiver.got) == 1
