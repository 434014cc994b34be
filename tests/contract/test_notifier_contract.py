"""What every notifier keeps to (`ir.ports.Notifier`); the receiver is real. A new adapter joins with one line in `ADAPTERS`."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ir.adapters.notifiers import NOTIFIERS, apprise
from ir.adapters.notifiers.apprise import AppriseNotifier
from ir.core.errors import Missing, PortError, Rejected, Unknown
from ir.core.secret import Secret
from ir.ports import Notifier
from tests.worlds.forward_proxy import ForwardProxy
from tests.worlds.receiver import Receiver
from tests.worlds.surroundings import environment

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


OF_THE_TEXT, OF_THE_URL = (400, 413, 422), (401, 403, 404, 410)


@pytest.mark.parametrize(("status", "todo"), [*((one, "text") for one in OF_THE_TEXT), *((one, "URL") for one in OF_THE_URL)])
def test_what_to_do_about_a_refusal(receiver: Receiver, status: int, todo: str) -> None:
    receiver.status = status
    with pytest.raises(Rejected) as caught:
        AppriseNotifier(lambda: Secret(receiver.url), timeout=60.0).notify("title", "body", urgent=False)
    assert todo in caught.value.next_step


CARD = "workflows://host.example/workflow-id/signature"
LIMITS: dict[str, tuple[str, int, Callable[[Any], str]]] = {
    "pagerduty://integration@" + "a" * 32: ("events.pagerduty.com", 1024, lambda got: got["payload"]["summary"]),
    "pover://" + "u" * 30 + "@" + "a" * 30: ("api.pushover.net", 1024, lambda got: got["message"]),
    CARD: ("host.example", 1000, lambda got: got["attachments"][0]["content"]["body"][-1]["text"]),
}


@pytest.mark.parametrize("url", LIMITS, ids=lambda url: url.partition(":")[0])
def test_a_long_text_is_cut_to_what_the_service_takes(url: str, receiver: Receiver, tmp_path: Path) -> None:
    """They refuse a longer one whole, with a 400."""
    host, most, text_of = LIMITS[url]
    first, title = "the leaked key is alive", "INC-1 waits for you"
    with ForwardProxy(tmp_path, {host: receiver.http}) as proxy, environment(**proxy.environment()):
        AppriseNotifier(lambda: Secret(url), timeout=60.0).notify(title, f"{first}\n" + "a line of the report\n" * 500, urgent=True)
        AppriseNotifier(lambda: Secret(url), timeout=60.0).notify(title, first, urgent=True)
    long, short = (text_of(got) for got in receiver.got)
    assert len(long) <= most and first in long and first in short


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


def test_where_apprise_is_left_out_the_notice_says_what_brings_it(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the environment of `make drill`."""
    monkeypatch.setattr(apprise, "find_spec", lambda _name: None)
    with pytest.raises(Rejected, match="apprise, which is not installed") as caught:
        AppriseNotifier(lambda: Secret(receiver.url)).notify("title", "body", urgent=False)
    assert caught.value.next_step == "pip install 'apprise>=2.2'" and not receiver.got
