"""What has to hold whatever a person does; looked at from outside: terminals, files, the twin, stores, services, exit codes."""

from ir.core.errors import ExitCode
from ir.core.model import Json
from ir.core.secret import scrub
from ir.drill.embedded import leak_search
from ir.drill.twin import Fate, Key
from ir.drill.twin.message import Request
from tests.hands.reading import Told
from tests.hands.scene import Scene
from tests.worlds.person import Person

_KEEPS_KEYS = ("one.env", "two.env", "other.env", "app.env")


class Watch:
    """Looks on during one session.

    Attributes:
        fresh_answers: names that were typed at a question that stood there.
        faults: what did not hold, a sentence each.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.fresh_answers = 0
        self.faults: list[str] = []
        self._screens = bytearray()
        scene.world.twin.decide(self._kill)

    def _fault(self, what: str) -> None:
        if what not in self.faults:
            self.faults.append(what)

    def _kill(self, request: Request) -> Fate | None:
        """A look only: `ir` itself kills the leaked key by API alone."""
        if request.path.endswith((f"/{self._scene.leaked.id}/expire", f"/{self._scene.leaked.id}/rotate")) and not self.fresh_answers:
            self._fault("the leaked key was killed, and nobody had typed its name")
        return None

    def told(self, what: Told) -> None:
        """Something is to be clicked."""
        if what in (Told.KILL, Told.ROTATE) and not self.fresh_answers:
            self._fault("the person was told to kill the leaked key, and had not typed its name")

    def seen(self, screen: bytes) -> None:
        """All that a terminal showed."""
        self._screens += screen

    def given_back(self, who: Person, when: str) -> None:
        """The shell has the terminal."""
        if who.modes() != who.before:
            self._fault(f"the terminal was not given back as it was: {when}")
        if left := who.left():
            keys = " (a key)" if leak_search.told(self._scene.secrets, left) else ""
            self._fault(f"{len(left)} bytes were left to the shell{keys}: {when}")

    def ended(self, code: int, standing: list[Json], said: str) -> None:
        """A command ended, and `said` something last; `standing` is what `ir status` says now."""
        scene = self._scene
        if code == ExitCode.DONE and scene.down:
            self._fault(f"exit code 0 while services are down: {', '.join(scene.down)}")
        if code in (ExitCode.UNEXPECTED, ExitCode.USAGE):
            self._fault(f"exit code {code}: {scrub(said)}")
        told = str(standing)
        for name, key in self._known():
            if key.token.fingerprint not in told:
                self._fault(f"{name} lives, and `ir status` does not know it")

    def _known(self) -> list[tuple[str, Key]]:
        """Live keys that `ir` has seen alive, and that no listed store holds."""
        twin, held = self._scene.world.twin, self._scene.held
        return [
            (f"the key {key.name or key.id}", key)
            for key in twin.live_keys()
            if key.token.reveal() not in held and any(use.status in (200, 403) for use in twin.used(key))
        ]

    def at_the_end(self) -> None:
        """After the last command."""
        scene = self._scene
        if scene.world.twin.is_alive(scene.leaked):
            self._fault("the leaked key lives")
        if scene.down:
            self._fault(f"services are down: {', '.join(scene.down)}")
        if scene.leaked.token.reveal() in scene.held:
            self._fault("a store holds the leaked key")
        if leak_search.told(scene.secrets, bytes(self._screens)):
            self._fault("a key stood on a screen")
        custody = [path.name for path in scene.world.folder.glob("*.env.ir-*")]
        if custody:
            self._fault(f"custody is left: {', '.join(custody)}")
        spared = [scene.world.folder / name for name in _KEEPS_KEYS]
        for place in leak_search.search(
            scene.secrets, leak_search.files(scene.world.folder, [*spared, *scene.world.folder.glob("*.env.ir-*")])
        ):
            self._fault(f"a key stands in {place}")
