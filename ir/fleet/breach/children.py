"""The keys of a breach as children of one campaign: in order of danger, each knowing where it leaked, and whether that is closed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ir.core.model import Json
from ir.fleet.breach.item import BreachItem
from ir.fleet.campaign import Child
from ir.fleet.campaign_child import Source, child_for
from ir.incident.context import Options
from ir.incident.playbook import Playbook
from ir.inventory import Webhook

SIGNED_TWICE = 86_000.0
"""Seconds for which Stripe signs with the old signing secret, too, after a roll by hand: a little less than its day."""


@dataclass(frozen=True)
class Books:
    """The playbook of keys, and that of signing secrets."""

    keys: Playbook
    webhooks: Playbook


def children_of(source: Source, items: Sequence[BreachItem], books: Books, options: Options, now: float) -> list[tuple[Child, Json]]:
    """One child per key of the inventory among the items, in their order; canary keys have no turn of their own.

    Args:
        source: the inventory.
        items: those that the campaign replaces.
        books: their playbooks.
        options: of all; where each leaked is added.
        now: epoch seconds.
    """
    made = []
    for position, item in enumerate(items):
        key = source.inventory.key(item.key)
        said = replace(options, source=_leaked_from(item, [str(ref) for ref in key.stored_in]))
        book = books.keys
        if isinstance(key, Webhook):
            book = books.webhooks
            said = replace(said, old_key_expires=now + SIGNED_TWICE if key.roll == "dashboard" else 0.0)
        child, setting = child_for(source, key, book, said, position)
        made.append((replace(child, canary=False), setting))
    return made


def _leaked_from(item: BreachItem, stored_in: Sequence[str]) -> str:
    """The listed store that leaked; "" where it leaked at a place that the inventory does not list."""
    return next((place for place in item.places if place in stored_in), "")
