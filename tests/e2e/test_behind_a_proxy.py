"""A machine whose only way to Stripe is a company's proxy, which opens TLS and wants a login."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ir.core.errors import ExitCode
from tests.worlds.forward_proxy import ForwardProxy
from tests.worlds.responder import Responder, ended, responder


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[ForwardProxy]:
    with ForwardProxy(tmp_path, {}, login="ir:word") as world:
        yield world


@pytest.fixture
def world(tmp_path: Path, proxy: ForwardProxy) -> Iterator[Responder]:
    with responder(tmp_path / "world") as made:
        inventory = made.folder / "inventory.yaml"
        inventory.write_text(inventory.read_text().replace(f', api_base: "{made.twin.url}"', ""))
        proxy.behind["api.stripe.com"] = made.twin.url
        yield made


def behind(proxy: ForwardProxy, login: str, *, trusted: bool = True) -> dict[str, str]:
    return {name: value for name, value in proxy.environment(login=login, trusted=trusted).items() if value is not None}


def test_a_rotation_goes_through_the_proxy(world: Responder, proxy: ForwardProxy) -> None:
    world.more = behind(proxy, "ir:word")
    code, said = ended(world.rotate())
    assert code == ExitCode.DONE, said
    assert world.is_whole() == ""
    assert set(proxy.asked) == {"CONNECT api.stripe.com:443"}, "services and stores on this machine take no proxy"


@pytest.mark.parametrize(
    ("login", "trusted", "told"), [("ir:word", False, "SSL_CERT_FILE"), ("", True, "HTTP 407"), ("ir:other", True, "HTTP 407")]
)
def test_what_is_missing_is_said_and_nothing_is_changed(
    world: Responder, proxy: ForwardProxy, login: str, trusted: bool, told: str
) -> None:
    world.more = behind(proxy, login, trusted=trusted)
    code, said = ended(world.rotate())
    assert code == ExitCode.REFUSED and told in " ".join(said.split()), said
    assert world.live() == [] and world.twin.is_alive(world.leaked)
