"""Find a replacement that exists already (no action of its own): in custody, at the provider, or from an earlier rotation."""

from contextlib import suppress

from ir.actions import successor
from ir.core.errors import Missing, PortError
from ir.core.model import Debt, Json, KeyRow
from ir.core.secret import Secret
from ir.incident.context import World
from ir.incident.record import Incident

AGAIN, LOST = "again", "lost"


def first(world: World, record: Incident) -> bool:
    """Whether this is certainly the first try: then no key of our name is listed. Custody is read all the same: it must answer by now."""
    return world.run.fresh and not world.ports.issuer.guided and int(record.facts["mint"]["n"]) == 1


def listed(world: World) -> tuple[KeyRow, ...] | PortError:
    """Keys of our name at the provider; a reason why they are unknown matters only when custody has none."""
    try:
        return world.ports.issuer.strays(world.incident)
    except PortError as error:
        return error


def rotated(world: World, record: Incident) -> Secret | None:
    """The value of this incident's own rotation; None: there was none, or a person says that it is lost.

    Raises:
        Missing: it was in a process that is gone, and was not given once more.
        PortError: its custody cannot be asked.
    """
    new = record.facts.get("new", {})
    if not new.get("rotated") or str(new["n"]) in record.facts["mint"].get("spoilt", {}):
        return None
    while True:
        try:
            return world.new_key(record.facts)
        except Missing:
            question = f"The value of the key that the rotation made ({new['fingerprint']}) is in no custody. Is it lost?"
            if not world.ports.operator.interactive or world.ports.operator.choose(question, (AGAIN, LOST)) == AGAIN:
                raise
            return None


def at_hand(world: World, record: Incident) -> tuple[int, Secret] | None:
    """The newest key of any try that custody holds; an adopted incident's may be elsewhere, and is kept from now on."""
    facts = record.facts
    spoilt = set(facts["mint"].get("spoilt", {}))  # kept, and expired after all: custody still has it, and it answers for a while
    tries = [n for n in range(int(facts["mint"]["n"]), 0, -1) if str(n) not in spoilt]
    found = _in_custody(world, tries, set(facts.get("adopted", {}).get("dead", [])))
    if found is not None or not facts.get("adopted") or not facts.get("new"):
        return found
    n, value = int(facts["new"]["n"]), world.new_key(facts)
    with suppress(PortError):  # it is found where it was in any case
        successor.keep(world, n, value)
    return n, value


def _in_custody(world: World, tries: list[int], dead: set[str]) -> tuple[int, Secret] | None:
    if not world.ports.custody.possible:
        return None
    for tried in tries:
        found = world.ports.custody.fetch(f"new-{tried}")
        if found is not None and found.fingerprint not in dead:
            return tried, found
    return None


def listed_still(world: World, record: Incident, n: int, rows: tuple[KeyRow, ...] | PortError) -> bool:
    """Whether the provider still has what custody holds; a process that was killed after it had expired the key could not record that.

    What a lost machine left was looked at when it was adopted, and the number of its try may not be known.
    """
    if world.ports.issuer.guided or isinstance(rows, PortError) or record.facts.get("adopted"):
        return True
    return any(row.name == f"ir-{world.incident}-{n}" for row in rows)


def not_taken(world: World, secret: Secret, why: str) -> tuple[Json, tuple[Debt, ...]]:
    """A key that answered once and is not the replacement, kept so that its death can be proven."""
    if world.ports.custody.possible:
        world.ports.custody.keep(f"seen-{secret.fingerprint}", secret)
    debt = Debt(
        "key-unproven", secret.fingerprint, f"a key that was given is not proven dead: {why}", f"ir resume {world.incident} looks again"
    )
    return {secret.fingerprint: why}, (debt,)


def seen(world: World, record: Incident) -> tuple[Json, tuple[Debt, ...]]:
    """Keys that were pasted, answered, and were not taken: kept, and debts until they are in use or seen dead."""
    found: Json = {}
    for secret, why in world.ports.issuer.seen_alive.items():
        if secret.fingerprint == record.facts["old"]["fingerprint"]:
            continue
        found |= not_taken(world, secret, why)[0]
    todo = f"expire it in the Dashboard, then: ir resume {world.incident}"
    return found, tuple(Debt("key-alive", mark, f"a pasted key that was not taken lives: {why}", todo) for mark, why in found.items())
