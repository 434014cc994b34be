"""Where a session happens: a small world whose leaked key a person replaces, and the page that they click on."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ir.core.model import Json
from ir.drill.twin import Key
from tests.hands.reading import QUICK
from tests.worlds.keys_page import Page, keys_page
from tests.worlds.responder import Responder, read, responder

NAME = "payments"
ELSEWHERE = "203.0.113.0/28"
"""Our own addresses in the inventory: not those of this machine, so that a policy is seen to bite from here."""


class Story(StrEnum):
    """What the person is up to."""

    EXPOSED = "exposed"
    EXPLOITED = "exploited"
    CONTAIN = "contain"
    POLICY = "policy"
    BY_API = "by api"

    @property
    def first(self) -> tuple[str, ...]:
        """The first command."""
        if self in (Story.CONTAIN, Story.POLICY):
            return "contain", NAME
        return "rotate", "stripe", NAME, *QUICK


@dataclass
class Scene:
    """One world.

    Attributes:
        bystander: a key of the same account that something else uses; the inventory lists it.
        lost: keys that the person made, and whose value is gone.
        junk: values that a person may paste and that are no key of this world; they must not be shown either.
    """

    story: Story
    world: Responder
    page: Page
    bystander: Key
    lost: list[Key] = field(default_factory=list)
    junk: list[str] = field(default_factory=list)

    @property
    def leaked(self) -> Key:
        """The key that got out."""
        return self.world.leaked

    @property
    def held(self) -> set[str]:
        """Values that a listed store holds now."""
        return {read(file) for file in (*self.world.files, self.world.folder / "other.env")}

    @property
    def down(self) -> list[str]:
        """Services whose key does not work."""
        alive = {key.token.reveal() for key in self.world.twin.live_keys()}
        return [f"s{number}" for number, service in enumerate(self.world.services) if service.key not in alive]

    @property
    def secrets(self) -> list[str]:
        """Every value that must not be seen."""
        return [key.token.reveal() for key in self.world.twin.all_keys()] + self.junk

    def ends_in(self, last_four: str) -> Key | None:
        """The key of the account that the page shows with these characters."""
        twin = self.world.twin
        return next((key for key in twin.all_keys() if key.account == twin.account and key.token.reveal().endswith(last_four)), None)

    def newest(self) -> Key | None:
        """The row that was made last, if it still works."""
        return next(iter(sorted(self.world.twin.live_keys(), key=lambda key: -key.created)), None)

    def stranger(self) -> Key:
        """A new live key of the account that nothing lists."""
        return self.world.twin.create_secret_key("nobody's")

    def of_another_account(self) -> str:
        """A value that looks like a key."""
        self.junk.append(f"sk_test_5{secrets.token_hex(49)}")
        return self.junk[-1]

    def standing(self) -> list[Json]:
        """What `ir status` says of every incident, newest first."""
        _, said = self.world.ir("status", "--json")
        rows: list[Json] = json.loads(said)["incidents"]
        return rows

    def to_expire(self, row: Json) -> list[Key]:
        """Live keys that a row of `ir status` says are to be expired."""
        marks = {debt["about"] for debt in row["summary"].get("debts", []) if "expire it" in str(debt["todo"])}
        return [key for key in self.world.twin.live_keys() if key.token.fingerprint in marks]


@contextmanager
def scene(folder: Path, story: Story, seed: int) -> Iterator[Scene]:
    """Build it."""
    policy = "exposed" if story in (Story.EXPOSED, Story.BY_API) else "exploited"
    with responder(folder, seed=seed, policy=policy, guided=story is not Story.BY_API) as world:
        bystander = world.twin.create_secret_key("accounting")
        _list_elsewhere(world, bystander, story)
        with keys_page(world.twin) as page:
            yield Scene(story, world, page, bystander)


def _list_elsewhere(world: Responder, key: Key, story: Story) -> None:
    """The inventory lists the bystander, with a store of its own; and our addresses, where the story has them."""
    store, file = world.folder / "other.env", world.folder / "inventory.yaml"
    store.write_text(f"STRIPE_KEY={key.token.reveal()}\n")
    store.chmod(0o600)
    text = file.read_text()
    row = '  - {name: accounting, account: main, kind: secret, stored_in: ["dotenv://other.env#STRIPE_KEY"]}\n'
    text = text.replace("services:\n", f"{row}services:\n")
    if story is Story.POLICY:
        text = text.replace("issuer: dashboard", f"issuer: dashboard, egress_ips: [{ELSEWHERE}]")
    file.write_text(text)
