"""What each client of ours guarantees, whoever wrote the code under it: what a library would have to pass unchanged to take its place.

The one rule of proxies is in `test_way_out`; that the address which was checked is the one that is called, in `test_http_edge_contract`.
"""

import contextlib
import logging
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from ir.adapters.stores.conjur.store import ConjurStore
from ir.adapters.stores.vault.kv_store import VaultStore
from ir.clients.http_client import HttpEdge
from ir.clients.stripe_api import StripeApi
from ir.core.errors import IrError, PortError, Unknown
from ir.core.reference import parse
from ir.core.secret import Secret
from ir.review.sql.other_engines import _Server
from tests.worlds.bad_server import FLOOD, bad_server
from tests.worlds.stores import key
from tests.worlds.surroundings import environment

PATIENCE = 0.6
"""Seconds that a call may take."""
LARGEST = 80 << 20
"""Bytes that a client may have taken in, and the buffers on the way, before it gives an answer up."""
Ask = Callable[[str, Secret, Path], object]


def _stripe(address: str, held: Secret, _folder: Path) -> object:
    return StripeApi(address, timeout=PATIENCE).get(held, "/v1/balance")


def _service(address: str, held: Secret, _folder: Path) -> object:
    edge = HttpEdge({"127.0.0.1"}, lambda _ref: held)
    return edge.call("GET", f"{address}/healthz", headers={"Authorization": "env://TOKEN"}, timeout=PATIENCE)


def _vault(address: str, held: Secret, _folder: Path) -> object:
    with environment(VAULT_ADDR=address, VAULT_TOKEN=held.reveal(), VAULT_NAMESPACE=None):
        return VaultStore(parse("vault://secret/a#b"), timeout=PATIENCE).read()


def _conjur(address: str, held: Secret, folder: Path) -> object:
    (folder / "token").write_text(held.reveal())
    settings = {"CONJUR_APPLIANCE_URL": address, "CONJUR_ACCOUNT": "acme", "CONJUR_AUTHN_TOKEN_FILE": str(folder / "token")}
    with environment(**settings):
        return ConjurStore(parse("conjur://acme/a"), timeout=PATIENCE).read()


def _clickhouse(address: str, held: Secret, _folder: Path) -> object:
    with environment(CLICKHOUSE_PASSWORD=held.reveal()):
        return _Server(address.replace("http://", "clickhouse://"), timeout=PATIENCE).send("SELECT 1")


CLIENTS: dict[str, Ask] = {"stripe": _stripe, "service": _service, "vault": _vault, "conjur": _conjur, "clickhouse": _clickhouse}


@pytest.fixture(params=CLIENTS)
def ask(request: pytest.FixtureRequest) -> Ask:
    return CLIENTS[request.param]


def _failed(ask: Ask, address: str, held: Secret, folder: Path) -> IrError:
    with pytest.raises(PortError) as caught:
        ask(address, held, folder)
    return caught.value


@pytest.mark.server
@pytest.mark.parametrize("how", ["drip body", "drip head"])
def test_the_deadline_is_over_the_whole_call(ask: Ask, how: str, tmp_path: Path) -> None:
    with bad_server(how) as server:
        begun = time.monotonic()
        error = _failed(ask, server.address, key(), tmp_path)
        assert time.monotonic() - begun < PATIENCE + 2.0
        assert isinstance(error, Unknown), "a time-out is never a refusal"


@pytest.mark.server
@pytest.mark.parametrize("name", ["stripe", "service", "conjur"])
def test_a_flood_is_given_up(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its size, with time enough; what Vault and ClickHouse answer is bounded by time alone."""
    monkeypatch.setattr(f"{__name__}.PATIENCE", 60.0)
    with bad_server("flood") as server:
        _failed(CLIENTS[name], server.address, key(), tmp_path)
        assert server.sent < LARGEST < FLOOD


@pytest.mark.server
def test_a_redirect_carries_nothing_elsewhere(ask: Ask, tmp_path: Path) -> None:
    with bad_server("fail") as other, bad_server("redirect", other.address) as server:
        with contextlib.suppress(PortError):
            ask(server.address, key(), tmp_path)
        assert server.asked == 1 and other.asked == 0


@pytest.mark.server
@pytest.mark.parametrize("how", ["fail", "break off"])
def test_nothing_is_tried_again_unless_its_caller_says_so(ask: Ask, how: str, tmp_path: Path) -> None:
    with bad_server(how) as server:
        with contextlib.suppress(PortError):
            ask(server.address, key(), tmp_path)
        assert server.asked == 1


@pytest.mark.server
def test_no_login_is_found_in_netrc(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    (tmp_path / ".netrc").chmod(0o600)
    with bad_server("fail") as server, environment(HOME=str(tmp_path), NETRC=str(tmp_path / ".netrc")):
        with contextlib.suppress(PortError):
            ask(server.address, key(), tmp_path)
        assert server.logins and not any(login.startswith("Basic") for login in server.logins)


@pytest.mark.server
def test_a_login_in_an_address_is_never_sent(ask: Ask, tmp_path: Path) -> None:
    with bad_server("fail") as server:
        with contextlib.suppress(IrError, ValueError):
            ask(server.address.replace("http://", "http://somebody:else@"), key(), tmp_path)
        assert not any(login.startswith("Basic") for login in server.logins)


@pytest.mark.server
@pytest.mark.parametrize("how", ["drip body", "break off", "fail", "redirect"])
def test_no_key_is_in_an_exception_or_a_log(ask: Ask, how: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    held = key()
    caplog.set_level(logging.DEBUG)
    with bad_server(how, "http://127.0.0.1:1") as server:
        error = _error(ask, server.address, held, tmp_path)
    assert server.asked == 1
    told = "".join(traceback.format_exception(error)) + repr(vars(error)) if error else ""
    assert error is None or (error.__cause__ is None and (error.__context__ is None or error.__suppress_context__))
    logged = caplog.text + " ".join(str(row.args) for row in caplog.records)
    assert held.reveal() not in told and held.reveal() not in logged


def _error(ask: Ask, address: str, held: Secret, folder: Path) -> PortError | None:
    """None: the client reports an answer like any other, and leaves what it means to its caller."""
    try:
        ask(address, held, folder)
    except PortError as error:
        return error
    return None
