"""The page of keys: it turns an address or a form into a page, without sockets or cookies."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ir.core.model import Json
from ir.core.resources import shipped_folder
from ir.drill.hands import rows
from ir.drill.hands.clicks import EXPIRATIONS, RESOURCES, Clicks, Refused
from ir.drill.twin import Key, StripeTwin

LIST, SHOWN, ELSEWHERE = "/apikeys", "/apikeys/shown", "/elsewhere"
_DIALOGS = frozenset({"rotate", "expire", "edit", "policy", "logs"})
_LOST = "The value was shown once, and is gone. Create or rotate another key, and expire the one whose value is lost."


@dataclass(frozen=True)
class Answer:
    """The answer; with `location` the browser goes on there."""

    status: int
    body: str = ""
    kind: str = "text/html; charset=utf-8"
    location: str = ""


class Shop(Protocol):
    """The owner of the Dashboard; `ir.drill.embedded.stripe_account.Account` is one."""

    @property
    def twin(self) -> StripeTwin:
        """Where its keys are."""
        ...

    @property
    def loot(self) -> list[str]:
        """Paths of what a stranger left behind."""
        ...

    def remove(self, path: str) -> None:
        """One of them."""
        ...


class KeysPage:
    """The page of keys of one shop.

    Args:
        account: whose keys they are.
        clicks: takes the forms.
        form: gives the mark of a new form.
    """

    def __init__(self, account: Shop, clicks: Clicks, form: Callable[[], str]) -> None:
        self._account, self._clicks, self._form = account, clicks, form
        self._lock = threading.Lock()
        self._value: tuple[Key, str] | None = None

    def get(self, path: str, *, as_json: bool) -> Answer:
        """A page, or what is on it."""
        if path == SHOWN:
            return self._shown(as_json=as_json)
        if path == ELSEWHERE:
            return self._page("elsewhere", as_json=as_json, loot=list(self._account.loot))
        if path in (LIST, f"{LIST}/create/secret", f"{LIST}/create/restricted"):
            return self._page(path.removeprefix(LIST).strip("/"), as_json=as_json)
        words = path.removeprefix(f"{LIST}/").split("/")
        if not path.startswith(f"{LIST}/") or len(words) != 2 or words[1] not in _DIALOGS:
            return self._page("", status=404, as_json=as_json, problem="There is no such page.")
        return self._dialog(words[0], words[1], as_json=as_json)

    def post(self, path: str, fields: Mapping[str, str], *, as_json: bool) -> Answer:
        """A form that was sent. Whatever it did, the browser is sent on to look at it."""
        try:
            return Answer(303, location=self._done(path, fields))
        except Refused as refused:
            return self._again(path, str(refused), as_json=as_json)

    def sent_before(self, *, as_json: bool) -> Answer:
        """The form is none of ours, or was sent already: a second click does nothing."""
        return self._page("", status=409, as_json=as_json, problem="This form was sent before, or is too old. Nothing was done.")

    def _done(self, path: str, fields: Mapping[str, str]) -> str:
        if path in (f"{LIST}/create/secret", f"{LIST}/create/restricted"):
            return self._to_show(self._clicks.create({**fields, "kind": path.rpartition("/")[2]}))
        if path == ELSEWHERE:
            self._account.remove(fields.get("left", ""))
            return ELSEWHERE
        ident, _, word = path.removeprefix(f"{LIST}/").partition("/")
        if word == "rotate":
            return self._to_show(self._clicks.rotate(ident, fields))
        if word == "expire":
            self._clicks.expire(ident)
        elif word == "edit":
            self._clicks.edit(ident, fields)
        elif word == "policy":
            self._clicks.attach_policy(ident, fields)
        else:
            raise Refused("There is no such form.")
        return LIST

    def _to_show(self, key: Key) -> str:
        with self._lock:
            self._value = key, key.token.reveal()
        return SHOWN

    def _shown(self, *, as_json: bool) -> Answer:
        """The new key's value, once."""
        with self._lock:
            found, self._value = self._value, None
        if found is None:
            return self._page("", status=410, as_json=as_json, problem=_LOST)
        return self._page("shown", as_json=as_json, row=self._row(found[0]), value=found[1])

    def _dialog(self, ident: str, word: str, *, as_json: bool, status: int = 200, problem: str = "") -> Answer:
        try:
            key = self._clicks.key(ident)
        except Refused as refused:
            return self._page("", status=404, as_json=as_json, problem=str(refused))
        more: Json = {"calls": rows.calls(self._account.twin, key)} if word == "logs" else {}
        return self._page(word, status=status, as_json=as_json, problem=problem, row=self._row(key), **more)

    def _again(self, path: str, problem: str, *, as_json: bool) -> Answer:
        """The same dialog with what is wrong; what was typed is not shown again, since it may be a key."""
        words = path.removeprefix(f"{LIST}/").split("/")
        if len(words) == 2 and words[1] in _DIALOGS:
            return self._dialog(words[0], words[1], as_json=as_json, status=422, problem=problem)
        shown = path.removeprefix(f"{LIST}/") if path.startswith(f"{LIST}/create/") else ""
        return self._page(shown, status=422, as_json=as_json, problem=problem)

    def _row(self, key: Key) -> rows.Row:
        return rows.row(key, self._account.twin.now)

    def _page(self, dialog: str, *, as_json: bool, status: int = 200, problem: str = "", **more: Any) -> Answer:
        shown, mark = rows.rows(self._account.twin), self._form()
        if as_json:
            told = {name: value.to_json() if isinstance(value, rows.Row) else value for name, value in more.items()}
            body = {"rehearsal": True, "form": mark, "problem": problem, "rows": [one.to_json() for one in shown], **told}
            return Answer(status, json.dumps(body), "application/json")
        view = {
            "account": self._account.twin.account,
            "mode": self._account.twin.settings.mode.value,
            "rows": shown,
            "dialog": dialog,
            "problem": problem,
            "form": mark,
            "row": None,
            "value": "",
            "calls": [],
            "loot": [],
            "expirations": [(value, words) for value, (words, _) in EXPIRATIONS.items()],
            "resources": RESOURCES,
            **more,
        }
        return Answer(status, _environment().get_template("keys_page.html.j2").render(**view))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(shipped_folder("templates")),
        auto_reload=False,
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def welcome() -> str:
    """The page that takes the cookie: a link of the page's own, so that a strict cookie goes along."""
    return _environment().get_template("keys_welcome.html.j2").render(problem="")


def turned_away(problem: str) -> str:
    """For everybody who may not come in."""
    return _environment().get_template("keys_welcome.html.j2").render(problem=problem)


def style() -> str:
    """The style sheet."""
    return (shipped_folder("templates") / "keys_page.css").read_text(encoding="utf-8")
