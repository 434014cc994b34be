"""Decide what a worker may run: work that was signed where it was agreed to, or that its own inventory lists. A row alone is data.

The setting of a child (inventory, plan, options) says which programs run with the worker's logins. Anyone who may write to the database can
change it, so a signature covers it, and the worker knows by itself whose signatures it obeys: its machine's evidence key, the team's, and
the approvers', all of the inventory that the worker was given, never of the row.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields

from ir import inventory
from ir.core import sshsig
from ir.core.errors import IrError, Refused
from ir.core.model import Json
from ir.evidence.checkpoints import Signer
from ir.evidence.hash_chain import canonical
from ir.fleet.campaign import Child, sliced
from ir.fleet.campaign_child import Source
from ir.incident import playbook
from ir.incident.context import Options
from ir.incident.plan import compile_plan
from ir.incident.playbook import Playbook
from ir.incident.record import Incident
from ir.runtime.incident_spec import Setting, inventory_text, setting_from
from ir.runtime.noted_store import Noted
from ir.runtime.surroundings import Around

NAMESPACE = "ir-work"
"""Keeps these signatures from being taken for an approval or a checkpoint."""
_AGREED = "agreed"
_HARMLESS = ("yes", "reason", "leaked_via", "exposed_at", "drill")
"""Options that let nothing happen that an inventory and a playbook do not say."""
Sign = Callable[[Json], Json]
"""A statement → `{statement, signature}`."""


class Changed(Refused):
    """The row was changed since it was signed."""


@dataclass(frozen=True)
class Trust:
    """The people whose word a worker takes.

    Attributes:
        keys: public key's fingerprint → whose it is, in words.
        own: the inventory on the worker's own disk.
        books: playbooks besides the shipped ones that lie there, or that the worker was given.
        around: what the database keeps under a SHA-256 (`runtime.surroundings`).
    """

    keys: Mapping[str, str] = field(default_factory=dict)
    own: Source | None = None
    books: Callable[[], Sequence[Playbook]] = tuple
    around: Callable[[str], Around | None] = lambda _name: None


@dataclass(frozen=True)
class Work:
    """What a child wants run, read once.

    Attributes:
        row: its setting, as the database had it.
        changed: why it ends when it is run, instead of being left to others: it is not what was signed.
        stores: by reference, those that were read before it was taken.
    """

    row: Json
    changed: Changed | None = None
    stores: dict[str, Noted] = field(default_factory=dict)


def by_key(signer: Signer) -> Sign:
    """Signs with an evidence key."""
    return lambda statement: signer.signed(statement, NAMESPACE)


def agreed(signs: Sequence[Sign], campaign: str, by: str, children: Sequence[tuple[Child, Json]]) -> list[tuple[Child, Json]]:
    """The same children, each setting signed with every key at hand."""
    made = []
    for child, setting in children:
        statement = {**_about(campaign, child, setting), "by": by, "at": int(time.time())}
        made.append((child, {**setting, _AGREED: [sign(statement) for sign in signs]}))
    return made


def check(child: Child, row: Json, trust: Trust) -> None:
    """`row`: the child's setting, as the database has it now.

    Raises:
        Changed: it is signed by someone who is trusted, and it is not what they signed.
        Refused: no signature is one that this worker obeys, and its own inventory does not say the same.
    """
    whys, wanted = list[str](), _about(child.campaign, child, row)
    for one in row.get(_AGREED) or []:
        why = _unsigned(one, wanted, trust)
        if not why:
            return
        whys.append(why)
    if trust.own is not None and _covers(trust.own, trust, child, row):
        return
    said = "; ".join(dict.fromkeys(whys)) or "it is not signed"
    kind = Changed if any(why.startswith("it was changed") for why in whys) else Refused
    raise kind(
        f"{child.campaign} {child.key} is not run: {said}",
        safe="nothing of it was run or reached",
        next_step="give this worker the inventory that says the same, or that lists who signed it: --inventory FILE, or IR_INVENTORY",
    )


def same(setting: Setting, record: Incident) -> None:
    """Check that an incident under way was begun with what was agreed to.

    Raises:
        Changed: its record says something else.
    """
    begun = setting_from(record.id, record.opened)
    if _told(begun) != _told(setting):
        raise Changed(f"{record.id} is not continued: its record was begun with something else than what was agreed to")


def by_own(record: Incident, trust: Trust) -> bool:
    """Whether a person began an incident with the very inventory that this worker has, and one of the playbooks that it knows."""
    begun, own = setting_from(record.id, record.opened), trust.own
    if own is None:
        return False
    try:
        same = inventory_text(inventory.loads(begun.text, begun.name)) == inventory_text(own.inventory) and begun.base == own.base
        key, also = own.inventory.key(begun.key), begun.plan.also
        plans = [compile_plan(book, own.inventory, key, also=also) for book in _known(trust.books())]
        return same and begun.plan in plans and _harmless(asdict(begun.options), "agreed")
    except (IrError, LookupError, TypeError, AttributeError):
        return False


def _told(setting: Setting) -> bytes:
    plan, options = setting.plan.to_json(), asdict(setting.options)
    return canonical(json.loads(json.dumps([setting.text, setting.name, str(setting.base), setting.key, plan, options])))


def _about(campaign: str, child: Child, setting: Json) -> Json:
    said = {name: value for name, value in setting.items() if name != _AGREED}
    digest = hashlib.sha256(canonical(json.loads(json.dumps(said)))).hexdigest()
    return {"campaign": campaign, "key": child.named, "due": child.due, "attempt": child.attempt, "setting": digest}


def _unsigned(one: Json, wanted: Json, trust: Trust) -> str:
    """The reason why a signature does not allow the run, "" = it does."""
    statement = one.get("statement") or {}
    try:
        key = sshsig.verify(str(one.get("signature", "")), canonical(statement), NAMESPACE)
    except (sshsig.BadSignature, ValueError) as error:
        return f"a signature does not hold: {error}"
    whose = trust.keys.get(key.fingerprint)
    if whose is None:
        by = str(statement.get("by", ""))[:80]
        return f"it was signed by {by} with {key.fingerprint}, which is not, or no longer, a key whose word this worker takes"
    if any(statement.get(name) != value for name, value in wanted.items()):
        return f"it was changed since {whose} signed it"
    return ""


def _covers(own: Source, trust: Trust, child: Child, row: Json) -> bool:
    """Whether the worker's own inventory says the same: each program, place and check, and one of its playbooks gives the same plan."""
    try:
        key = own.inventory.key(child.key)
        alone = sliced(own.inventory, key)
        if (row["text"], row["base"], row["key"]) != (inventory_text(alone), str(own.base), key.name):
            return False
        plans = [compile_plan(book, alone, alone.key(key.name)).to_json() for book in _known(trust.books())]
        same = _harmless(row["options"], "around") and _is_own(own, trust.around, str(row["options"].get("around") or ""))
        return same and any(_plain(plan) == _plain(row["plan"]) for plan in plans)
    except (IrError, LookupError, TypeError, AttributeError):
        return False


def _is_own(own: Source, around: Callable[[str], Around | None], name: str) -> bool:
    """Whether what lies around the key is the worker's own inventory, too."""
    found = around(name) if name else None
    return not name or (found is not None and (found.text, found.base) == (inventory_text(own.inventory), str(own.base)))


def _known(books: Sequence[Playbook]) -> list[Playbook]:
    return [*map(playbook.load, playbook.shipped()), *books]


def _harmless(options: Json, *more: str) -> bool:
    """Whether they let nothing happen that an inventory and a playbook do not say."""
    defaults = asdict(Options())
    said = {f.name: options.get(f.name, defaults[f.name]) for f in fields(Options)}
    plain = all(name in (*_HARMLESS, *more) or _plain(said[name]) == _plain(defaults[name]) for name in said)
    return plain and set(options) <= set(defaults)


def _plain(value: object) -> object:
    return json.loads(json.dumps(value))
