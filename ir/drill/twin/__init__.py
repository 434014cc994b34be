"""A stateful Stripe stand-in on loopback, for drills and tests; see `StripeTwin`."""

from ir.drill.twin.call_log import Use
from ir.drill.twin.faults import Fate, What
from ir.drill.twin.keys import Key, Kind, Token
from ir.drill.twin.settings import DeathText, Limits, Masking, TwinSettings, WallClock
from ir.drill.twin.stripe_twin import StripeTwin

__all__ = [
    "DeathText",
    "Fate",
    "Key",
    "Kind",
    "Limits",
    "Masking",
    "StripeTwin",
    "Token",
    "TwinSettings",
    "Use",
    "WallClock",
    "What",
]
