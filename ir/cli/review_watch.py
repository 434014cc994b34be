"""`ir review stripe --watch 72h`: look again and again, tell what is new, and open the incident again."""

from collections.abc import Callable, Iterator

from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode, PortError
from ir.core.model import Finding
from ir.ports import Clock, Reviewed

EVERY = 300.0
"""Seconds between two looks; pages of Stripe's record that were read are not read again."""
_NAMED = 5


def watch(
    look: Callable[[float], Reviewed],
    show: Callable[[Reviewed], None],
    tell: Callable[[list[Finding]], list[str]],
    seconds: float,
    clock: Clock,
    screen: Screen,
    exposed_at: float = 0.0,
) -> ExitCode:
    """Ends with 7 at the first serious finding that is new, else when the time is up: 7 when there was one before, else 0.

    `look` is one review up to an epoch second; `show` prints it, once when it is for a machine; `tell` sends findings to the
    incidents they concern, and returns those that did not know them yet. Of what was left behind, all of since `exposed_at` counts;
    where that is not known (0), what the watch saw being made.

    A look that fails says so and is made again; only the first has to succeed.
    """
    begun = clock.now().timestamp()
    end, since = begun + seconds, exposed_at or begun
    reviewed = look(begun)
    known = _evidence(reviewed, since)
    if _told(tell, reviewed, since, screen):
        return _over(reviewed, show, ExitCode.MISUSE)
    if not screen.as_json:
        show(reviewed)
    while (left := end - clock.now().timestamp()) > 0:
        screen.progress(f"watching; {reviewed.verdict}; next look in {min(EVERY, left):.0f} s")
        clock.sleep(min(EVERY, left))
        try:
            reviewed = look(clock.now().timestamp())
        except PortError as error:
            screen.warn(f"this look failed, the next one may not: {error.what}")
            continue
        fresh = [one for one in serious(reviewed, since) if any((one.rule, evidence) not in known for evidence in one.evidence)]
        if fresh:
            _told(tell, reviewed, since, screen)
            for one in fresh[:_NAMED]:
                screen.warn(f"new: {one.severity} {one.rule}: {one.title} ({one.why})")
            screen.warn("take the key away with ir rotate stripe --policy exploited, if it still lives")
            return _over(reviewed, show, ExitCode.MISUSE)
    return _over(reviewed, show if screen.as_json else _nothing, ExitCode.MISUSE if known else ExitCode.DONE)


def serious(reviewed: Reviewed, since: float = 0.0) -> Iterator[Finding]:
    """High and critical findings, and what was left behind since a time as one of its own."""
    yield from (finding for finding in reviewed.findings if finding.severity in ("high", "critical"))
    for left in reviewed.leftovers:
        made = int(left["created"])
        if made < since and left["severity"] not in ("high", "critical"):
            continue
        title, why, undo = f"{left['kind']} was left behind", str(left["why"]), str(left["undo"])
        yield Finding("leftover", str(left["severity"]), title, why, "", made, made, 1, (str(left["id"]),), (), undo)


def _evidence(reviewed: Reviewed, since: float) -> set[tuple[str, str]]:
    return {(finding.rule, one) for finding in serious(reviewed, since) for one in finding.evidence}


def _told(tell: Callable[[list[Finding]], list[str]], reviewed: Reviewed, since: float, screen: Screen) -> list[str]:
    # What rests on a proposed time is shown, and makes no debt.
    names = tell([one for one in serious(reviewed, since) if not one.proposed])
    for name in names:
        screen.warn(f"{name} did not know of this and is open again: ir status {name}")
    return names


def _over(reviewed: Reviewed, show: Callable[[Reviewed], None], code: ExitCode) -> ExitCode:
    show(reviewed)
    return code


def _nothing(_reviewed: Reviewed) -> None:
    return None
