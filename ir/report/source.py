"""The data of one report: the fold of an incident with its entries, and the few questions that every section asks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ir.core.model import Debt, Did, Json
from ir.evidence.hash_chain import ChainVerdict, verify
from ir.incident.record import Incident, StepRun
from ir.report.escape import Tamer


@dataclass(frozen=True)
class Story:
    """An incident whose strings were all made harmless here, once.

    Attributes:
        entries: its audit entries as they were recorded (for hashing, never for showing); empty when not given.
        anchor: head hash that is kept outside; empty when there is none.
        checkpoints: what was signed of the entries (`ir.evidence.checkpoints`).
    """

    incident: Incident
    entries: Sequence[Json] = ()
    anchor: str = ""
    checkpoints: Sequence[Json] = ()
    tamer: Tamer = field(default_factory=Tamer)

    @cached_property
    def facts(self) -> Json:
        """The incident's facts."""
        return as_object(self.tamer(self.incident.facts))

    @cached_property
    def opened(self) -> Json:
        """How it was opened: plan, options."""
        return as_object(self.tamer(self.incident.opened))

    @cached_property
    def ended(self) -> Json:
        """How it ended; empty while it runs, also again because of a debt."""
        return as_object(self.tamer(self.incident.ended))

    @cached_property
    def plan(self) -> Json:
        """The plan as JSON."""
        return as_object(self.opened.get("plan"))

    @cached_property
    def options(self) -> Json:
        """What the operator asked for."""
        said = as_object(self.opened.get("options"))
        later = as_object(self.facts.get("accepted"))
        return {**said, **{name: {**as_object(said.get(name)), **as_object(rows)} for name, rows in later.items()}}

    @cached_property
    def shown_entries(self) -> list[Json]:
        """The entries with harmless strings."""
        return [as_object(self.tamer(entry)) for entry in self.entries]

    @cached_property
    def verdict(self) -> ChainVerdict:
        """The result of verifying the chain of entries."""
        return verify(self.entries, checkpoints=self.checkpoints, anchor=self.anchor)

    @cached_property
    def signals(self) -> list[Json]:
        """Signals that people sent, with `at` and `by`."""
        return [as_object(self.tamer(signal)) for signal in self.incident.signals]

    @cached_property
    def debts(self) -> list[Debt]:
        """The debts: what is still to do."""
        return [Debt(*(self.tamer(part) for part in (d.kind, d.about, d.why, d.todo))) for d in self.incident.debts.values()]

    @property
    def old(self) -> Json:
        """The leaked key."""
        return as_object(self.facts.get("old"))

    @property
    def new(self) -> Json:
        """The replacement."""
        return as_object(self.facts.get("new"))

    @property
    def policy(self) -> str:
        """`exposed`, `exploited`, `scheduled`, or empty."""
        return str(self.plan.get("policy") or self.opened.get("policy") or "")

    @property
    def emergency(self) -> Json:
        """`{by, at, reason}` of the word that the old key of a rotation has leaked; {} = not said."""
        return as_object(self.facts.get("emergency"))

    @property
    def leaked(self) -> bool:
        """Whether the old key leaked, by the policy, or because a person said so while both keys lived."""
        return self.policy != "scheduled" or bool(self.emergency)

    @property
    def dry_run(self) -> bool:
        """Whether it was a dry run."""
        return self.incident.dry_run

    @property
    def drill(self) -> bool:
        """Whether it was a drill, in an embedded world."""
        return bool(self.opened.get("drill") or self.options.get("drill"))

    @property
    def as_of(self) -> str:
        """The time of the last entry: the report describes that moment."""
        return str((self.incident.last or {}).get("at") or self.incident.ended_at or self.incident.opened_at)

    def entry_of(self, run: StepRun) -> int | None:
        """The number of the entry that recorded an attempt, None when the entries were not given."""
        numbers = [int(entry["n"]) for entry in self.entries if entry["kind"] == "step"]
        place = next((place for place, one in enumerate(self.incident.runs) if one is run), -1)
        return numbers[place] if len(numbers) == len(self.incident.runs) and place >= 0 else None

    def settled_run(self, action: str) -> StepRun | None:
        """The last attempt of `action` that was done, None when there is none."""
        done = (run for run in reversed(self.incident.runs) if run.action == action and run.outcome.did is Did.DONE)
        return next(done, None)

    def reviews(self) -> Json:
        """The widest review: the full one, else the triage; `sweep` completes its leftovers."""
        full, triage = as_object(self.facts.get("review")), as_object(self.facts.get("triage"))
        return full or triage


def as_object(value: Any) -> Json:
    """A JSON object, empty when it is anything else."""
    return value if isinstance(value, dict) else {}


def as_rows(value: Any) -> list[Any]:
    """A list; one object or string counts as one row, absence as none."""
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value in (None, "", {}, False) else [value]


def fingerprint_of(value: Any) -> str:
    """A fingerprint from `"3f…"` or `{"fingerprint": "3f…"}`; empty when there is none."""
    return str(as_object(value).get("fingerprint") or "") if isinstance(value, dict) else str(value or "")


def named(story: Story, key: Json) -> str:
    """The leaked key or its replacement by name and the provider's id (else the fingerprint); empty without both."""
    id_ = words(key.get("id") or key.get("fingerprint"))
    name = words(story.plan.get("key"))
    return f"{name} ({id_})" if name and id_ else id_


def words(value: Any) -> str:
    """A list or value as one phrase."""
    if isinstance(value, list | tuple):
        return ", ".join(words(part) for part in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {words(part)}" for name, part in value.items())
    return "yes" if value is True else "no" if value is False else "" if value is None else str(value)
