"""The people around an incident: they signal, click in the Dashboard, fix what is broken, and end it."""

from ir.actions import unread
from ir.core.secret import Secret
from ir.drill.simulated.invariants import Judge, waits_for
from ir.drill.simulated.other_key import NAME as OTHER
from ir.drill.simulated.provider import SimKey
from ir.drill.simulated.stores import SimStore
from ir.drill.simulated.trial import Trial
from ir.incident.debts import LEARNED

PATIENCE = 12
"""How often a person fixes what is asked for and looks again, before the incident counts as stuck."""


class Human:
    """All people of the simulated world. They do what the tool asks for, or mischief."""

    def __init__(self, trial: Trial, judge: Judge) -> None:
        self.trial, self.judge, self.sim = trial, judge, trial.sim
        self._given: Secret | None = None
        trial.sim.provider.deliver = lambda: self._given

    # ── signals ──

    def says(self, kind: str, **body: object) -> None:
        """At any time before the end: afterwards the command line takes none."""
        if self.trial.state != "ended":
            self.trial.journal.send(kind, **body)

    def forges(self, kind: str, body: str) -> None:
        """A row in the table of signals that says what no person could have sent."""
        if self.trial.state != "ended":
            self.trial.journal.receive(kind, body)

    def wakes(self) -> None:
        """Somebody looks again."""
        self.says("wake")

    def approves(self) -> None:
        """Somebody approves this plan."""
        self.says("approve", plan=self.sim.plan.hash)

    def answers(self) -> None:
        """Approves, vouches, gives a right, or says that it may look again: whichever is waited for."""
        self._gives_a_right()
        {"approve": self.approves, "quiet": self.vouches}.get(waits_for(self.trial.record), self.wakes)()

    def _gives_a_right(self) -> None:
        """`ir approve --grant` of what the tool says to be lacking; in the Dashboard it is clicked, and then looked at again."""
        new, rights = self.judge.new(), self.trial.record.facts.get("rights", {})
        lacking = [row["name"] for row in rights.get("lacking", []) if row["name"] not in rights.get("granted", {})]
        if new is not None and self.sim.provider.guided:
            new.permissions = (*new.permissions, *(name for name in lacking if name not in new.permissions))
        elif new is not None:
            for name in lacking:
                self.says("approve", plan=self.sim.plan.hash, step="", grant=name, seen=new.value.fingerprint)

    def vouches(self) -> None:
        """Somebody saw in the Dashboard that the old key is not used any more."""
        verified = self.trial.record.run_of("verify")
        self.says("approve", plan=self.sim.plan.hash, step="", unused="`Last used` is old", seen=verified.ended if verified else "")

    def contains(self) -> None:
        """`ir contain INC` acts beside the workflow, and tells it."""
        leaked = self.sim.leaked
        if self.trial.state in ("ended", "new") or not self.sim.provider.lives(leaked):
            return
        self.judge.contained_by_signal = True
        leaked.narrowed = True
        facts = {"containment": {"how": "narrowed", "said": "narrowed", "before": list(leaked.permissions)}}
        self.says("contain", facts={**facts, "old": {"liveness": "narrow"}})

    # ── the Dashboard ──

    def does_what_is_asked(self) -> None:
        """Clicks what the waiting step asks for, and expires keys named as debts."""
        if self.sim.provider.guided and (action := waits_for(self.trial.record)):
            asked = self.trial.record.runs[-1].outcome
            self._clicks(action, f"{asked.said} {asked.todo}")
        for debt in self.trial.record.debts.values():
            key = next((k for k in self.sim.provider.keys if debt.about in (k.id, k.name, k.value.fingerprint)), None)
            if debt.kind == "key-alive" and key is not None and key is not self.judge.new() and key is not self.sim.leaked:
                self._expires(key)

    def _clicks(self, action: str, asked: str) -> None:
        if action == "contain" and self.sim.provider.lives(self.sim.leaked):
            self._expires(self.sim.leaked)
            if self._given is None and self.judge.new() is None:
                self._given = self.sim.provider.create("by hand").value
        if action == "mint" and (self._given is None or not self._lives(self._given)):
            self._given = self.sim.provider.create("by hand").value
        if action in ("retire", "undo") and "in the Dashboard" in asked:
            self._expires(self.sim.leaked if action == "retire" else (self.judge.new() or self.sim.leaked))

    def _expires(self, key: SimKey) -> None:
        if self.sim.provider.lives(key):
            key.dies_at = self.sim.clock.time

    def _lives(self, value: Secret) -> bool:
        row = self.sim.provider.row(value)
        return row is not None and self.sim.provider.lives(row)

    # ── mischief ──

    def puts_back(self, which: int) -> None:
        """GitOps puts the old value back."""
        name = list(self.sim.stores)[which]
        self.sim.stores[name].put(self.sim.leaked.value)
        self.judge.happened(name)

    def writes_another_key(self, which: int) -> None:
        """A colleague puts a third key there; before our first look it would be the key that the inventory means."""
        if "old" not in self.trial.record.facts:
            return
        name = list(self.sim.stores)[which]
        self.sim.stores[name].put(self.sim.provider.create("a colleague's").value)
        self.judge.happened(name)

    def uses_the_leaked_key_elsewhere(self) -> None:
        """A colleague gives it to a service of another key."""
        self.sim.other.gets(self.sim.leaked.value)

    # ── the end ──

    def ends_it(self) -> None:
        """Without further faults, a person fixes what the tool asks for and looks again until the incident has ended."""
        self.trial.script.clear()
        for _ in range(PATIENCE):
            self._mends()
            if self.trial.advance() == "ended":
                return
            self.does_what_is_asked()
            self.sim.clock.sleep(30)
            if self.trial.state == "parked":
                self._attests() if self._left_to_a_word() else self.answers()
        if self.judge.unfair:
            self.says("close", reason="the replacement was killed from outside")
            self.trial.advance()

    def _is_for_a_word(self, name: str) -> bool:
        debt = self.trial.record.debts[name]
        return debt.why == unread.BY_HAND or debt.kind == LEARNED

    def _left_to_a_word(self) -> bool:
        """Whether all that is still to do is what no look can tell."""
        debts = self.trial.record.debts
        return bool(debts) and waits_for(self.trial.record) == "" and all(self._is_for_a_word(name) for name in debts)

    def _attests(self) -> None:
        """`ir close`: the one who set it says so; a right that was added is confirmed, and ends no incident."""
        debts = self.trial.record.debts
        learned = [name for name, debt in debts.items() if debt.kind == LEARNED]
        for name in learned:
            self.trial.journal.say("closed", about=name, reason="it is meant")
        if learned:
            self.wakes()
        else:
            self.says("close", reason="I have set it", debt=next(iter(debts)))

    def _mends(self) -> None:
        """Services are put right, stores get the key that the tool wants them to hold."""
        for service in self.sim.services.values():
            service.broken, service.stuck, service.flaps = False, False, 0
        self.sim.provider.shut = self.sim.disk.shut = None
        for store in self.sim.stores.values():
            store.shut, store.reverts_in = None, 0
            store.catches_up()
        if {str(self.sim.other.store.ref), OTHER} & set(self.trial.record.debts):
            self.sim.other.gets(self.sim.other.own)
        wanted, debts = self._wanted(), self.trial.record.debts
        for name, store in self.sim.stores.items():
            behind = name in debts and debts[name].kind == "store-behind"
            strange = store.value not in wanted if store.promises.reads else self._told_of(store)
            if strange or (behind and store.value != wanted[0]):
                store.put(wanted[0])
                self.judge.happened(name)
        for name, service in self.sim.services.items():
            if name in debts:
                service.held = service.store.value
                self.judge.happened(name)

    def _told_of(self, store: SimStore) -> bool:
        """Whether the tool names a store that cannot be read, or a service that reads it: a person knows no more of it."""
        debts = self.trial.record.debts
        readers = {name for name, service in self.sim.services.items() if service.store is store}
        name = str(store.ref)
        return bool(readers & set(debts)) or (name in debts and not self._is_for_a_word(name))

    def _wanted(self) -> list[Secret]:
        """What a store may hold: the leaked key, or the replacement; where a third value stands, the tool says which."""
        new, old = self.judge.new(), self.sim.leaked
        forward = new is not None and (waits_for(self.trial.record) != "undo" or not self.sim.provider.lives(old))
        return [new.value, old.value] if forward and new is not None else [old.value, *([new.value] if new else [])]
