"""The machine that ran an incident is lost with everything in it; another one goes on from what the world still tells.

Real processes of the command, Secrets Manager (moto), Vault (OpenBao) and an env file, services that take payments meanwhile.
"""

import os
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from ir.drill.embedded import sandbox, setup, stripe_account
from ir.drill.embedded.command_line import CommandLine, Ran
from ir.drill.embedded.options import DrillOptions, Waits
from ir.drill.embedded.sandbox import Servers
from ir.drill.embedded.service_processes import Fleet
from ir.drill.embedded.shifted_clock import BentClock
from ir.drill.embedded.stores import write_private
from ir.drill.twin import Fate, Key, Kind, StripeTwin
from ir.drill.twin.faults import slow
from ir.drill.twin.message import Request
from ir.inventory import digest
from tests.worlds.started import COMMAND, Started, fork

pytestmark = pytest.mark.server
ALL = bool(os.environ.get("IR_LOST_LAPTOPS"))
"""Lost after other steps, too; every step is visited in the simulated world (`tests/incident/test_adoption.py`)."""
_GATE = "/v1/coupons"
"""What a sweep asks for, and nothing else does: where the first machine is lost."""


@dataclass
class Site:
    """One drill's world, and two machines: `first` is lost where `lose` says."""

    world: setup.World
    fleet: Fleet
    words: list[str]
    reached: threading.Event
    running: list[Started] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.twin = self.world.account.twin
        self.keys = self.world.folder.keys / "new"

    def ir(self, *argv: str) -> tuple[int, str]:
        line = CommandLine(self.world.env, self.world.folder.root, lambda _chunk: None, terminal=0, start=self._start)
        ran: Ran = line.run(*argv)
        return ran.code, ran.output.decode()

    def rotate(self, *more: str) -> tuple[int, str]:
        return self.ir("rotate", "stripe", *self.words, "--yes", *more)

    def lose(self, *more: str) -> str:
        """Rotate until the gate, kill the process, and delete its machine; returns the incident's id."""
        self.twin.decide(self._gate)
        watcher = threading.Thread(target=self._kill, daemon=True)
        watcher.start()
        code, said = self.rotate(*more)
        watcher.join(30)
        assert code == -signal.SIGKILL, said
        self.twin.kinder()
        (incident,) = [path.name for path in (self.world.folder.state / "incidents").iterdir()]
        shutil.rmtree(self.world.folder.state)
        self.keys.unlink(missing_ok=True)
        return incident

    def give(self) -> tuple[Key, str]:
        """What a human makes in the Dashboard, in a private file."""
        made = self.twin.create_secret_key("by hand")
        write_private(self.keys, made.token.reveal() + "\n")
        return made, f"file:{self.keys}"

    def replacements(self) -> list[Key]:
        known = {self.world.account.leaked.id, self.world.account.bystander.id, self.world.account.review.id, self.world.account.app.id}
        return [key for key in self.twin.all_keys() if key.id not in known and key.kind is not Kind.PUBLISHABLE]

    def is_whole(self) -> str:
        """Empty when one replacement lives, everything is on it, no neighbour was disturbed and no payment was lost."""
        made, wrong = self.replacements(), []
        if len(made) != 1 or not self.twin.is_alive(made[0]):
            wrong.append(f"minted: {[(key.name, self.twin.is_alive(key)) for key in made]}")
        if self.twin.is_alive(self.world.account.leaked):
            wrong.append("the leaked key lives")
        wrong += [f"{shelf.ref} is not on the replacement" for shelf in self.world.shelves if shelf.key() != made[-1].token.reveal()]
        wrong += [f"{shelf.ref}: {shelf.disturbed()}" for shelf in self.world.shelves if shelf.disturbed()]
        left = [path.name for path in self.world.folder.stores.iterdir() if ".ir-" in path.name]
        failed = {name: row.failed for name, row in self.fleet.stop().items() if row.failed}
        return "; ".join([*wrong, *([f"custody is left: {left}"] if left else []), *([f"failed payments: {failed}"] if failed else [])])

    def _gate(self, request: Request) -> Fate | None:
        if request.path != _GATE:
            return None
        self.reached.set()
        return slow(5.0)

    def _start(self, args: Sequence[str], env: Mapping[str, str], cwd: Path, output: int) -> Started:
        self.running.append(Started(fork((*COMMAND, *args), cwd=cwd, env=env, output=output, errors=output, session=True)))
        return self.running[-1]

    def _kill(self) -> None:
        assert self.reached.wait(60)
        self.running[-1].kill()


@contextmanager
def site(servers: Servers, *, lost_after: str, managed: bool, seed: int) -> Iterator[Site]:
    """A world whose playbook meets the gate after the named step."""
    options = DrillOptions(seed=seed, services=2, managed=managed, death=0.3, waits=Waits(soak=0.0, quiet=0.0, watch=0.0, window=0.5))
    clock = BentClock()
    with ExitStack() as stack:
        folder = stack.enter_context(sandbox.folder(keep=False))
        twin = stack.enter_context(StripeTwin(seed=seed, clock=clock, settings=stripe_account.settings(options)))
        world = setup.build(options, folder, servers, twin, clock)
        fleet = stack.enter_context(Fleet(setup.settings(world), world.env, folder.logs / "services.log"))
        words = setup.write_papers(world, fleet)
        book = yaml.safe_load((folder.root / "playbook.yaml").read_text())
        steps = [step for step in book["steps"] if step["action"] not in ("review", "sweep")]
        at = next(number for number, step in enumerate(steps) if step["id"] == lost_after)
        book["steps"] = [*steps[: at + 1], {"id": "gate", "action": "sweep"}, *steps[at + 1 :]]
        (folder.root / "playbook.yaml").write_text(yaml.safe_dump(book, sort_keys=False))
        yield Site(world, fleet, words, threading.Event())


@pytest.mark.parametrize("lost_after", ["stage", *(["custody", "canary", "verify"] if ALL else [])])
def test_managed_the_other_machine_ends_it_without_a_second_mint(drill_servers: Servers, lost_after: str) -> None:
    with site(drill_servers, lost_after=lost_after, managed=True, seed=1) as here:
        incident = here.lose()
        code, said = here.rotate("--adopt", incident)
        assert code == 0, said
        assert f"incident {incident}" in said, "it goes on under the same id"
        assert here.is_whole() == "", said
        code, said = here.rotate("--adopt", incident)
        assert code == 3 and f"ir resume {incident}" in said, "what is recorded here is not rebuilt"


@pytest.mark.parametrize("lost_after", ["verify", *(["stage"] if ALL else [])])
def test_dashboard_the_other_machine_needs_no_second_key(drill_servers: Servers, lost_after: str) -> None:
    with site(drill_servers, lost_after=lost_after, managed=False, seed=2) as here:
        _, source = here.give()
        incident = here.lose("--new-key-from", source)
        pinned = digest((here.world.folder.root / "inventory.yaml").read_text())
        code, said = here.ir("rotate", "stripe", *here.words, "--inventory-sha256", pinned, "--adopt", incident)
        assert code == 3 and "make sure that it has ended" in said.replace("\n", " "), "without a word of the operator nothing goes on"
        code, said = here.rotate("--adopt", incident)
        assert code == 4 and "Expire key" in said, said
        here.twin.expire_in_dashboard(here.world.account.leaked)
        code, said = here.ir("resume", incident, "--yes")
        assert code == 0, said
        assert here.is_whole() == "", said
