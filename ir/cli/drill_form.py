"""The keys page of the drill as text, for a terminal without a browser: it sends the same forms.

It shows what the page shows, masked tokens and a new value included; so it does not print through `Screen`, which would hide them.
"""

import sys
from collections.abc import Callable

from ir.core.errors import Refused
from ir.core.model import Json
from ir.drill.hands.clicks import EXPIRATIONS
from ir.drill.hands.page_client import PageClient

_WIDTH = 79
_OTHER_SCREEN, _BACK = "\x1b[?1049h\x1b[H", "\x1b[?1049l"
_ROW = "c = create secret key   r = create restricted key   or a number   Enter = leave: "
_MENU = "r = Rotate key   e = Expire key   n = name and note   p = access policy\nl = request logs   Enter = back: "

Ask = Callable[[str], str]


class TextForm:
    """One visit.

    Args:
        client: the page.
        ask: a question, answered by a line without its end.
    """

    def __init__(self, client: PageClient, ask: Ask) -> None:
        self._client, self._ask = client, ask

    def run(self) -> None:
        """Until the person leaves."""
        problem = ""
        while True:
            seen = self._client.see("/apikeys")
            live = self._list(seen, problem)
            choice = self._ask(_ROW).strip().lower()
            if not choice:
                return
            problem = self._chosen(choice, live)

    def _chosen(self, choice: str, live: list[Json]) -> str:
        if choice == "c":
            return self._made(self._client.send("/apikeys/create/secret", name=self._ask("Key name: "), note=self._ask("Add a note: ")))
        if choice == "r":
            return self._restricted()
        if choice.isdecimal() and 1 <= int(choice) <= len(live):
            return self._row(live[int(choice) - 1])
        return "There is no such row."

    def _restricted(self) -> str:
        name, note = self._ask("Key name: "), self._ask("Add a note: ")
        _say("Permissions, such as payment_intent_write charge_read; write includes read.")
        wanted = self._ask("Permissions: ").replace(",", " ").split()
        chosen = {f"permission_{resource}": right for resource, _, right in (one.rpartition("_") for one in wanted)}
        return self._made(self._client.send("/apikeys/create/restricted", name=name, note=note, **chosen))

    def _row(self, row: Json) -> str:
        _say(f"\n{row['name']}   {row['token']}")
        choice, path = self._ask(_MENU).strip().lower(), f"/apikeys/{row['id']}"
        if choice == "r":
            return self._rotate(path)
        if choice == "e":
            sure = self._ask(f"Expire {row['name']}, {row['token']}? It cannot be undone. [y/N] ").strip().lower()
            return str(self._client.send(f"{path}/expire")["problem"]) if sure in ("y", "yes") else ""
        if choice == "n":
            return str(self._client.send(f"{path}/edit", name=self._ask("Key name: "), note=self._ask("Note: "))["problem"])
        if choice == "p":
            _say("IPv4 addresses and networks that may use this key; an empty line: any address.")
            return str(self._client.send(f"{path}/policy", addresses=self._ask("IP addresses: "))["problem"])
        if choice == "l":
            self._logs(path)
        return ""

    def _rotate(self, path: str) -> str:
        for number, (words, _) in enumerate(EXPIRATIONS.values(), 1):
            _say(f"  {number} {words}")
        choice = self._ask("Expiration, a number; Enter = cancel: ").strip()
        if not (choice.isdecimal() and 1 <= int(choice) <= len(EXPIRATIONS)):
            return ""
        return self._made(self._client.send(f"{path}/rotate", expiration=list(EXPIRATIONS)[int(choice) - 1]))

    def _made(self, seen: Json) -> str:
        """The dialog with the new value: on a screen of its own, so that nothing of it stays in what can be scrolled back."""
        if "value" not in seen:
            return str(seen["problem"])
        if not sys.stdout.isatty():
            raise Refused("the value of a key is shown at a terminal only", next_step="use the page in a browser")
        sys.stdout.write(_OTHER_SCREEN)
        try:
            _say(f"REHEARSAL · Save your key\n\n{seen['row']['name']}   {seen['row']['token']}\n")
            _say(f"{seen['value']}\n")
            _say("Copy it now: it is shown only this once. Keep this open until ir says that the")
            self._ask("key is stored. Enter = Done: ")
        finally:
            sys.stdout.write(_BACK)
            sys.stdout.flush()
        return ""

    def _logs(self, path: str) -> None:
        for call in self._client.see(f"{path}/logs")["calls"]:
            _say(f"  {call['at']}  {call['status']}  {call['ip']:<15} {call['call']}"[:_WIDTH])

    def _list(self, seen: Json, problem: str) -> list[Json]:
        """The rows that can be chosen, numbered as they stand on the screen."""
        live = [row for row in seen["rows"] if not row["expired"]]
        order = [row for row in live if row["kind"] == "restricted"] + [row for row in live if row["kind"] != "restricted"]
        _say("\nREHEARSAL · Stripe Dashboard · API keys")
        kind = ""
        for number, row in enumerate(order, 1):
            section = "Restricted keys" if row["kind"] == "restricted" else "Standard keys"
            if section != kind:
                _say(f"{section:<43} Token            Last used")
                kind = section
            _say(f"{number:3} {row['name'][:38]:<38}  {row['token']:<16} {row['last_used']}"[:_WIDTH])
            more = "   ".join(part for part in (row["remaining"], row["policy"] and f"only from {row['policy']}", row["note"]) if part)
            if more:
                _say(f"      {more}"[:_WIDTH])
        if problem:
            _say(f"! {problem}")
        return order


def _say(text: str) -> None:
    """A line on the screen, without what could steer a terminal."""
    sys.stdout.write("".join(c if c == "\n" or c.isprintable() else "·" for c in text) + "\n")
    sys.stdout.flush()
