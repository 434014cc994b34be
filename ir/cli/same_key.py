"""Merge rows of the inventory that hold the leaked key under other names, so that one plan covers all its places and services."""

from collections.abc import Sequence

from ir.cli.terminal.consent_prompt import Consent
from ir.cli.terminal.operator import Terminal
from ir.core.secret import Secret
from ir.core.wording import counted
from ir.incident.context import Options
from ir.inventory import Key, consent, union
from ir.inventory.opened import Opened
from ir.runtime import which_key
from ir.runtime.incident_spec import inventory_text
from ir.runtime.same_value import OtherPlaces
from ir.runtime.surroundings import Around


def taken_in(asked: Consent, row: Key, operator: Terminal, leaked: Secret | None, options: Options) -> tuple[Opened, tuple[str, ...]]:
    """The inventory of the plan, and the names of the other keys whose places are this key's in it.

    Only stores are taken in, with the services that read them. What is found besides is left to preflight, which refuses it by name.
    """
    opened, source = asked.opened, asked.opened.source
    others = [key for key in source.keys if key.name != row.name]
    value = leaked or (which_key.held(opened, row, operator) if others else None)
    if value is None or not others:
        return opened, ()
    operator.screen.progress("looking whether the key is listed under another name, too")
    found = OtherPlaces(source, row, operator, opened.base, asked.agreed(consent.others(source, row))).compare(value.fingerprint)
    listed = which_key.also_listed(source, row, found, options.accept_unreachable)
    if not listed:
        return opened, ()
    places = [ref for refs in listed.values() for ref in refs]
    named, where = ", ".join(f"`{name}`" for name in listed), ", ".join(map(str, places))
    operator.tell(f"The same key is listed under {named}, too ({where}): one plan replaces it in all of them.")
    return Opened(inventory_text(union.merged(source, row.name, places)), opened.name, opened.base), tuple(listed)


def around(asked: Consent, keys: Sequence[Key]) -> Around:
    """What lies around the keys of a campaign, and what of it may be used to compare; of its own keys everything was agreed to."""
    source = asked.opened.source
    every, own = ({place for key in rows for place in consent.comparison(source, key)} for rows in (source.held, keys))
    agreed = {*asked.agreed(every - own), *own}
    return Around(inventory_text(source), asked.opened.name, str(asked.opened.base), tuple(sorted(agreed)))


def shared(opened: Opened, keys: Sequence[Key], operator: Terminal, asked: Consent) -> dict[str, list[str]]:
    """Of many keys, those whose value is elsewhere in the stores of the inventory, too, and where; each object is read once."""
    source = opened.source
    agreed = asked.agreed({place for key in source.held for place in consent.comparison(source, key)})
    found, unread = OtherPlaces(source, keys[0], operator, opened.base, agreed).shared(keys)
    if unread:
        operator.tell(f"Not compared with these keys, since they could not be read: {counted(unread, 'place')}.")
    return found
