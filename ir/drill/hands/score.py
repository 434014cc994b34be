"""The score of a rehearsal: speed, mistakes, cost, and what is left to do."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from ir.core.model import Json, Policy
from ir.drill.embedded import ground_truth
from ir.drill.embedded.ground_truth import Scene
from ir.drill.embedded.result import ServiceRow
from ir.drill.hands.clicks import Click, Did
from ir.drill.twin import Key
from ir.drill.twin.authentication import allowed

OURS = "127.0.0.1"
"""The address that every service of a rehearsal has."""


@dataclass(frozen=True)
class Score:
    """The score of one rehearsal.

    Attributes:
        contained: seconds from the alert until strangers could no longer use the leaked key; None: they can.
        dead: seconds from the alert to the death of the leaked key; None: it lives.
        mistakes: one sentence each, in the order of the clicks.
        left: one sentence for each thing that is still to do; empty = the incident is over.
        commands: what was run, and its exit code.
    """

    seed: int
    contained: float | None
    dead: float | None
    mistakes: tuple[str, ...]
    left: tuple[str, ...]
    services: tuple[ServiceRow, ...]
    commands: tuple[tuple[str, int], ...]

    @property
    def failed(self) -> int:
        """Failed payments."""
        return sum(row.failed for row in self.services)

    @property
    def payments(self) -> int:
        """All payments."""
        return self.failed + sum(row.ok for row in self.services)

    def to_json(self) -> Json:
        """For `--json`."""
        return {"rehearsal": True, **asdict(self), "payments": self.payments, "failed": self.failed, "over": not self.left}

    @property
    def lines(self) -> list[str]:
        """For the screen."""
        return [
            "REHEARSAL, the score",
            f"  time to contain   {_seconds(self.contained, 'strangers can still use the leaked key')}",
            f"  time to dead      {_seconds(self.dead, 'the leaked key is alive')}",
            f"  failed payments   {self.failed} of {self.payments}",
            f"  mistakes          {len(self.mistakes) or 'none'}",
            *(f"    - {mistake}" for mistake in self.mistakes),
            f"  still to do       {len(self.left) or 'nothing'}",
            *(f"    - {one}" for one in self.left),
        ]


def score(scene: Scene, clicks: Sequence[Click], commands: Sequence[tuple[str, int]]) -> Score:
    """Reckon, from the twin, the stores and the services; what `ir` says is not believed."""
    twin, leaked = scene.account.twin, scene.account.leaked
    dead = leaked.dies_at is not None and not leaked.alive(twin.now)
    services = ground_truth.rows(scene)
    return Score(
        seed=scene.options.seed,
        contained=scene.witness.contained,
        dead=max(0.0, (leaked.dies_at or 0.0) - scene.witness.began) if dead else None,
        mistakes=tuple(_mistakes(scene, clicks)),
        left=tuple(_left(scene)),
        services=services,
        commands=tuple(commands),
    )


def _mistakes(scene: Scene, clicks: Sequence[Click]) -> Iterable[str]:
    for click in clicks:
        if click.did is Did.PASTED:
            yield "a key was pasted where none belongs"
        elif click.did in (Did.ROTATED, Did.EXPIRED):
            yield from _killed(scene, click)
        elif click.did is Did.POLICY:
            yield from _shut_out(scene, click)


def _killed(scene: Scene, click: Click) -> Iterable[str]:
    words = f"{click.did} `{click.name}`" + (f", {click.how}" if click.how else "")
    others = {scene.account.bystander.id: "has nothing to do with the incident", scene.account.review.id: "is the key of the review"}
    if click.key in others:
        yield f"{words}: that key {others[click.key]}"
    elif click.key != scene.account.leaked.id and click.in_use:
        yield f"{words}: the services were on that key"
    elif click.key == scene.account.leaked.id and click.in_use and _at_once(click) and scene.options.policy is not Policy.EXPLOITED:
        yield f"{words}: {len(click.in_use)} store{'' if len(click.in_use) == 1 else 's'} still held that key, and no misuse was known"


def _at_once(click: Click) -> bool:
    return click.did is Did.EXPIRED or click.how == "Now"


def _shut_out(scene: Scene, click: Click) -> Iterable[str]:
    networks = tuple(click.how.split(", ")) if click.how != "none" else ()
    if networks and click.in_use and not allowed(OURS, networks):
        yield f"access policy of `{click.name}` without {OURS}: it shut out your own services"
    elif networks and click.key != scene.account.leaked.id:
        yield f"access policy of `{click.name}`: that is not the leaked key"


def _left(scene: Scene) -> Iterable[str]:
    twin, account = scene.account.twin, scene.account
    held = {shelf.ref: shelf.key() for shelf in scene.shelves}
    if twin.is_alive(account.leaked):
        yield "the leaked key is alive"
    for ref, value in held.items():
        if value == account.leaked.token.reveal():
            yield f"{ref} holds the leaked key"
        elif not any(key.token.reveal() == value for key in twin.live_keys()):
            yield f"{ref} holds a key that does not work"
    yield from (f"a live key that nothing uses: {_called(twin.key(ident))}" for ident in ground_truth.strays(scene))
    yield from (f"what a stranger left: {path.removeprefix('/v1/').removesuffix('/cancel')}" for path in account.loot)
    yield from (f"a key is in {place}" for place in ground_truth.leaked_places(scene))


def _called(key: Key) -> str:
    return f"`{key.name}`, token …{key.token.reveal()[-4:]}"


def _seconds(value: float | None, none: str) -> str:
    return none if value is None else f"{value:.0f} s"
