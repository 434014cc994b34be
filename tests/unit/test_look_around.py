"""Objects of other keys are read once; again only where they changed, or where their version cannot be told without the value."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ir import inventory
from ir.core.errors import Denied
from ir.core.secret import Secret
from ir.ports import Held, Holder
from ir.runtime import adapter_registry
from ir.runtime.lifecycle import Unattended
from ir.runtime.same_value import OtherPlaces

OTHERS = ("vault://secret/billing#api_key", "vault://secret/reports#api_key")
TEXT = f"""\
version: 1
accounts: [{{name: main, id: acct_1AbC, mode: test, issuer: dashboard}}]
keys:
  - {{name: payments, account: main, kind: secret, stored_in: ["vault://secret/payments#api_key"]}}
  - {{name: billing, account: main, kind: secret, stored_in: ["{OTHERS[0]}"]}}
  - {{name: reports, account: main, kind: secret, stored_in: ["{OTHERS[1]}"]}}
services: []
"""


@dataclass
class Place:
    """One object; `tells`: its stamp may be looked at."""

    value: Secret
    number: int = 1
    tells: bool = True
    reads: list[int] = field(default_factory=list)

    def put(self, value: Secret) -> None:
        self.value, self.number = value, self.number + 1

    def stamp(self) -> str:
        if not self.tells:
            raise Denied("the policy does not allow to look at it")
        return f"v{self.number}"

    def read(self) -> Held:
        self.reads.append(self.number)
        return Held(self.value, str(self.number), stamp=f"v{self.number}")


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> dict[str, Place]:
    made = {name: Place(Secret(f"value of {name} {'x' * 20}")) for name in OTHERS}
    monkeypatch.setattr(adapter_registry, "store", lambda ref, *_: made[str(ref)])
    return made


def others() -> OtherPlaces:
    source = inventory.loads(TEXT, "inventory.yaml")
    return OtherPlaces(source, source.key("payments"), Unattended("cron", yes=False), Path(), (), {})


def holders(look: OtherPlaces, leaked: Secret) -> tuple[Holder, ...]:
    found = look.compare(leaked.fingerprint)
    assert not found.unread
    return found.holders


def test_what_did_not_change_is_read_once(places: dict[str, Place]) -> None:
    look, leaked = others(), Secret("the leaked one xxxxxxxxxxxxx")
    for _ in range(3):
        assert holders(look, leaked) == ()
    assert [place.reads for place in places.values()] == [[1], [1]]


def test_what_was_placed_there_meanwhile_is_found(places: dict[str, Place]) -> None:
    look, leaked = others(), Secret("the leaked one xxxxxxxxxxxxx")
    assert holders(look, leaked) == ()
    places[OTHERS[0]].put(leaked)
    assert [holder.name for holder in holders(look, leaked)] == [OTHERS[0]]
    assert [holder.name for holder in holders(look, leaked)] == [OTHERS[0]], "also by its stamp alone"
    places[OTHERS[0]].put(Secret("another one again xxxxxxxxxx"))
    assert holders(look, leaked) == ()
    assert [place.reads for place in places.values()] == [[1, 2, 3], [1]]


def test_where_the_stamp_is_not_told_it_is_read_again(places: dict[str, Place]) -> None:
    look, leaked = others(), Secret("the leaked one xxxxxxxxxxxxx")
    places[OTHERS[0]].tells = False
    holders(look, leaked)
    places[OTHERS[0]].value = leaked
    assert [holder.name for holder in holders(look, leaked)] == [OTHERS[0]]
