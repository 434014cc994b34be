"""The invariants of a trial: at each call that could cut a service off, after each step, and at the end."""

import json
from functools import partial
from typing import Any

from ir.core.errors import ExitCode
from ir.core.model import Did
from ir.drill.embedded.leak_search import told
from ir.drill.simulated.other_key import NAME as OTHER
from ir.drill.simulated.promises import NotKept, promised
from ir.drill.simulated.provider import SimKey
from ir.drill.simulated.services import SimService
from ir.drill.simulated.trial import Trial
from ir.incident.record import Incident
from ir.ports import Target


class Judge:
    """Watches one trial, by the simulated world and never by the workflow's own words.

    Attributes:
        upset: thing → number of calls after which something outside last changed it.
        unfair: a fault that no tool can fix, so that only the debts are judged: a dead replacement.
    """

    def __init__(self, trial: Trial) -> None:
        self.trial, self.sim = trial, trial.sim
        self.overlap = trial.sim.plan.policy != "exploited"
        self.upset: dict[str, int] = {}
        self.unfair: set[str] = set()
        self.contained_by_signal = False
        self.wrong: list[str] = []
        trial.script.before = self.before
        for name, store in self.sim.stores.items():
            store.changed = partial(self.happened, name)
        for name, service in self.sim.services.items():
            service.changed = partial(self.happened, name)
        self.sim.other.changed = partial(self.happened, OTHER)

    def happened(self, thing: str) -> None:
        """Something outside changed this thing just now."""
        self.upset[thing] = len(self.trial.script.calls)

    # ── at the calls that kill ──

    def before(self, call: str, args: tuple[Any, ...]) -> None:
        """Looks at a call before it is made."""
        try:
            if call == "issuer.retire":
                self._may_be_killed(args[1])
            if call == "issuer.mint" and not self.sim.provider.guided:
                doubled = [key.name for key in self._minted() if key.dies_at is None]
                promised(not doubled, f"a key is minted while {doubled} is alive")
            promised(call != "issuer.contain" or not self.overlap, "an overlap run contained the key though nobody asked for it")
        except NotKept as error:  # the workflow would take it for a bug of an adapter
            self.wrong.append(str(error))

    def _may_be_killed(self, target: Target) -> None:
        key = next((k for k in self.sim.provider.keys if k.id == target.id or k.value == target.value), None)
        if key is None:
            raise NotKept(f"a key that does not exist is killed: {target.id}")
        if not self.sim.provider.lives(key):
            return
        if key is self.sim.leaked:
            self._leaked_may_be_killed()
        else:
            promised(key.id in self._ours(), f"a stranger's key is killed: {key.name}")
            users = [n for n, s in self.sim.services.items() if s.held == key.value and not self._fresh(n)]
            stores = [n for n, s in self.sim.stores.items() if s.value == key.value and not self._fresh(n)]
            promised(not users and not stores, f"{key.name} is killed while {users or stores} holds it")

    def _leaked_may_be_killed(self) -> None:
        if not self.overlap:
            return
        new = self.new()
        if new is None:
            raise NotKept("the leaked key is killed and there is no replacement")
        promised(self.sim.provider.lives(new) or self._fresh("new"), "the leaked key is killed though the replacement is dead")
        for name, service in self.sim.services.items():
            promised(service.held == new.value or self._fresh(name), f"the leaked key is killed while {name} holds it")
            lacks = service.refused and service.held.fingerprint in service.told
            promised(not lacks or self._fresh(name), f"the leaked key is killed while {name} told that the replacement lacks a right")
        other = self.sim.other.service.held
        promised(other != self.sim.leaked.value or self._fresh(OTHER), f"the leaked key is killed while {OTHER} holds it")
        for name, store in self.sim.stores.items():
            promised(store.value == new.value or self._fresh(name), f"the leaked key is killed while {name} holds it")

    def _fresh(self, thing: str) -> bool:
        """It was changed from outside while the present step ran: no look could have shown that."""
        return self.upset.get(thing, -1) > self.trial.step_began

    # ── after each rule ──

    def always(self) -> None:
        """What holds at any time."""
        promised(not self.wrong, "; ".join(self.wrong))
        promised(self.trial.journal.grows(), "the chain is broken")
        if self.overlap and not self.sim.provider.guided and not self.contained_by_signal:
            promised(not self.sim.leaked.narrowed, "an overlap run contained the key though nobody asked for it")
        record = self.trial.record
        if record.ended and record.status in ("debt", "aborted"):
            self._all_named(record)
        promised("used_at" not in record.facts.get("quiet", {}), "our own use of the old key was taken for somebody else's")

    # ── at the end ──

    def finally_(self) -> None:
        """The incident has ended, and the outside world was calm for a while."""
        self.always()
        promised(not self.trial.journal.stream or self.trial.journal.holds(), "the chain is broken")
        record = self.trial.record
        last = record.runs[-1] if record.runs else None
        where = f"{last.id} {last.outcome.said}" if last else ""
        promised(self.trial.state == "ended", f"wedged: {where}; {list(record.debts)}")
        self.sim.clock.sleep(60)
        judge = {"done": self._done, "rolled back": self._rolled_back, "refused": self._refused}.get(record.status)
        if judge is not None:
            judge(record)
        if record.status != "aborted":
            self._custody_is_over(record)
        if record.status != "done":
            self._all_named(record)
        self._nothing_told()

    def _done(self, record: Incident) -> None:
        provider = self.sim.provider
        promised(record.exit_code == ExitCode.DONE and not record.debts, f"done, with {record.exit_code} and debts {list(record.debts)}")
        promised(not provider.lives(self.sim.leaked), "done, and the leaked key lives")
        promised(self._proof() >= self._window(), f"death was believed after {self._proof():.0f} s")
        new = self.new()
        if new is None:
            raise NotKept("done, and there is no replacement")
        seen = self._seen_by("watch")
        living = [key for key in self._minted() if provider.lives(key)]
        if "new" not in self.unfair:
            promised(living == [new], f"done with {[k.name for k in living]} alive")
        self._others_work()
        for name, service in self.sim.services.items():
            lacks = service.refused and service.held.fingerprint in service.told
            promised(not lacks or self.upset.get(name, -1) >= seen, f"done, and {name} told that the replacement lacks a right")
        for name, store in self.sim.stores.items():
            promised(store.value == new.value or self.upset.get(name, -1) >= seen, f"done, and {name} is not on the replacement")
        for name, service in self.sim.services.items():
            promised(service.held == new.value or self.upset.get(name, -1) >= seen, f"done, and {name} is not on the replacement")

    def _others_work(self) -> None:
        """No service of another key is cut off, unless it was given the leaked key after the last look."""
        late = self.upset.get(OTHER, -1) >= self._seen_by("retire")
        promised(self.sim.other.works or late, "done, and a listed service of another key is on the dead key")

    def _proof(self) -> float:
        """Seconds over which the leaked key was last seen dead, poll after poll."""
        polls = [(at, alive) for at, key, alive in self.sim.provider.polls if key == self.sim.leaked.value]
        last = next((n for n in range(len(polls), 0, -1) if polls[n - 1][1]), 0)
        return polls[-1][0] - polls[last][0] if last < len(polls) else 0.0

    def _window(self) -> float:
        return next(float(step.params["window"]) for step in self.sim.plan.steps if step.action == "prove")

    def _rolled_back(self, record: Incident) -> None:
        promised(record.exit_code == ExitCode.ROLLED_BACK, f"rolled back, with exit code {record.exit_code}")
        leaked, seen = self.sim.leaked, self._seen_by("undo")
        held = {name: store.value for name, store in self.sim.stores.items()}
        held.update({name: service.held for name, service in self.sim.services.items()})
        for name, value in held.items():
            told = name in record.debts or self.upset.get(name, -1) >= seen
            promised(value == leaked.value or told, f"rolled back, and {name} is not on the old key")

    def _refused(self, record: Incident) -> None:
        promised(record.exit_code == ExitCode.REFUSED, f"refused, with exit code {record.exit_code}")
        minted = {key.value for key in self._minted()}
        living = [key.name for key in self._minted() if self.sim.provider.lives(key)]
        promised(not living, f"refused, nothing changed, and {living} live")
        for name, store in self.sim.stores.items():
            promised(store.value not in minted, f"refused, nothing changed, and {name} holds a key of ours")
            promised(not (store.kept or store.staged), f"refused, nothing changed, and {name} still keeps something")

    def _custody_is_over(self, record: Incident) -> None:
        for name, store in self.sim.stores.items():
            noted = {name, f"custody of {record.id}"} & set(record.debts)
            promised(not (store.kept or store.staged) or noted, f"{record.status}, and {name} still keeps something")

    def _all_named(self, record: Incident) -> None:
        """Each live key that services do not need is named among the debts."""
        provider = self.sim.provider
        new = record.facts.get("new", {})
        for key in self._minted():
            in_use = record.status in ("debt", "done") or (record.status == "attested" and self._is_held(key))
            used = in_use and key.value.fingerprint == new.get("fingerprint")
            named = (
                f"strays of {record.id}" in record.debts
                or key.id in record.debts
                or key.value.fingerprint in record.debts
                or key.name in record.debts
            )
            promised(not provider.lives(key) or used or named, f"{record.status}: {key.id} {key.name} lives and is not named")
        leaked = self.sim.leaked
        excused = record.status == "refused" or (record.status == "attested" and self._could_not_look())
        if provider.lives(leaked) and not excused and "payments" not in record.debts:
            told = leaked.value.fingerprint in {*record.debts, *record.accepted}
            promised(told, f"{record.status}: the leaked key lives and is not named")

    def _is_held(self, key: SimKey) -> bool:
        holders = [*(store.value for store in self.sim.stores.values()), *(service.held for service in self.sim.services.values())]
        return key.value in holders

    def _could_not_look(self) -> bool:
        """Whether something went wrong while a person's word was taken: what gives no answer then is what the word is about."""
        met = self.trial.script.met[self.trial.met_before.get("close", 0) :]
        return bool(met) or any(store.shut for store in self.sim.stores.values())

    def _nothing_told(self) -> None:
        """Nothing that was recorded or said holds a key, in any form."""
        keys = [key.value.reveal() for key in self.sim.provider.keys]
        written = json.dumps([self.trial.journal.stream, self.trial.journal.outputs]).encode()
        promised(not told(keys, written), "a key was recorded")

    # ── words ──

    def new(self) -> SimKey | None:
        """The replacement as the record knows it."""
        mark = self.trial.record.facts.get("new", {}).get("fingerprint")
        return next((key for key in self.sim.provider.keys if key.value.fingerprint == mark), None)

    def _minted(self) -> list[SimKey]:
        """Keys that our calls made; by hand, those that a human gave us and we took."""
        if not self.sim.provider.guided:
            return [key for key in self.sim.provider.keys if key.name.startswith("ir-")]
        taken = {secret for store in self.sim.stores.values() for secret in [*store.kept.values(), *store.staged.values(), store.value]}
        new = self.new()
        return [k for k in self.sim.provider.keys if k.name == "by hand" and (k.value in taken or k is new)]

    def _ours(self) -> set[str]:
        return {key.id for key in self._minted()}

    def _seen_by(self, action: str) -> int:
        """The number of calls after which that action last looked."""
        return self.trial.began.get(action, 0)

    def service(self, name: str) -> SimService:
        """The service of that name."""
        return self.sim.services[name]


def waits_for(record: Incident) -> str:
    """The action that an incident waits in, empty when it does not wait."""
    last = record.runs[-1] if record.runs else None
    return last.action if last is not None and last.outcome.did is Did.WAITING else ""
