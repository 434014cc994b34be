"""Decide which work a worker takes: a person that it trusts must have agreed, and its own logins must open the stores."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from ir.core.errors import IrError, Refused
from ir.fleet import agreed_work
from ir.fleet.agreed_work import Trust, Work
from ir.fleet.campaign import Child, ChildState
from ir.fleet.campaign_store import CampaignLedger
from ir.fleet.campaign_tables import CAMPAIGNS
from ir.fleet.fitness import Fitness

POSTPONE, POSTPONED_MOST = 15.0, 8
"""Seconds until a child that could not begin is tried again, and how often."""


@dataclass
class Admission:
    """The admission rules of one worker.

    Attributes:
        scope: whose children it runs at all.
        shunned: campaigns without the consent of a trusted person, and what was said of them: other workers may run them.
    """

    book: CampaignLedger
    scope: sa.ColumnElement[bool]
    trust: Callable[[], Trust]
    fitness: Fitness
    tell: Callable[[Child], None]
    shunned: dict[str, Refused] = field(default_factory=dict)

    @property
    def open(self) -> sa.ColumnElement[bool]:
        """The scope without the shunned campaigns."""
        return self.scope & CAMPAIGNS.c.campaign.not_in(list(self.shunned)) if self.shunned else self.scope

    def goes_on(self, child: Child) -> Work | None:
        """The work of a child that another worker had; None: this worker may not take it up."""
        work = self.trusted(child)
        return work if work is not None and self.fitness.may_take(child, work) else None

    def begins(self, child: Child) -> Work | None:
        """The work of a child that this worker claimed; None: this worker may not begin it, and gave it back."""
        work = self.trusted(child)
        if work is None:
            self.book.settle(child, ChildState.QUEUED)
            return None
        may = self.fitness.may_take(child, work)
        if may is None and child.postponed < POSTPONED_MOST:
            self.book.settle(child, ChildState.QUEUED, said="a store gave no answer", postpone=POSTPONE)
            return None
        if may is False:
            self.book.settle(child, ChildState.QUEUED)
            self.tell(replace(child, state=ChildState.QUEUED, said=f"this worker takes nothing: {self.fitness.said}"))
        return None if may is False else work

    def trusted(self, child: Child) -> Work | None:
        """What a trusted person agreed to, else None. What was changed since is for no worker, and ends when it is run."""
        try:
            trust = self.trust()
        except IrError as error:  # this worker's own file, which may be right again in a moment
            self.fitness.said = error.what
            return None
        row = self.book.setting(child)
        try:
            agreed_work.check(child, row, trust)
        except agreed_work.Changed as error:
            return Work(row, error)
        except Refused as error:
            self.shunned[child.campaign] = error
            self.tell(replace(child, state=ChildState.QUEUED, said=f"{error.what}; {error.next_step}"))
            return None
        return Work(row)
