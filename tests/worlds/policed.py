"""A small real world whose key lies in a store that enforces policies; `ir` runs with what a policy allows and no more."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ir.core.model import Mode
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.drill.twin import StripeTwin, TwinSettings
from tests.worlds.responder import PLAYBOOK, KeyHolder, ended, environment_of, private
from tests.worlds.started import start


class Policed:
    """One key, one service, the Stripe App's key beside it in the same kind of store.

    Args:
        place: put a value into the store as its owner; where it is.
        seen: what a service reads there.
    """

    def __init__(self, folder: Path, twin: StripeTwin, place: Callable[[Secret], Reference], seen: Callable[[Reference], str]) -> None:
        self.folder, self.twin, self._seen = folder, twin, seen
        self.leaked = twin.create_secret_key("payments")
        self.ref = place(Secret(self.leaked.token.reveal()))
        self.app = place(Secret(twin.create_app_key().token.reveal()))
        self.service = KeyHolder(lambda: seen(self.ref))
        private(folder / "quick.yaml", PLAYBOOK.format(policy="exposed", contain=""))
        private(folder / "inventory.yaml", self._inventory())

    def policy(self, name: str) -> str:
        """The document that `ir inventory policies` prints."""
        code, said = self._ir({}, "inventory", "policies", "inventory.yaml", "--only", name)
        assert code == 0, said
        return said

    def lines(self, name: str) -> list[dict[str, str]]:
        """The same as data."""
        code, said = self._ir({}, "inventory", "policies", "inventory.yaml", "--only", name, "--json")
        assert code == 0, said
        found: list[dict[str, str]] = json.loads(said)["policies"][0]["lines"]
        return found

    def rotate(self, settings: Mapping[str, str | None]) -> tuple[int, str]:
        """A whole rotation with these settings of the store."""
        return self._ir(settings, "rotate", "stripe", "--inventory", "inventory.yaml", "--playbook", "./quick.yaml", "--yes")

    def is_whole(self) -> bool:
        """The leaked key is dead, and the service is on the only other key."""
        live = [key.token.reveal() for key in self.twin.live_keys() if key.name.startswith(("ir-", "payments"))]
        return not self.twin.is_alive(self.leaked) and live == [self._seen(self.ref)] == [self.service.key]

    def _ir(self, settings: Mapping[str, str | None], *argv: str) -> tuple[int, str]:
        more = {name: value for name, value in settings.items() if value is not None}
        return ended(start(*argv, cwd=self.folder, env={**environment_of(self.folder), **more}))

    def _inventory(self) -> str:
        check = '{http: "' + self.url + '/healthz", expect: {json: {key_fingerprint: "{{ new.fingerprint }}"}}}'
        return f"""\
version: 1
accounts:
  - {{name: main, id: {self.twin.account}, mode: test, issuer: managed, app_key: "{self.app}", api_base: "{self.twin.url}"}}
keys:
  - {{name: payments, account: main, kind: secret, permissions: [charge_read, balance_read], stored_in: ["{self.ref}"]}}
services:
  - {{name: shop, uses: [payments], reads_from: "{self.ref}", wave: canary, reload: {{http: "{self.url}/reload"}}, verify: [{check}]}}
"""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.service.server_port}"


@contextmanager
def policed(folder: Path, place: Callable[[Secret], Reference], seen: Callable[[Reference], str]) -> Iterator[Policed]:
    """A world in a folder of its own."""
    folder.mkdir(parents=True)
    with StripeTwin(settings=TwinSettings(mode=Mode.TEST, death_delay=0.2, narrow_delay=0.1)) as twin:
        made = Policed(folder, twin, place, seen)
        with made.service:
            yield made
