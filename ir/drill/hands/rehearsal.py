"""The world of a rehearsal, from its first server to its score: `ir drill stripe --hands`."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ir.core.errors import Refused
from ir.core.model import Json
from ir.drill.embedded import sandbox, setup, store_choice
from ir.drill.embedded import stripe_account as accounts
from ir.drill.embedded.ground_truth import Scene
from ir.drill.embedded.options import DrillOptions
from ir.drill.embedded.outcome_check import Witness
from ir.drill.embedded.run import SETTLE, Serving
from ir.drill.embedded.service_processes import Fleet
from ir.drill.embedded.shifted_clock import BentClock
from ir.drill.embedded.stores import write_private
from ir.drill.hands.clicks import Clicks
from ir.drill.hands.keys_page import KeysPage
from ir.drill.hands.page_server import PageServer
from ir.drill.hands.score import Score, score
from ir.drill.twin import StripeTwin
from ir.storage import state_folder

_MEETING = "rehearsal.json"


@dataclass(frozen=True)
class Place:
    """The surroundings that a terminal needs to take part.

    Attributes:
        folder: where `ir` runs.
        env: environment that it gets; holds no key.
        origin: of the page.
        cookie: name and value that let the text form in.
    """

    folder: Path
    env: Mapping[str, str]
    origin: str
    cookie: str


@dataclass
class Rehearsal:
    """A running world.

    Attributes:
        world: account, stores, services.
        place: for the terminals.
        clicks: what was clicked so far.
        commands: what was run here, and its exit code.
    """

    world: setup.World
    place: Place
    clicks: Clicks
    page: PageServer
    _fleet: Fleet
    _witness: Witness
    commands: list[tuple[str, int]] = field(default_factory=list)

    def end(self) -> Score:
        """Let every service pay once more, stop them, and reckon."""
        time.sleep(SETTLE)
        counted = self._fleet.stop()
        world = self.world
        scene = Scene(world.options, world.account, world.folder, world.shelves, world.readers, counted, self._witness, "", 0, b"")
        return score(scene, self.clicks.all, self.commands)


@contextmanager
def rehearsal(options: DrillOptions, *, servers: Serving = sandbox.servers) -> Iterator[Rehearsal]:
    """Build the world, serve the page, and take all of it away at the end.

    Raises:
        Refused: a server, or a service, did not start.
        UsageError: a store was asked for that this machine has no server for.
    """
    choice, clock = store_choice.choose(options.stores), BentClock()
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(sandbox.folder(keep=options.keep))
            twin = stack.enter_context(StripeTwin(seed=options.seed, clock=clock, settings=accounts.settings(options)))
            world = setup.build(options, folder, stack.enter_context(servers(choice)), twin, clock)
            fleet = stack.enter_context(Fleet(setup.settings(world), world.env, folder.logs / "services.log"))
            setup.write_papers(world, fleet)
        except (RuntimeError, OSError) as error:
            raise Refused(f"the rehearsal did not start: {error}", safe="nothing outside its folder was touched") from None
        clicks = Clicks(twin, lambda value: tuple(shelf.ref for shelf in world.shelves if shelf.key() == value))
        page = stack.enter_context(PageServer(lambda form: KeysPage(world.account, clicks, form)))
        place = Place(folder.root, world.env, page.door.origin, f"{page.door.cookie}={page.door.pass_}")
        stack.enter_context(_announced(place, folder.keys / _MEETING))
        witness = stack.enter_context(Witness(twin, world.account.leaked, folder.root))
        yield Rehearsal(world, place, clicks, page, fleet, witness)


@contextmanager
def _announced(place: Place, file: Path) -> Iterator[None]:
    """A second terminal of the same user finds the newest rehearsal by a file in the operator's own state folder."""
    pointer = state_folder.folder() / _MEETING
    told: Json = {"folder": str(place.folder), "env": dict(place.env), "origin": place.origin, "cookie": place.cookie}
    write_private(file, json.dumps(told))
    write_private(pointer, json.dumps({"file": str(file)}))
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            if json.loads(pointer.read_text(encoding="utf-8"))["file"] == str(file):
                pointer.unlink()


def meet() -> Place:
    """The rehearsal that runs now.

    Raises:
        Refused: there is none.
    """
    try:
        pointer = json.loads((state_folder.folder() / _MEETING).read_text(encoding="utf-8"))
        told = json.loads(Path(pointer["file"]).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise Refused("no rehearsal runs here", next_step="ir drill stripe --hands, in another terminal") from None
    return Place(Path(told["folder"]), told["env"], told["origin"], told["cookie"])
