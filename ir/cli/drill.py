"""`ir drill stripe`: a whole rotation in an embedded world."""

import io
import random
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ir.cli.drill_output import DrillOutput
from ir.cli.options import AsJson
from ir.cli.terminal.option_groups import takes
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode, UsageError
from ir.core.model import Mode, Policy
from ir.drill.embedded.faults import HERE
from ir.drill.embedded.options import DrillOptions, Waits
from ir.drill.embedded.result import DrillResult
from ir.drill.embedded.run import Watch, conduct
from ir.drill.embedded.store_choice import USUAL, StoreKind
from ir.drill.simulated.faults import Fate, named

_MOST_SERVICES = 200
_MOST_RUNS = 100_000
_PICTURE_WIDTH = 110
_STORES = f"{' | '.join(StoreKind)}, several by comma; default: of {', '.join(USUAL)} all that can run here."


@dataclass(frozen=True)
class DrillFlags:
    """What was said of a drill."""

    seed: Annotated[int | None, typer.Option(help="Names, amounts, order and keys follow from it; default: a new one.")] = None
    services: Annotated[int, typer.Option(min=1, max=_MOST_SERVICES, help="How many processes take payments.")] = 4
    policy: Annotated[str, typer.Option(help="exposed | exploited | scheduled")] = "exposed"
    issuer: Annotated[
        str, typer.Option(help="managed: keys by API; dashboard: a human clicks. Default: managed; with --hands, dashboard.")
    ] = ""
    live_mode: Annotated[bool, typer.Option("--live-mode", help="The twin plays live mode: keys are sealed and shown once.")] = False
    dead_on_arrival: Annotated[bool, typer.Option("--dead-on-arrival", help="Stripe has deactivated the leaked key already.")] = False
    real_time: Annotated[bool, typer.Option("--real-time", help="The shipped playbook, with its own waits.")] = False
    stores: Annotated[str, typer.Option(help=_STORES, metavar="NAMES")] = ""
    faults: Annotated[str, typer.Option(help="What goes wrong meanwhile: all, or names by comma; ? lists them.", metavar="NAMES")] = ""
    runs: Annotated[int, typer.Option(min=0, max=_MOST_RUNS, help="Number of drills in simulated time; seeds count up from --seed.")] = 0
    picture: Annotated[str, typer.Option(help="Also draw the screen as SVG.", metavar="FILE")] = ""
    hands: Annotated[
        bool, typer.Option("--hands", help="You are the person: run ir by hand, and click in an imitation of the Dashboard.")
    ] = False
    keep: Annotated[bool, typer.Option("--keep", help="Leave the drill's folder behind.")] = False
    as_json: AsJson = False


@takes(DrillFlags)
def stripe(asked: DrillFlags) -> None:
    """Rehearse a whole rotation: a Stripe twin, stores and services under traffic on this machine; nothing leaves it."""
    first = random.randrange(1_000_000) if asked.seed is None else asked.seed  # noqa: S311 - a number to repeat the drill by
    if asked.runs or asked.faults == "?":
        from ir.cli import drill_runs

        sys.exit(int(drill_runs.show(asked.faults, first, asked.runs, Screen(as_json=asked.as_json))))
    options = DrillOptions(
        seed=first,
        services=asked.services,
        policy=Policy(_one_of("--policy", asked.policy, tuple(p.value for p in Policy))),
        managed=_one_of("--issuer", asked.issuer or ("dashboard" if asked.hands else "managed"), ("managed", "dashboard")) == "managed",
        mode=Mode.LIVE if asked.live_mode else Mode.TEST,
        waits=None if asked.real_time else Waits(),
        dead_on_arrival=asked.dead_on_arrival,
        keep=asked.keep,
        stores=frozenset(StoreKind(_one_of("--stores", name.strip(), tuple(StoreKind))) for name in asked.stores.split(",") if name),
        faults=_playable(asked.faults),
    )
    if asked.hands:
        from ir.cli import drill_hands

        by_hand = replace(options, mode=Mode.LIVE, faults=frozenset())
        sys.exit(int(drill_hands.conduct(by_hand, Screen(as_json=asked.as_json))))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    screen, watch, seen = _watched(as_json=asked.as_json, pictured=bool(asked.picture))
    try:
        result = conduct(options, watch)
    except KeyboardInterrupt:
        screen.hush()
        screen.warn("interrupted: the drill's world is taken down, and nothing outside of it was touched")
        sys.exit(int(ExitCode.INTERRUPTED))
    if asked.as_json:
        screen.document(result.to_json())
    else:
        _show(screen, result)
    if asked.picture:
        from ir.drill.embedded.svg_picture import save

        save(seen.getvalue().decode(errors="replace"), Path(asked.picture), "ir drill stripe")
    sys.exit(int(ExitCode.DONE if result.passed else ExitCode.UNEXPECTED))


class _Tee(io.TextIOWrapper):
    """Standard output, and a copy of it."""

    def __init__(self, copy: io.BytesIO) -> None:
        super().__init__(copy, encoding="utf-8", write_through=True)

    def write(self, text: str) -> int:
        sys.stdout.write(text)
        sys.stdout.flush()
        return super().write(text)


def _watched(*, as_json: bool, pictured: bool) -> tuple[Screen, Watch, io.BytesIO]:
    """The screen, what the drill shows on it, and a copy of all that for a picture."""
    seen = io.BytesIO()
    output = DrillOutput(as_json=as_json)
    console, columns = None, output.columns
    if pictured:
        columns = _PICTURE_WIDTH
        console = Console(file=_Tee(seen), force_terminal=True, width=columns, highlight=False)
    screen = Screen(as_json=as_json, console=console)

    def show(chunk: bytes) -> None:
        output.show(chunk)
        seen.write(chunk)

    return screen, Watch(screen.say, show, columns), seen


def _show(screen: Screen, result: DrillResult) -> None:
    rows = [(row.name, str(row.ok), str(row.failed), row.key, row.store) for row in result.services]
    screen.table("What the twin saw", ("service", "paid", "failed", "pays with", "reads"), rows)
    screen.say("seconds: " + ", ".join(f"{name} {spent:g}" for name, spent in result.seconds.items()))
    for fault in result.faults:
        screen.say(f"went wrong: {fault}")
    if result.report:
        screen.say(f"report: {result.report.replace(str(Path.home()), '~', 1)}")
    if result.folder:
        screen.say(f"folder: {result.folder}")
    for problem in result.problems:
        screen.say(f"NOT KEPT: {problem}")
    screen.say(result.last_line)


def _playable(faults: str) -> frozenset[Fate]:
    """Those of the named faults that an embedded world can play."""
    chosen = named(faults)
    if chosen and not chosen & HERE:
        raise UsageError(f"--faults {faults}: only simulated time can play that", next_step="add --runs 1")
    return chosen & HERE


def _interrupt(_number: int, _frame: object) -> None:
    """Ctrl-C and a polite kill tidy up; a second one does not disturb that."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _one_of(flag: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise UsageError(f"{flag} {value}: not known", next_step=f"one of {', '.join(allowed)}")
    return value
