"""One drill from beginning to end: build the world, run the real command line in it, measure the result, remove the world."""

import re
import shlex
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ir.core.errors import ExitCode, Refused
from ir.drill.embedded import ground_truth, sandbox, setup, store_choice
from ir.drill.embedded import stripe_account as accounts
from ir.drill.embedded.command_line import CommandLine, Ran, Start, execute
from ir.drill.embedded.faults import Trouble
from ir.drill.embedded.granting import help_with_rights
from ir.drill.embedded.ground_truth import Scene
from ir.drill.embedded.human import Human, slip_of
from ir.drill.embedded.options import DrillOptions
from ir.drill.embedded.outcome_check import Witness
from ir.drill.embedded.result import DrillResult
from ir.drill.embedded.sandbox import Folder, Servers
from ir.drill.embedded.service_processes import Fleet
from ir.drill.embedded.shifted_clock import BentClock
from ir.drill.embedded.stores import write_private
from ir.drill.twin import StripeTwin
from ir.storage import state_folder

_INCIDENT = re.compile(rb"INC-\d{8}-[0-9a-f]{6}")
_ASKS_FOR_USE = b"--unused"
"""The words of a run that waits for a person who has seen whether the old key is still used."""
_MOST_RESUMES = 12
SETTLE = 1.5
"""Seconds of traffic after the run, so that every service pays once more."""
Serving = Callable[[store_choice.StoreChoice], AbstractContextManager[Servers]]


@dataclass
class Watch:
    """Records what happens on the screen, and how long each phase takes.

    Args:
        say: one line of the drill's own.
        show: output of the command, as it comes.
        terminal: columns of the terminal that the command gets; 0: none.
    """

    say: Callable[[str], None]
    show: Callable[[bytes], None]
    terminal: int
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the seconds."""
        began = time.monotonic()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - began, 1)


def conduct(options: DrillOptions, watch: Watch, *, start: Start = execute, servers: Serving = sandbox.servers) -> DrillResult:
    """Run a drill.

    Args:
        options: what is rehearsed.
        watch: what happens on the screen meanwhile.
        start: starts the command.
        servers: what runs on loopback while a context lasts, with nothing in it of another drill.

    Raises:
        Refused: a server, or a service, did not start or went away.
        UsageError: a store was asked for that this machine has no server for.
    """
    began = time.monotonic()
    choice = store_choice.choose(options.stores)
    for told in choice.said():
        watch.say(told)
    clock, twin_settings = BentClock(), accounts.settings(options)
    try:
        with ExitStack() as stack:
            folder = stack.enter_context(sandbox.folder(keep=options.keep))
            twin = stack.enter_context(StripeTwin(seed=options.seed, clock=clock, settings=twin_settings))
            with watch.phase("servers"):
                running = stack.enter_context(servers(choice))
            with watch.phase("account"):
                world = setup.build(options, folder, running, twin, clock)
            with watch.phase("services"):
                fleet = stack.enter_context(Fleet(setup.settings(world), world.env, folder.logs / "services.log"))
            line = CommandLine(world.env, folder.root, watch.show, terminal=watch.terminal, start=start)
            result = _run(world, fleet, line, watch)
    except RuntimeError as error:
        raise Refused(str(error), safe="nothing outside the drill's folder was touched") from None
    except OSError as error:
        raise Refused(f"a server of the drill went away ({type(error).__name__})", safe="nothing outside its folder was touched") from None
    watch.seconds["all"] = round(time.monotonic() - began, 1)
    return replace(result, seconds=watch.seconds)


def _run(world: setup.World, fleet: Fleet, line: CommandLine, watch: Watch) -> DrillResult:
    files = setup.write_papers(world, fleet)
    setup.announce(world, watch.say)
    twin, folder = world.account.twin, world.folder
    with Witness(twin, world.account.leaked, folder.root) as witness:
        trouble = Trouble(world.options.seed, world.options.faults)
        twin.decide(trouble)
        with watch.phase("run"):
            ran = _command(world, line, watch, files, trouble)
            last, incident = ran[-1], _incident_of(ran)
        with watch.phase("settle"):
            time.sleep(SETTLE)
            counted = fleet.stop()
    with watch.phase("truth"):
        output = b"".join(one.output for one in ran)
        scene = Scene(
            world.options,
            world.account,
            folder,
            world.shelves,
            world.readers,
            counted,
            witness,
            incident,
            last.code,
            output,
            world.stand_ins,
        )
        rows = ground_truth.rows(scene)
        problems = tuple(ground_truth.problems(scene, rows))
    return DrillResult(
        seed=world.options.seed,
        incident=incident,
        services=rows,
        strays=ground_truth.strays(scene),
        contained=witness.contained,
        dead=witness.dead,
        exit_codes=tuple(one.code for one in ran),
        faults=tuple(trouble.spoilt),
        kills=trouble.kills,
        problems=problems,
        report=_copy_report(folder, incident),
        folder=str(folder.root) if world.options.keep else "",
    )


def _command(world: setup.World, line: CommandLine, watch: Watch, files: list[str], trouble: Trouble) -> list[Ran]:
    """`ir rotate`, and `ir resume` for as long as the run waits for the person or has debts that a person can settle.

    A process that was killed is resumed; what was refused or rolled back, because nothing answered, is begun again.
    """
    human = Human(world.account, world.folder.keys / "new", watch.say, slip_of(world.options.seed))
    exposed = datetime.fromtimestamp(world.account.exposed_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    words = ["rotate", "stripe", *files, "--exposed-at", exposed, "--leaked-via", "repo", "--reason", "drill", "--yes"]
    ran = [_one(line, watch, words, trouble)]
    while len(ran) <= _MOST_RESUMES and ran[-1].code != ExitCode.DONE:
        incident = _incident_of(ran)
        helped = bool(incident) and help_with_rights(line, watch.say, incident, ran[-1])
        helped = _human_helps(world, human, watch, ran[-1]) or helped
        if not world.options.faults and not (incident and helped):
            break
        if _ASKS_FOR_USE in ran[-1].output and incident:
            watch.say("the human looks at Last used in the row of the old key")
            line.run("approve", incident, "--unused", "Last used is from before the services moved")
        begin_again = ran[-1].code in (ExitCode.REFUSED, ExitCode.ROLLED_BACK) or not incident
        ran.append(_one(line, watch, words if begin_again else ["resume", incident, "--yes", *human.key_source], trouble))
    return ran


def _one(line: CommandLine, watch: Watch, words: list[str], trouble: Trouble) -> Ran:
    watch.say(f"$ ir {shlex.join(words)}")
    ran = line.run(*words, kill_after=trouble.moment())
    if ran.code == -signal.SIGKILL:
        trouble.kills += 1
        watch.say(f"kill -9 after {ran.took:.1f} s")
    return ran


def _human_helps(world: setup.World, human: Human, watch: Watch, last: Ran) -> bool:
    """Whether another `ir resume` may help."""
    if last.code == ExitCode.WAITING and not world.options.managed:
        if _ASKS_FOR_USE not in last.output and not human.click(last.output):
            time.sleep(1.0)
        return True
    if last.code == ExitCode.DEBT and world.account.loot:
        watch.say("the human removes what the stranger left behind: webhook endpoint, coupon, instant payout")
        world.account.clean_up()
        return True
    return False


def _incident_of(ran: list[Ran]) -> str:
    hit = next((hit for one in reversed(ran) if (hit := _INCIDENT.search(one.output))), None)
    return hit.group().decode() if hit else ""


def _copy_report(folder: Folder, incident: str) -> str:
    """The drill's folder goes away; its report stays in the operator's state folder, the newest one only."""
    if not incident:
        return ""
    found = sorted((folder.state / "incidents" / incident).glob("*.html"))
    if not found:
        return ""
    target = state_folder.folder() / "drill-report.html"
    write_private(target, found[0].read_text(encoding="utf-8"))
    return str(target)
