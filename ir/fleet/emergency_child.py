"""A child of an emergency whose key is being rotated already, with both values alive: it takes that rotation over.

Containment is not waited for by other children: it has a thread of its own, beside whatever process runs the rotation. After that the child
goes on with the rotation as with any incident that waits. What a rotation may run was agreed to before: by the child that began it, or
it is what this worker's own inventory says. One that somebody else began is contained, and its kill is left to a person.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from ir.core.errors import IrError, Refused
from ir.core.model import Policy
from ir.fleet import agreed_work
from ir.fleet.agreed_work import Trust
from ir.fleet.campaign import Child, ChildState
from ir.fleet.campaign_child import setting_of
from ir.fleet.campaign_store import CampaignLedger
from ir.incident.record import Incident
from ir.runtime import emergency, reopen, worlds
from ir.runtime.app_state import State
from ir.runtime.incident_spec import Setting, setting_from
from ir.runtime.lifecycle import Unattended
from ir.storage.patience import Away


class LeftToAPerson(Refused):
    """The rotation was begun with something that this worker was not told of."""


@dataclass(frozen=True)
class Result:
    """What became of one: the rotation that the child goes on with, "" = it was not taken over."""

    incident: str
    state: ChildState
    said: str
    exit_code: int


class TakeOvers:
    """Of one worker.

    Args:
        over: told the child's own incident once there is a result.
        away: told that the database did not come back.
    """

    def __init__(self, kept: State, book: CampaignLedger, over: Callable[[str], None], away: Callable[[Away], None]) -> None:
        self._kept, self._book, self._over, self._away = kept, book, over, away
        self._results: dict[str, Result] = {}

    def begins(self, child: Child, setting: Setting) -> bool:
        """Whether there is something to take over; then it is contained meanwhile, and `over` is told."""
        name = emergency.under_way(self._kept, setting)
        if name:
            threading.Thread(target=self._contain, args=(child, setting, name), daemon=True, name="ir-take-over").start()
        return bool(name)

    def result(self, child: Child) -> Result | None:
        """Told once; None: this child is none of those that take over."""
        return self._results.pop(child.incident, None)

    def _contain(self, child: Child, setting: Setting, name: str) -> None:
        try:
            self._results[child.incident] = self._contained(child, setting, name)
        except Away as error:
            self._away(error)
            return
        except IrError as error:
            self._results[child.incident] = Result("", ChildState.REFUSED, f"{name} is not taken over: {error.what}", int(error.exit_code))
        except Exception as error:  # noqa: BLE001 - one child that cannot be run must not end every worker that tries it
            said = f"unexpected {type(error).__name__}; to stop the leak now: ir contain {name}"
            self._results[child.incident] = Result("", ChildState.FAILED, said, 1)
        self._over(child.incident)

    def _contained(self, child: Child, setting: Setting, name: str) -> Result:
        record = reopen.record_of(self._kept, name)
        wanted = replace(setting, incident=name, plan=setting_from(name, record.opened).plan)  # what was agreed to now, and nothing else
        operator = Unattended(self._kept.me.actor, yes=setting.options.yes)
        world = worlds.beside(wanted, self._kept, operator, None, worlds.quiet)
        by = str((self._book.campaign(child.campaign) or {}).get("actor", self._kept.me.actor))
        outcome = emergency.contain(self._kept, world, record, by, ends=True, reason=setting.options.reason)
        return Result(name, ChildState.WAITING, f"{name} is taken over: {outcome.said}", 4)


def may_go_on(book: CampaignLedger, child: Child, setting: Setting, record: Incident, trust: Trust) -> None:
    """Whether the incident of a child that this worker is to go on with was begun with what was agreed to.

    Raises:
        Changed: its record says something else.
        LeftToAPerson: it was taken over, and it was begun without the consent of a person whom this worker trusts.
    """
    if setting.plan.policy is not Policy.EXPLOITED or record.plan["policy"] == Policy.EXPLOITED.value:
        agreed_work.same(setting, record)
    elif not (agreed_work.by_own(record, trust) or any(_began(book, other, record, trust) for other in _beside(book, child))):
        what = f"{record.id} is taken over, and not continued here, where nothing tells who agreed to what it was begun with"
        raise LeftToAPerson(f"{what}: ir resume {record.id}")


def _beside(book: CampaignLedger, child: Child) -> list[Child]:
    """Other children of the same incident and the same key."""
    return [other for other in book.of_incident(child.incident) if other.id != child.id and other.named == child.named]


def _began(book: CampaignLedger, other: Child, record: Incident, trust: Trust) -> bool:
    told = book.setting(other)
    try:
        agreed_work.check(other, told, trust)
        agreed_work.same(setting_of(other, told), record)
    except Refused:
        return False
    return True
