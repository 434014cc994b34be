"""Two stores, three services (one canary) and one leaked key, wired together as the product wires real ones."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import cache
from random import Random

from ir import inventory
from ir.core.model import Json
from ir.core.reference import parse
from ir.core.secret import Secret
from ir.drill.simulated.clock import START, SimClock
from ir.drill.simulated.other_key import OtherKey
from ir.drill.simulated.provider import ACCOUNT, SimProvider
from ir.drill.simulated.reviewer import SimReviewer
from ir.drill.simulated.services import SimService
from ir.drill.simulated.stores import SimStore, SimWriteOnly
from ir.incident import playbook
from ir.incident.context import Options, World
from ir.incident.custody import Custody
from ir.incident.plan import compile_plan
from ir.incident.record import Incident
from ir.incident.world_parts import Hooks, KeysAtHand, Lookups, Ports, Run
from ir.inventory import Inventory
from ir.ports import Comparison, Irreversible

_NAME = "simulated.yaml"


class SimOperator:
    """An unattended terminal, or a person who says yes; `chooses`: of several things, "" = the first."""

    def __init__(self, *, interactive: bool = False, says: bool = True) -> None:
        self.interactive, self.says, self.name, self.chooses = interactive, says, "sim", ""
        self.told: list[str] = []

    def tell(self, text: str) -> None:
        """See `ports`."""
        self.told.append(text)

    def confirm(self, question: str) -> bool:
        """See `ports`."""
        return self.says

    def confirm_by_name(self, about: Irreversible, *, elsewhere: Callable[[], str] = lambda: "") -> bool:
        """See `ports`."""
        self.told.append(about.warning)
        return self.says

    def choose(self, question: str, options: tuple[str, ...]) -> str:
        """See `ports`."""
        return self.chooses or options[0]

    def ask(self, question: str) -> str:
        """See `ports`."""
        return ""

    def new_key(self, prompt: str) -> Secret | None:
        """See `ports`."""
        return None

    def key_or_why(self, prompt: str) -> Secret | str | None:
        """See `ports`."""
        return None


def lookups(
    elsewhere: Callable[[str], Comparison] = lambda _fingerprint: Comparison(),
    own_uses: Callable[[], Sequence[tuple[float, float]]] = tuple,
) -> Lookups:
    """No other key is at hand, and the provider tells nothing of whose a key is."""
    return Lookups(
        control_key=lambda: None,
        review_key=lambda: None,
        account_of=lambda _key: "",
        holder_of=lambda _key: "",
        owners=lambda store: store.owners(),
        elsewhere=elsewhere,
        elsewhere_lately=elsewhere,
        own_uses=own_uses,
        own_requests=lambda: (),
        prepare=lambda: None,
    )


def _untold(_told: object) -> None:
    return None


HOOKS = Hooks(
    say=_untold,
    publish=lambda _record: [],
    note=_untold,
    announce=_untold,
    witness=_untold,
    keep=lambda _files, _inputs: {"files": [], "inputs": []},
    claim=_untold,
    knows=lambda _incident: True,
    over=lambda _incident: False,
    removed_approvers=tuple,
    used=lambda _asked, _answered: None,
    resting=lambda _seconds: nullcontext(lambda: True),
)
"""Of a simulated process: the journal is its record, and there is no screen."""


class SimDisk:
    """The place of reports; `shut` is the reason why it takes none."""

    def __init__(self) -> None:
        self.shut: Exception | None = None

    def publish(self, record: Incident) -> list[str]:
        """See `Hooks.publish`."""
        if self.shut:
            raise self.shut
        return []


class Simulation:
    """Two stores, three services (one canary), one leaked key.

    `egress`: addresses that the inventory gives as our own; `write_only`: the second store tells no value.
    """

    def __init__(
        self,
        policy: str = "exposed",
        *,
        guided: bool = False,
        options: Options | None = None,
        seed: int = 0,
        egress: str = "",
        write_only: bool = False,
    ) -> None:
        self.clock = SimClock()
        self.provider = SimProvider(self.clock, guided=guided, dice=Random(seed))  # noqa: S311 - keys of nothing
        self.leaked = self.provider.create("leaked")
        refs = [parse("vault://secret/payments#api_key"), parse("vault://secret/billing#api_key")]
        kinds = (SimStore, SimWriteOnly if write_only else SimStore)
        self.stores = {str(ref): kind(ref, self.leaked.value, self.clock) for ref, kind in zip(refs, kinds, strict=True)}
        first, second = self.stores.values()
        self.services = {
            "canary": SimService(first, self.provider),
            "web": SimService(first, self.provider),
            "billing": SimService(second, self.provider, tells=False),
        }
        self.uses = dict[float, float]()
        """Our own uses that were noted; they outlive a process."""
        self.other = OtherKey(self.provider, self.clock)
        self.reviewer, self.operator, self.disk = SimReviewer(), SimOperator(), SimDisk()
        self._text = _inventory(tuple(str(ref) for ref in refs), guided=guided, egress=egress)
        self.source = _parsed(self._text)
        self.plan = compile_plan(_playbook(policy), self.source, self.source.key("payments"))
        self.options = options or Options(yes=True)
        self.incident = "INC-20261123-0001"
        self.world = self._world()
        self.world.run.fresh = True

    def another_machine(self) -> World:
        """What a second process wires: the same outside world, nothing of the first one's memory."""
        return self._world()

    def _world(self) -> World:
        return World(
            incident=self.incident,
            inventory=self.source,
            account=self.source.accounts[0],
            key=self.source.keys[0],
            plan=self.plan,
            options=self.options,
            ports=Ports(
                issuer=self.provider,
                stores=dict(self.stores),
                verifiers={name: [service] for name, service in self.services.items()},
                reloaders=dict(self.services),
                custody=Custody(self.incident, list(self.stores.values())),
                reviewer=self.reviewer,
                operator=self.operator,
                clock=self.clock,
                deliveries=None,
            ),
            lookups=lookups(self.other.compare, lambda: [*self.uses.items()]),
            hooks=replace(HOOKS, publish=self.disk.publish, used=self.uses.__setitem__),
            keys=KeysAtHand(),
            run=Run(scratch="", patient=True),
        )

    def opening(self) -> Json:
        """The first entry."""
        return {
            "plan": self.plan.to_json(),
            "plan_hash": self.plan.hash,
            "options": {"dry_run": self.options.dry_run, "yes": self.options.yes},
            "key": "payments",
            "inventory": self._text,
            "inventory_name": _NAME,
            "at": "2026-11-23T03:00:00.000Z",
            "actor": "sim",
            "facts": {"opened_at": START.timestamp()},
        }


@cache
def _playbook(policy: str) -> playbook.Playbook:
    return playbook.load(f"stripe-{policy}")


@cache
def _parsed(text: str) -> Inventory:
    return inventory.loads(text, _NAME)


def _inventory(refs: tuple[str, ...], *, guided: bool, egress: str) -> str:
    rows = ""
    for name, ref in zip(("canary", "web", "billing"), (refs[0], refs[0], refs[1]), strict=True):
        wave = "canary" if name == "canary" else "main"
        verify = 'verify: [{http: "http://127.0.0.1/x", proves: holds-key}]'
        rows += f"""
  - {{name: {name}, uses: [payments], reads_from: "{ref}", wave: {wave}, reload: {{polls: 1s}}, {verify}}}"""
    issuer = "dashboard" if guided else "managed, app_key: env://APP_KEY"
    own = f", egress_ips: [{egress}]" if egress else ""
    return f"""
version: 1
accounts:
  - {{name: main, id: {ACCOUNT}, mode: test, issuer: {issuer}{own}}}
keys:
  - {{name: payments, account: main, kind: secret, permissions: [charge_read], stored_in: ["{refs[0]}", "{refs[1]}"]}}
services:{rows}
"""
