"""The imitation of the Dashboard's page of keys in a real browser: clicked as a person does, and measured wide, narrow, light and dark."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from docs import keys_picture
from ir.core.model import Mode
from ir.drill.twin import Key, StripeTwin, TwinSettings
from tests.programs import CHROMIUM
from tests.worlds.browser import Browser, browser
from tests.worlds.keys_page import Page, keys_page

pytestmark = [CHROMIUM.needed, pytest.mark.xdist_group("report page")]  # one group, so that no two browsers run at once
DESK, PHONE = 1280, 390
LONG = "a key with a name as long as names may be, " * 2
OVER = """[...document.querySelectorAll("body *")].filter(e => e.getClientRects().length && e.clientWidth > 0
  && getComputedStyle(e).display !== "inline" && getComputedStyle(e).overflowY === "visible" && !e.matches(".unseen")
  && e.scrollWidth > e.clientWidth + 1).map(e => e.tagName + "." + e.className)"""
PALE = """(() => {
  const lum = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
    .map(x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
    return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
  const under = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (!c.startsWith("rgba") || c.endsWith(", 1)")) return c; } return "rgb(255, 255, 255)"; };
  return [...document.querySelectorAll("body *")].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())
    && e.getClientRects().length).map(e => { const a = lum(getComputedStyle(e).color), b = lum(under(e));
    return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e.tagName + "." + e.className]; }).filter(([r]) => r < 4.5);
})()"""
"""Text whose contrast is below what WCAG 2.2 asks for (AA, 4.5 to 1)."""


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture
def twin() -> Iterator[StripeTwin]:
    with StripeTwin(seed=4, settings=TwinSettings(mode=Mode.LIVE, death_delay=0.0)) as made:
        made.create_secret_key("payments")
        made.create_secret_key("payments, staging")
        yield made


@pytest.fixture
def page(twin: StripeTwin, window: Browser) -> Iterator[Page]:
    with keys_page(twin) as made:
        window.sized(DESK, 800)
        window.opens(made.server.door.invite())
        window.waits_for("#title, main table")
        yield made


def named(twin: StripeTwin, name: str) -> Key:
    return next(key for key in twin.all_keys() if key.name == name)


def opens_menu(window: Browser, key: Key, entry: str) -> None:
    window.clicks(f"#{key.id} summary")
    window.clicks(f'#{key.id} a[href$="/{entry}"]')


def test_a_rotation_by_mouse_shows_the_value_once(window: Browser, page: Page, twin: StripeTwin) -> None:
    old = named(twin, "payments")
    opens_menu(window, old, "rotate")
    assert "Rotate key" in window.text('[role="dialog"]') and "payments" in window.text('[role="dialog"]')
    window.chooses("select[name=expiration]", "24h")
    window.clicks("button.first")
    new = named(twin, "Secret key")
    assert window.text(".value").strip() == new.token.reveal()
    assert new.token.reveal() not in str(window.reads("location.href"))
    window.clicks(".value")
    assert window.reads("getSelection().toString().trim()") == new.token.reveal(), "one click selects all of it"
    window.opens(f"{page.origin}/apikeys/shown")
    assert window.text(".value") == "" and "is gone" in window.text(".problem")
    assert twin.is_alive(old) and "Expires in" in window.text(f"#{old.id}")


def test_a_second_click_on_a_button_does_nothing(window: Browser, page: Page, twin: StripeTwin) -> None:
    window.clicks('a[href="/apikeys/create/secret"]')
    window.types("input[name=name]", "twice")
    window.clicks("button.first")
    window.reads("history.back()")
    window.waits_for("button.first")
    window.clicks("button.first")
    assert "sent before" in window.text()
    assert len([key for key in twin.all_keys() if key.name in ("twice", "Secret key")]) == 1


def test_the_wrong_row_dies_as_any_other(window: Browser, page: Page, twin: StripeTwin) -> None:
    wrong = named(twin, "payments, staging")
    opens_menu(window, wrong, "expire")
    window.clicks("button.danger")
    assert not twin.is_alive(wrong) and twin.is_alive(named(twin, "payments"))
    window.clicks(".expired summary")
    assert "payments, staging" in window.text(".expired")


def test_without_an_invitation_a_browser_sees_nothing(window: Browser, page: Page) -> None:
    window.forgets()
    window.opens(f"{page.origin}/apikeys")
    assert "was not invited" in window.text() and "payments" not in window.text()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_overflows_and_everything_can_be_read(window: Browser, page: Page, twin: StripeTwin, width: int, *, dark: bool) -> None:
    key = named(twin, "payments")
    page.client.send(f"/apikeys/{key.id}/edit", name=LONG, note="n" * 300)
    page.client.send(f"/apikeys/{key.id}/policy", addresses=" ".join(f"203.0.113.{n}" for n in range(20)))
    window.sized(width, 900, dark=dark)
    dialogs = [f"{key.id}/{word}" for word in ("rotate", "expire", "edit", "policy", "logs")]
    for path in ("/apikeys", "/elsewhere", "/none", *(f"/apikeys/{word}" for word in (*dialogs, "create/secret", "create/restricted"))):
        window.opens(page.origin + path)
        assert (window.reads("document.documentElement.scrollWidth"), window.reads(OVER)) == (width, []), path
        assert window.reads(PALE) == [], path
        assert "Rehearsal" in window.text() or "REHEARSAL" in window.text()
    window.opens(f"{page.origin}/apikeys")
    window.clicks(f"#{key.id} summary")
    box = window.reads(
        f"(() => {{ const r = document.querySelector('#{key.id} ul').getBoundingClientRect(); return [r.left, r.right]; }})()"
    )
    assert isinstance(box, list) and box[0] >= 0 and box[1] <= width, "the menu stands on the screen"


def test_the_picture_of_the_readme_can_be_taken_anew(tmp_path: Path) -> None:
    picture = tmp_path / "page.webp"
    keys_picture.take(picture)
    data = picture.read_bytes()
    assert (data[:4], data[8:12]) == (b"RIFF", b"WEBP") and 10_000 < len(data) < 100_000
