"""The access policies that `ir` needs for an inventory, one per vendor, made from the adapters' tables of calls."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ir.adapters.stores import POLICIES
from ir.adapters.stores.escrow import calls as escrow
from ir.clients import stripe_permissions
from ir.core.reference import Reference
from ir.inventory import Account, Inventory, Webhook, references
from ir.ports.policy import Grant, Line, PolicyLanguage, lines
from ir.runtime.adapter_registry import load


@dataclass(frozen=True)
class PolicyDocument:
    """The policy of one vendor.

    Attributes:
        name: `aws-sm`, `vault`, `conjur`, `stripe` or `files`.
        title: what the document is. text: the document, ready to be loaded; for Stripe and files, sentences.
        lines: the same as data. notes: what the document cannot say.
    """

    name: str
    title: str
    text: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()


def of(source: Inventory, *, hints: bool, environment: Mapping[str, str] | None = None) -> list[PolicyDocument]:
    """Everything that a rotation of any listed key needs, and no more.

    Args:
        source: the inventory.
        hints: add what a run goes on without, such as the age of what others left.
        environment: None: the process's; it names the key of the escrow.
    """
    grants = _grants(source)
    found = [_vendor(name, grants[name], os.environ if environment is None else environment, hints=hints) for name in POLICIES]
    found += [_stripe(source), _files(grants["dotenv"])]
    return [policy for policy in found if policy.lines]


def without_custody(source: Inventory) -> list[str]:
    """Keys that no listed store can hold in custody: those need an escrow."""
    return [key.name for key in source.held if not any(_keeps(ref) for ref in key.stored_in)]


def _keeps(ref: Reference) -> bool:
    return ref.promises.custody


def _grants(source: Inventory) -> dict[str, list[Grant]]:
    rotated = {ref for key in source.held for ref in key.stored_in}
    found: dict[str, list[Grant]] = defaultdict(list)
    for _, ref in references.every(source):
        grant = Grant(ref, ref in rotated)
        if grant not in found[ref.scheme]:
            found[ref.scheme].append(grant)
    return found


def _vendor(name: str, grants: list[Grant], environment: Mapping[str, str], *, hints: bool) -> PolicyDocument:
    language: PolicyLanguage = load(POLICIES, name)
    more = {"aws-sm": escrow.kms, "vault": escrow.transit}.get(name)
    every = (*lines(grants, language), *(more(environment) if more else ()))
    told = tuple(line for line in every if hints or line.needed)
    left_out = dict.fromkeys(line.why for line in every if not line.needed) if not hints else {}
    notes = (*language.notes, *([f"a run goes on without these, which --hints adds: {'; '.join(left_out)}"] if left_out else []))
    return PolicyDocument(name, language.title, language.text(told), told, notes)


def _stripe(source: Inventory) -> PolicyDocument:
    told = tuple(line for account in source.accounts for line in _of_account(account))
    hooks = [hook for hook in source.webhooks if hook.api_key is not None]
    told += tuple(line for hook in hooks for line in _of_webhook(hook))
    groups: dict[str, list[Line]] = defaultdict(list)
    for line in told:
        groups[line.on].append(line)
    text = "".join(f"{on}: {', '.join(line.right for line in rows)}\n    for {rows[0].why}\n" for on, rows in groups.items())
    unnamed = [path for path, right in stripe_permissions.READS.items() if not right]
    notes = [f"which permission opens {', '.join(unnamed)} is not published; in the Dashboard, `Activity logs: Read` opens the last"]
    reviewed = any(account.review_key for account in source.accounts)
    return PolicyDocument("stripe", "Stripe: permissions of the keys that `ir` itself uses", text, told, tuple(notes) if reviewed else ())


def _of_account(account: Account) -> Iterator[Line]:
    if account.app_key is not None:
        on = f"app_key of {account.name} ({account.app_key}), the Stripe App"
        yield from (Line(right, on, "minting, narrowing and expiring keys") for right in stripe_permissions.APP)
    if account.review_key is not None:
        on = f"review_key of {account.name} ({account.review_key})"
        rights = dict.fromkeys(right for right in stripe_permissions.READS.values() if right)
        why = "the review; each list that it may not read is named in the report"
        yield from (Line(right, on, why, needed=False) for right in rights)


def _of_webhook(hook: Webhook) -> Iterator[Line]:
    rights = stripe_permissions.SECOND_ENDPOINT if hook.roll == "second-endpoint" else stripe_permissions.DELIVERIES
    on = f"api_key of webhook {hook.name} ({hook.api_key})"
    yield from (Line(right, on, "the endpoint, and what Stripe delivered to it") for right in rights)


def _files(grants: list[Grant]) -> PolicyDocument:
    told = []
    for path, rotated in {grant.ref.path: any(g.rotated for g in grants if g.ref.path == grant.ref.path) for grant in grants}.items():
        told.append(Line("read", path, "every look"))
        if rotated:
            told.append(Line("write", path, "promote, undo; the file is replaced by renaming"))
            told.append(Line("write", f"the folder of {path}", "custody, stage, promote"))
    text = "".join(f"{line.right} {line.on}  # {line.why}\n" for line in told)
    return PolicyDocument("files", "Files: rights of the user that `ir` runs as", text, tuple(told))
