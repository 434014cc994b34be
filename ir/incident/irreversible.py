"""The warning before an irreversible act, and the name that a person has to type: what dies, what fails, what was not looked at.

Pure, and the same for both terminals that ask: the run's own, and that of `ir approve`.
"""

from ir import inventory
from ir.core.model import Json
from ir.incident.context import ACCEPTS
from ir.incident.facts import of_role
from ir.incident.record import Incident
from ir.ports import Irreversible

NO_INVENTORY = "(no inventory)"
"""The name of an inventory that was made up for one leaked key; its key has no name that a person would know."""
_RARE = 3


def to_kill(record: Incident, ends_in: str = "") -> Irreversible:
    """The death of the old key. `ends_in`: its last four characters, "" = not known here; for the eyes only."""
    key = called(record, "old", ends_in)
    seen = record.run_of("verify")
    return _asked(
        record,
        ends_in,
        f"{key} dies. It cannot be brought back.",
        "From then on every program that still uses it is refused by Stripe.",
        f"Seen: {seen.outcome.said if seen else 'no service was verified'}.",
        *rare_consumers(record),
        f"Not looked at: {unseen(record)}.",
    )


def to_contain(record: Incident, ends_in: str = "") -> Irreversible:
    """The death of the leaked key, when it is contained by rotating or killing it. `ends_in`: as in `to_kill`."""
    services = ", ".join(_services(record)) or "none is listed"
    return _asked(
        record,
        ends_in,
        f"{called(record, 'old', ends_in)} dies as soon as you have clicked. It cannot be brought back.",
        f"From then on every program that still uses it is refused by Stripe, until it has another key. Listed services: {services}.",
        *rare_consumers(record),
        f"Not looked at before it is contained: any service; {unseen(record)}.",
    )


def to_delete(record: Incident) -> Irreversible:
    """The warning before the remains of a dead key at the provider are deleted."""
    left = record.facts["old"].get("id", "")
    return _asked(
        record,
        "",
        f"{left}, which is disabled, is deleted at Stripe with its settings, after the days that the plan says. It cannot be brought back.",
        "Nothing fails meanwhile: its secret is dead already.",
        f"Not looked at: {unseen(record)}.",
    )


def to_go_back(record: Incident, ends_in: str = "") -> Irreversible:
    """The death of the replacement, after a rollback."""
    moved = [name for name, row in record.facts.get("services", {}).items() if row.get("after")]
    return _asked(
        record,
        ends_in,
        f"{called(record, 'new', ends_in)} dies, once the stores and services are on the old key again. It cannot be brought back.",
        f"Services are reloaded meanwhile: {', '.join(moved or _services(record)) or 'none is listed'}. The leaked key stays alive.",
        f"Not looked at: {unseen(record)}.",
    )


def to_purge(record: Incident, files: int) -> Irreversible:
    """The warning before collected personal data is deleted."""
    return _asked(
        record,
        "",
        f"{'1 evidence file' if files == 1 else f'{files} evidence files'} of {record.id} will be deleted. Only the hashes stay.",
        "No service fails. What the files say can be read nowhere else any more.",
        "Not looked at: copies that somebody made of the bundle.",
    )


def rare_consumers(record: Incident) -> list[str]:
    """Lines on programs that the review saw to use the key rarely but regularly, so that no wait of ours would have shown them."""
    key = record.facts.get("old", {}).get("id", "")
    rows: list[Json] = [*record.facts.get("review", {}).get("regular", ())]
    known = [str(row["said"]) for row in rows if not key or not str(row["key"]).startswith("mk_") or row["key"] == key]
    more = f"; and {len(known) - _RARE} more" if len(known) > _RARE else ""
    return (
        [f"Seen rarely, but regularly, in Stripe's request log: {'; '.join(known[:_RARE])}{more}. Does it have the replacement?"]
        if known
        else []
    )


def unseen(record: Incident) -> str:
    """What may still use the key unseen: exceptions by name, places that could not be read or compared, and everything unlisted."""
    said: list[Json] = [record.opened.get("options", {}), record.facts.get("accepted", {})]
    names = [name for options in said for option in ACCEPTS for name in options.get(option, {})]
    names += [
        name for name, row in record.facts.get("stores", {}).items() if (row.get("guided") or row.get("write_only")) and name not in names
    ]
    names += [row["name"] for row in record.facts.get("elsewhere", {}).get("unread", [])]
    return ", ".join([*dict.fromkeys(names), "whatever the inventory does not list"])


def called(record: Incident, role: str, ends_in: str = "") -> str:
    """The old or the new key as a person knows it; `ends_in` for the eyes only."""
    facts = of_role(record.facts, role)
    word = {"old": "The key", "new": "The replacement of"}[role]
    name = "" if unnamed(record) else str(record.opened.get("key", ""))
    marks = [f"…{ends_in}" if ends_in else "", str(facts.get("id") or facts.get("fingerprint") or "")]
    return " ".join(part for part in (word, name, f"({', '.join(mark for mark in marks if mark)})") if part)


def unnamed(record: Incident) -> bool:
    """Whether there is no inventory, so that the key has no name."""
    return record.opened.get("inventory_name") == NO_INVENTORY


def _asked(record: Incident, ends_in: str, *said: str) -> Irreversible:
    warning = "\n".join(said)
    if not unnamed(record):
        name = str(record.opened["key"])
        return Irreversible(warning, name, f"the key's name, {name},")
    if ends_in:
        return Irreversible(warning, ends_in, "the last four characters of the key that dies")
    return Irreversible(warning, record.id, f"the incident's id, {record.id},")


def _services(record: Incident) -> list[str]:
    source = inventory.loads(record.opened["inventory"], record.opened["inventory_name"])
    return [service.name for service in source.services_of(str(record.opened["key"]))]
