"""A state machine over a whole incident.

Every outward call may go wrong in every way, the process may die between any two calls, people may say anything at any time,
and the world may change under our hands. See `ir/drill/simulated/invariants.py` for what must hold.

`HYPOTHESIS_PROFILE`: `dev` (30 examples), `ci` (200), `nightly` (2,000 with crashes, 10,000 without).
"""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ir.drill.simulated.faults import FATES, Fate
from ir.drill.simulated.human import Human
from ir.drill.simulated.invariants import Judge
from ir.drill.simulated.trial import Trial
from ir.incident.context import Options

SIZES = {"mutants": (60, 60), "dev": (30, 30), "ci": (200, 200), "nightly": (2_000, 10_000)}
"""Profile → examples with crashes, without."""
WITH, WITHOUT = SIZES[os.environ.get("HYPOTHESIS_PROFILE", "ci")]
_CALLS = st.sampled_from([(call, fate) for call in sorted(FATES) for fate in (*FATES[call], Fate.SLOW)])
_TICKS = st.integers(0, 60)
_SERVICES = st.sampled_from(["canary", "web", "billing"])
_STORES = st.sampled_from([0, 1])
_FORGED = st.sampled_from(
    ["[1]", "null", "{", '{"facts": "classified_at"}', '{"facts": {"classified_at": 1e300}}', '{"plan": [], "accepts": {"a": 1}}']
)


class Incidents(RuleBasedStateMachine):
    """One incident per example; every rule is one turn of the world's."""

    crashes = True

    @initialize(policy=st.sampled_from(["exposed", "exploited", "scheduled"]), guided=st.booleans(), yes=st.booleans(), blind=st.booleans())
    def open(self, policy: str, guided: bool, yes: bool, blind: bool) -> None:
        self.trial = Trial(policy, guided=guided, options=Options(yes=yes), write_only=blind)
        self.judge = Judge(self.trial)
        self.human = Human(self.trial, self.judge)

    # ── the workflow goes on, or dies ──

    @rule(ticks=st.integers(1, 60))
    def goes_on(self, ticks: int) -> None:
        if self.trial.state == "parked":
            self.human.wakes()
        self.trial.advance(ticks)

    @rule()
    def runs_until_it_stops(self) -> None:
        if self.trial.state == "parked":
            self.human.wakes()
        self.trial.advance()

    @precondition(lambda self: self.crashes)
    @rule(ticks=_TICKS)
    def is_killed(self, ticks: int) -> None:
        self.trial.crash()
        self.trial.advance(ticks)

    @rule(which=_CALLS, ticks=_TICKS)
    def a_call_will_go_wrong(self, which: tuple[str, object], ticks: int) -> None:
        call, fate = which
        self.trial.script.waiting[call].append(fate)  # type: ignore[arg-type]  # sampled from FATES
        self.trial.advance(ticks)

    # ── people ──

    @rule(ticks=_TICKS)
    def somebody_wakes_it(self, ticks: int) -> None:
        self.human.wakes()
        self.trial.advance(ticks)

    @rule(ticks=_TICKS)
    def somebody_approves(self, ticks: int) -> None:
        self.human.approves()
        self.trial.advance(ticks)

    @rule(kind=st.sampled_from(["approve", "classify", "misuse"]), body=_FORGED, ticks=_TICKS)
    def a_signal_is_forged(self, kind: str, body: str, ticks: int) -> None:
        self.human.forges(kind, body)
        self.trial.advance(ticks)

    @rule(kind=st.sampled_from(["abort", "rollback", "close"]), ticks=_TICKS)
    def somebody_gives_up(self, kind: str, ticks: int) -> None:
        self.human.says(kind)
        self.trial.advance(ticks)

    @rule(ticks=_TICKS)
    def somebody_contains(self, ticks: int) -> None:
        self.human.contains()
        self.trial.advance(ticks)

    @rule(ticks=_TICKS)
    def somebody_works_in_the_dashboard(self, ticks: int) -> None:
        self.human.does_what_is_asked()
        self.trial.advance(ticks)

    # ── the world changes ──

    @rule(which=_STORES, ticks=_TICKS)
    def a_store_is_put_back(self, which: int, ticks: int) -> None:
        self.human.puts_back(which)
        self.trial.advance(ticks)

    @rule(which=_STORES, ticks=_TICKS)
    def a_stranger_writes(self, which: int, ticks: int) -> None:
        self.human.writes_another_key(which)
        self.trial.advance(ticks)

    @rule(name=_SERVICES, ticks=_TICKS)
    def a_service_breaks_or_heals(self, name: str, ticks: int) -> None:
        service = self.judge.service(name)
        service.broken = not service.broken
        self.trial.advance(ticks)

    @rule(name=_SERVICES, ticks=_TICKS)
    def a_service_sticks_or_not(self, name: str, ticks: int) -> None:
        service = self.judge.service(name)
        service.stuck = not service.stuck
        self.trial.advance(ticks)

    @rule(name=_SERVICES, ticks=_TICKS)
    def a_service_restarts(self, name: str, ticks: int) -> None:
        service = self.judge.service(name)
        service.held = service.store.value
        self.judge.happened(name)
        self.trial.advance(ticks)

    @rule(name=_SERVICES, ticks=_TICKS)
    def a_service_falls_back(self, name: str, ticks: int) -> None:
        self.judge.service(name).held = self.trial.sim.leaked.value
        self.judge.happened(name)
        self.trial.advance(ticks)

    @rule(ticks=_TICKS)
    def a_service_of_another_key_gets_the_leaked_one(self, ticks: int) -> None:
        self.human.uses_the_leaked_key_elsewhere()
        self.trial.advance(ticks)

    @rule(ticks=_TICKS)
    def stripe_deactivates_the_leaked_key(self, ticks: int) -> None:
        sim = self.trial.sim
        sim.leaked.dies_at = min(sim.leaked.dies_at or sim.clock.time, sim.clock.time)
        self.judge.happened("leaked")
        self.trial.advance(ticks)

    @rule(ticks=_TICKS)
    def the_replacement_dies(self, ticks: int) -> None:
        new = self.judge.new()
        if new is not None and self.trial.sim.provider.lives(new):
            new.dies_at = self.trial.sim.clock.time
            self.judge.happened("new")
            self.judge.unfair.add("new")
        self.trial.advance(ticks)

    @rule(seconds=st.sampled_from([1.0, 30.0, 900.0, 4000.0]), ticks=_TICKS)
    def time_passes(self, seconds: float, ticks: int) -> None:
        self.trial.sim.clock.sleep(seconds)
        self.trial.advance(ticks)

    @rule(seconds=st.sampled_from([-7200.0, -60.0, 60.0, 7200.0]), ticks=_TICKS)
    def somebody_sets_the_clock(self, seconds: float, ticks: int) -> None:
        self.trial.sim.clock.jump(seconds)
        self.trial.advance(ticks)

    # ── what must hold ──

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "judge"):
            self.judge.always()

    def teardown(self) -> None:
        if not hasattr(self, "judge"):
            return
        try:
            self.human.ends_it()
            self.judge.finally_()
        finally:
            self.trial.crash()


class CalmIncidents(Incidents):
    """The same without crashes: longer stories in the same time."""

    crashes = False


_COMMON = settings(
    deadline=None,
    stateful_step_count=14,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    database=None,
    phases=[Phase.generate] if os.environ.get("IR_NO_SHRINK") else [Phase.generate, Phase.shrink],
)

TestWithCrashes = Incidents.TestCase
TestWithCrashes.settings = settings(_COMMON, max_examples=WITH)
TestWithoutCrashes = CalmIncidents.TestCase
TestWithoutCrashes.settings = settings(_COMMON, max_examples=WITHOUT)
