"""The catalogue of actions, as data: the effect, needs, results and settings of each.

Dry run, confirmation and retry follow from `danger` in one place, the workflow.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ir.core.durations import Seconds
from ir.core.model import Danger


class Params(BaseModel):
    """Settings of an action, under `with:` in a playbook."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoParams(Params):
    """An action without settings."""


class ReviewParams(Params):
    """`budget`: seconds the review may take, 0 = all it needs. `since`: how far back."""

    budget: Seconds = 0.0
    since: Seconds = 30 * 86400.0


class WaveParams(Params):
    """`which` waves; `soak`: seconds to wait and look again; `patience`: seconds per service until it must pass."""

    which: Literal["canary", "rest", "all"] = "all"
    soak: Seconds = 0.0
    patience: Seconds = 60.0


class VerifyParams(Params):
    """`patience`: seconds per service until it must pass."""

    patience: Seconds = 60.0


class DeliveryParams(Params):
    """`for`: seconds to wait for a delivery that Stripe signed; `patience`: after so many an event that was not taken is refused."""

    for_: Annotated[Seconds, Field(alias="for")] = 600.0
    patience: Seconds = 60.0


class UndeliveredParams(Params):
    """`for`: seconds to wait for Stripe's next try, where the services still take what the old secret signs."""

    for_: Annotated[Seconds, Field(alias="for")] = 60.0


class RemoveParams(Params):
    """`after`: seconds from the kill until what is left is deleted."""

    after: Seconds = 3 * 86400.0


class QuietParams(Params):
    """`for`: seconds without use of the old key by us; `required`: whether use afterwards stops the run."""

    for_: Annotated[Seconds, Field(alias="for")] = 10.0
    required: bool = False


class GraceParams(Params):
    """`for`: seconds in which both keys live (scheduled policy)."""

    for_: Annotated[Seconds, Field(alias="for")] = 0.0


class RetireParams(Params):
    """`patience`: seconds per service for the last look before the kill."""

    patience: Seconds = 60.0


class ProveParams(Params):
    """`window`: seconds of unbroken death; `limit`: seconds to wait for it; `every`: seconds between polls."""

    window: Seconds = 15.0
    limit: Seconds = 600.0
    every: Seconds = 1.0


class WatchParams(Params):
    """`for`: seconds to look at the services after the kill."""

    for_: Annotated[Seconds, Field(alias="for")] = 30.0


@dataclass(frozen=True)
class ActionSpec:
    """The properties of an action.

    Attributes:
        danger: what it does to the world.
        says: one line for the printed plan.
        undo: how it is undone, empty when there is nothing to undo.
        needs, gives: facts that must stand before it, and that it establishes; one of `needs` joined by `|` suffices.
        key_alone: it works on the key at its provider, and asks no store and no service.
    """

    danger: Danger
    says: str
    undo: str = ""
    needs: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    params: type[Params] = NoParams
    key_alone: bool = False


_R, _W, _X = Danger.READ, Danger.REVERSIBLE, Danger.IRREVERSIBLE

ACTIONS: dict[str, ActionSpec] = {
    "preflight": ActionSpec(
        _R, "look at the key, and at every store and service that is about to change", gives=("looked",), key_alone=True
    ),
    "clear": ActionSpec(
        _W, "clear the unfinished rotations of others that were shown; it cannot be put back", "", ("looked",), ("cleared",)
    ),
    "review": ActionSpec(_R, "read Stripe's record and our logs for misuse", gives=("reviewed",), params=ReviewParams, key_alone=True),
    "contain": ActionSpec(
        _W, "take the leaked key away from strangers", "restore its permissions or access policy", gives=("contained",), key_alone=True
    ),
    "money": ActionSpec(
        _R, "list pending payouts, transfers and new accounts, each with its cancel link", gives=("money",), key_alone=True
    ),
    "custody": ActionSpec(_W, "back up the old key in a store or the keyring", "discard", gives=("custody",)),
    "mint": ActionSpec(_W, "get a replacement key and keep it", "expire the replacement", ("custody",), ("new-key",)),
    "check": ActionSpec(_R, "prove the replacement: alive, same account, same mode", "", ("new-key",), ("checked",)),
    "stage": ActionSpec(_W, "place the replacement beside the current key in every store", "discard the stage", ("new-key",), ("staged",)),
    "wave": ActionSpec(
        _W,
        "promote in the stores, reload the services, verify each",
        "put the old key back and reload",
        ("staged", "checked"),
        ("promoted",),
        WaveParams,
    ),
    "verify": ActionSpec(
        _R, "look at every service once more: does it hold the replacement?", "", ("promoted",), ("verified",), VerifyParams
    ),
    "delivery": ActionSpec(
        _R, "wait for an event that Stripe signed and the services took", "", ("promoted",), ("delivered",), DeliveryParams
    ),
    "undelivered": ActionSpec(
        _W,
        "send events that wait at the old endpoint to the services, signed with the new secret",
        "",
        ("promoted",),
        ("drained",),
        UndeliveredParams,
    ),
    "forged": ActionSpec(_R, "ask the services for events that they processed and Stripe never made", gives=("looked-for-forged",)),
    "quiet": ActionSpec(_R, "ask whether our services still use the old key", "", ("promoted",), ("quiet",), QuietParams),
    "grace": ActionSpec(_R, "let both keys live for a while", "", ("promoted",), ("grace",), GraceParams),
    "retire": ActionSpec(_X, "kill the old key", "", ("custody", "verified|contained|no-services"), ("retired",), RetireParams),
    "prove": ActionSpec(_R, "poll the old key until it is proven dead", "", ("retired",), ("proven",), ProveParams),
    "remove": ActionSpec(
        _X, "delete the dead key's endpoint, where it had one, some days later", "", ("proven",), ("removed",), RemoveParams
    ),
    "sweep": ActionSpec(_R, "look for what an attacker left behind", gives=("swept",), key_alone=True),
    "watch": ActionSpec(_R, "look at the services after the kill", "", ("retired",), ("watched",), WatchParams),
    "report": ActionSpec(_R, "write the incident report and the evidence bundle", gives=("reported",), key_alone=True),
}
