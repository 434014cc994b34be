"""The imitation of the Dashboard's page of keys: what it does, and who may use it."""

import re
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pytest

from ir.core.model import Mode
from ir.drill.hands.clicks import Did
from ir.drill.twin import Key, StripeTwin, TwinSettings
from tests.worlds.keys_page import Page, keys_page

FORM = "application/x-www-form-urlencoded"
REAL = "sk_" + "live_" + "51Zz9Yy8Xx7Ww6Vv5" * 4
HOSTILE = '<script>document.title="x"</script>"\'><b>&amp;{{ 7 * 7 }}'


@pytest.fixture
def twin() -> Iterator[StripeTwin]:
    with StripeTwin(seed=3, settings=TwinSettings(mode=Mode.LIVE, death_delay=0.0)) as made:
        made.create_secret_key("payments")
        made.create_restricted_key(("charge_read",), "reports")
        yield made


@pytest.fixture
def page(twin: StripeTwin) -> Iterator[Page]:
    with keys_page(twin, lambda value: ("env",) if twin.key(value).name == "payments" else ()) as made:
        yield made


def named(twin: StripeTwin, name: str) -> Key:
    return next(key for key in twin.all_keys() if key.name == name)


def ask(page: Page, method: str, path: str, body: str = "", **changed: str | None) -> tuple[int, dict[str, str], str]:
    """As a browser that was invited; `changed` headers, None leaves one out."""
    usual: dict[str, str | None] = {
        "Host": urlsplit(page.origin).netloc,
        "Cookie": page.cookie,
        "Origin": page.origin,
        "Content-Type": FORM,
    }
    usual.update({name.replace("_", "-"): value for name, value in changed.items()})
    headers = {name: value for name, value in usual.items() if value is not None}
    line = HTTPConnection(urlsplit(page.origin).netloc, timeout=10)
    line.putrequest(method, path, skip_host=True)
    for name, value in {**headers, "Content-Length": str(len(body.encode()))}.items():
        line.putheader(name, value)
    line.endheaders(body.encode())
    answer = line.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    line.close()
    return found


def form(page: Page, **fields: str) -> str:
    return urlencode({"form": page.client.see("/apikeys")["form"], **fields})


# ── what it does ──


def test_a_key_is_created_and_its_value_is_shown_once(page: Page, twin: StripeTwin) -> None:
    seen = page.client.send("/apikeys/create/secret", name="ir-INC-1", note="in the vault")
    made = named(twin, "ir-INC-1")
    assert (seen["value"], made.note) == (made.token.reveal(), "in the vault")
    again = page.client.see("/apikeys/shown")
    assert "value" not in again and "is gone" in again["problem"]
    assert [click.did for click in page.clicks.all] == [Did.CREATED]


def test_a_restricted_key_gets_the_permissions_that_were_chosen(page: Page, twin: StripeTwin) -> None:
    page.client.send("/apikeys/create/restricted", name="narrow", permission_charge="read", permission_payment_intent="write")
    assert named(twin, "narrow").permissions == frozenset({"charge_read", "payment_intent_write"})
    assert "Choose Read or Write" in page.client.send("/apikeys/create/restricted", name="nothing")["problem"]


@pytest.mark.parametrize(("value", "lives"), [("now", False), ("1h", True), ("24h", True), ("7d", True)])
def test_a_rotation_makes_a_key_and_the_old_one_dies_at_its_expiration(page: Page, twin: StripeTwin, value: str, *, lives: bool) -> None:
    old = named(twin, "payments")
    seen = page.client.send(f"/apikeys/{old.id}/rotate", expiration=value)
    assert seen["value"] == named(twin, "Secret key").token.reveal()
    assert twin.is_alive(old) is lives
    row = next(row for row in seen["rows"] if row["id"] == old.id)
    assert (row["expired"], row["remaining"].startswith("Expires in")) == (not lives, lives)
    click = page.clicks.all[-1]
    assert (click.key, click.made, click.in_use) == (old.id, named(twin, "Secret key").id, ("env",))


def test_the_wrong_row_is_not_known_to_be_wrong(page: Page, twin: StripeTwin) -> None:
    other = named(twin, "reports")
    page.client.send(f"/apikeys/{other.id}/expire")
    assert not twin.is_alive(other) and twin.is_alive(named(twin, "payments"))
    assert "expired already" in page.client.send(f"/apikeys/{other.id}/rotate", expiration="now")["problem"]


def test_a_publishable_key_can_only_be_rotated(page: Page, twin: StripeTwin) -> None:
    row = next(row for row in page.client.see("/apikeys")["rows"] if row["kind"] == "publishable")
    assert "cannot be expired" in page.client.send(f"/apikeys/{row['id']}/expire")["problem"]
    assert f"{row['id']}/expire" not in ask(page, "GET", "/apikeys")[2]


def test_an_access_policy_lets_in_the_addresses_that_it_names(page: Page, twin: StripeTwin) -> None:
    key = named(twin, "payments")
    for wrong in ("not an address", "203.0.113.0/33", " ".join(["203.0.113.1"] * 21)):
        assert page.client.send(f"/apikeys/{key.id}/policy", addresses=wrong)["problem"]
    page.client.send(f"/apikeys/{key.id}/policy", addresses="203.0.113.7, 198.51.100.0/28")
    assert list(key.ip_allowlist) == ["203.0.113.7", "198.51.100.0/28"]
    page.client.send(f"/apikeys/{key.id}/policy", addresses="")
    assert list(key.ip_allowlist) == []


def test_name_note_and_permissions_are_edited(page: Page, twin: StripeTwin) -> None:
    key = named(twin, "reports")
    page.client.send(f"/apikeys/{key.id}/edit", name="reports, old", note="to go", permission_customer="read")
    assert (key.name, key.note, key.written) == ("reports, old", "to go", frozenset({"customer_read"}))


def test_a_key_that_is_typed_into_a_form_is_refused_and_not_kept(page: Page, twin: StripeTwin) -> None:
    before, key = len(twin.all_keys()), named(twin, "payments")
    for path, field in (
        ("create/secret", "name"),
        ("create/secret", "note"),
        (f"{key.id}/edit", "note"),
        (f"{key.id}/policy", "addresses"),
    ):
        status, _, body = ask(page, "POST", f"/apikeys/{path}", form(page, **{field: f" {REAL}\n"}))
        assert status == 422 and "It was not kept" in body and REAL not in body
    assert len(twin.all_keys()) == before
    assert REAL not in "".join(f"{key.name}{key.note}" for key in twin.all_keys()) + str(page.clicks.all)
    assert [click.did for click in page.clicks.all] == [Did.PASTED] * 4


# ── who may use it ──


def test_an_invitation_works_once_and_then_a_cookie_does(page: Page) -> None:
    path = page.server.door.invite().removeprefix(page.origin)
    status, headers, body = ask(page, "GET", path, Cookie=None)
    assert status == 200 and 'url=/apikeys"' in body
    assert re.fullmatch(rf"{page.cookie}; Path=/; HttpOnly; SameSite=Strict", headers["set-cookie"])
    assert ask(page, "GET", path, Cookie=None)[0] == 403
    assert ask(page, "GET", "/apikeys", Cookie=None)[0] == 403
    assert ask(page, "GET", "/apikeys")[0] == 200


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Cookie": None}, 403),
        ({"Cookie": "rehearsal_1=x"}, 403),
        ({"Origin": None}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Host": "rebound.example"}, 403),
        ({"Host": "localhost"}, 403),
        ({"Content_Type": "text/plain"}, 413),
        ({"Content_Type": None}, 413),
    ],
)
def test_nobody_else_can_send_a_form(page: Page, twin: StripeTwin, changed: dict[str, str | None], status: int) -> None:
    before, body = len(twin.all_keys()), form(page, name="stranger's")
    assert ask(page, "POST", "/apikeys/create/secret", body, **changed)[0] == status
    assert len(twin.all_keys()) == before and page.clicks.all == []


def test_a_form_is_taken_once_and_only_if_it_is_ours(page: Page, twin: StripeTwin) -> None:
    body = form(page, name="once")
    assert ask(page, "POST", "/apikeys/create/secret", body)[0] == 303
    status, _, said = ask(page, "POST", "/apikeys/create/secret", body)
    assert status == 409 and "Nothing was done" in said
    assert ask(page, "POST", "/apikeys/create/secret", urlencode({"name": "forged"}))[0] == 409
    assert [key.name for key in twin.all_keys()].count("once") == 1


def test_another_name_of_this_machine_sees_nothing(page: Page) -> None:
    status, _, body = ask(page, "GET", "/apikeys", Host="rebound.example")
    assert status == 403 and "payments" not in body


def test_what_is_too_long_is_not_read(page: Page) -> None:
    assert ask(page, "POST", "/apikeys/create/secret", form(page, note="x" * 40_000))[0] == 413
    many = "&".join(f"f{number}=1" for number in range(300))
    assert ask(page, "POST", "/apikeys/create/secret", form(page) + "&" + many)[0] == 413


@pytest.mark.parametrize("path", ["/apikeys", "/apikeys/shown", "/nothing", "/style.css", "/elsewhere", "/apikeys/mk_x/rotate"])
def test_every_answer_says_rehearsal_is_kept_by_nobody_and_runs_nothing(page: Page, path: str) -> None:
    status, headers, body = ask(page, "GET", path)
    assert headers["cache-control"] == "no-store" and headers["x-frame-options"] == "DENY"
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'; form-action 'self'")
    assert "<script" not in body and " on" + "click" not in body and "style=" not in body
    assert path == "/style.css" or body.count("Rehearsal") >= 2
    assert status in (200, 404, 410)


def test_what_a_person_types_is_text_on_the_page(page: Page, twin: StripeTwin) -> None:
    page.client.send("/apikeys/create/secret", name=HOSTILE, note=HOSTILE)
    key = next(key for key in twin.all_keys() if "script" in key.name)
    for path in ("/apikeys", *(f"/apikeys/{key.id}/{word}" for word in ("rotate", "expire", "edit", "policy", "logs"))):
        body = ask(page, "GET", path)[2]
        assert "<script" not in body and "<b>" not in body and "49" not in re.sub(r"\d\d:\d\d:\d\d|[A-Za-z0-9_-]{8,}", "", body)


@pytest.mark.parametrize(
    "path", ["/apikeys/../apikeys", "/apikeys//", "/apikeys/mk_none/expire", "/apikeys/%00/edit", "/create", "//evil.example/"]
)
def test_there_is_nothing_else(page: Page, path: str) -> None:
    assert ask(page, "GET", path)[0] == 404
    assert ask(page, "POST", path, form(page))[0] in (404, 422)


def test_a_key_is_not_named_by_its_value(page: Page, twin: StripeTwin) -> None:
    value = named(twin, "payments").token.reveal()
    status, _, body = ask(page, "GET", f"/apikeys/{value}/logs")
    assert status == 404 and value not in body
    status, _, body = ask(page, "POST", f"/apikeys/{value}/expire", form(page))
    assert status == 404 and value not in body and twin.is_alive(value)
