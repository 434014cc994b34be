"""A person rotates a key with expiration *Now*. It dies, and its replacement is in their clipboard, so the value is asked for at once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ir.adapters.issuers import dashboard_steps
from ir.adapters.issuers.dashboard_steps import EVERY
from ir.adapters.issuers.guided_watch import until_dead
from ir.core.errors import Waiting
from ir.core.model import Mode, Probe
from ir.core.secret import Secret
from ir.ports import Clock, Containment, Minted, MintOrder, Operator, Rotation, Target

AGAIN, LOST, NONE = "again", "lost", "not rotated"
_SURE = 2
_REMINDS_EVERY = 60.0
_UNATTENDED = 120.0
"""Seconds that a key may take to die where no person can be reminded (docs/stripe-facts.md, 1: seconds to minutes)."""
_DONE = "rotated in the Dashboard, the old key was seen dead"
Take = Callable[[MintOrder, Callable[[Secret], str]], Minted]
"""Ask for the value until a paste is good, and hand it to custody; raises Waiting when there is nothing more to take."""


@dataclass(frozen=True)
class GuidedRotation:
    """One guided rotation. `patience`: seconds until a key that does not die counts as not contained."""

    mode: Mode
    operator: Operator
    clock: Clock
    look: Callable[[Secret], Probe]
    take: Take
    patience: float

    def run(self, target: Target, rotation: Rotation) -> Containment:
        """Tell what to click, take the value, and watch both keys until the old one is dead.

        Raises:
            Waiting: nothing was rotated, as far as can be seen, and no value was given.
            Rejected: the *new* key died.
        """
        if rotation.found is not None:
            self.operator.tell("The value of the new key is in custody already.")
            return self._until_dead(target, rotation, self._minted(rotation, rotation.found))
        if rotation.told and self.look(target.value).liveness.dead:
            return self._value_of_the_dead(rotation)
        text = self._steps(rotation)
        if not rotation.sure():
            raise Waiting(f"not contained: {self.operator.name} said no", safe="the key lives, nothing was changed", next_step="ir resume")
        self.operator.tell(self._steps(rotation, target.value if self.operator.interactive else None))
        try:
            with self._says_when_dead(target.value):
                minted = self.take(rotation.order, rotation.keep)
        except Waiting as none:
            if self.look(target.value).liveness.dead:
                return self._unvalued(rotation)
            raise Waiting(f"{text}\n{none.what}", safe="nothing was changed that can be seen", next_step="ir resume") from None
        return self._until_dead(target, rotation, minted)

    def _steps(self, rotation: Rotation, leaked: Secret | None = None) -> str:
        order = rotation.order
        return dashboard_steps.to_rotate_now(self.mode, order.account, kept=order.kept, leaked=leaked)

    def _minted(self, rotation: Rotation, value: Secret) -> Minted:
        pasted = self.clock.now().timestamp()
        return Minted("", value, 0.0, rotation.order.kind, rotation.keep(value), pasted=pasted)

    def _until_dead(self, target: Target, rotation: Rotation, minted: Minted) -> Containment:
        if self.look(target.value).liveness.dead:
            return Containment("rotated", _DONE, minted=minted, value="taken")
        self.operator.tell("The leaked key still lives. Both keys are watched until it is dead.")
        end = self.clock.elapsed() + (self.patience if self.operator.interactive else _UNATTENDED)
        while not rotation.stop() and self.clock.elapsed() < end:
            if until_dead(target, minted.value, self.look, self.clock, stop=rotation.stop, patience=_REMINDS_EVERY):
                return Containment("rotated", _DONE, minted=minted, value="taken")
            self.operator.tell("The leaked key still lives: was Expiration `Now` chosen, in its own row? If not: ⋯ > `Expire key` there.")
        return Containment("none", "a new key was given, but the old one lives", minted=minted, value="taken")

    # ── a value that was not given ──

    def _value_of_the_dead(self, rotation: Rotation) -> Containment:
        """The key is dead, perhaps by this rotation: ask for the new value, and for nothing else."""
        order = replace(rotation.order, rotated=True)
        self.operator.tell(dashboard_steps.to_give_rotated(order))
        try:
            minted = self.take(order, rotation.keep)
        except Waiting:
            return self._unvalued(rotation)
        return Containment("rotated", _DONE, minted=minted, value="taken")

    def _unvalued(self, rotation: Rotation) -> Containment:
        if not self.operator.interactive:
            return Containment("rotated", "the old key was seen dead; the value of its replacement was not given yet", value="open")
        question = "The leaked key is dead, and the value of its replacement was not given. Is it lost?"
        word = self.operator.choose(question, (AGAIN, LOST, NONE))
        if word == AGAIN:
            return self._value_of_the_dead(rotation)
        if word == NONE:
            return Containment("expired", f"it died without a rotation, says {self.operator.name}")
        return Containment("rotated", f"{_DONE}; the value of its replacement is lost", value="lost")

    # ── while the value is asked for ──

    @contextmanager
    def _says_when_dead(self, key: Secret) -> Iterator[None]:
        """Watch the key while the prompt waits, and report its death there; only where a person sits."""
        if not self.operator.interactive:
            yield
            return
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(key, over), daemon=True, name="ir-guided-rotation")
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def _watch(self, key: Secret, over: threading.Event) -> None:
        dead = 0
        while not over.wait(EVERY):
            dead = dead + 1 if self.look(key).liveness.dead else 0
            if dead >= _SURE and not over.is_set():
                self.operator.tell("Stripe refuses the leaked key now. Paste the value of the new one.")
                return
