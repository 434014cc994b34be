"""The signers of work for workers, and the signatures that a worker on this machine obeys."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ir import inventory
from ir.cli.terminal.approval_signing import public_half, signed
from ir.cli.terminal.consent_prompt import Consent, refuse_other
from ir.cli.terminal.inventory_source import HERE, VARIABLE, read
from ir.cli.terminal.operator import Terminal
from ir.core.errors import IrError, Refused
from ir.core.model import Json
from ir.evidence import checkpoints
from ir.evidence.hash_chain import canonical
from ir.fleet import agreed_work
from ir.fleet.agreed_work import Sign, Trust
from ir.fleet.campaign_child import Source
from ir.incident import playbook
from ir.incident.playbook import Playbook
from ir.inventory.consent import reading
from ir.inventory.opened import Opened
from ir.runtime import adapter_registry, surroundings
from ir.runtime.app_state import State
from ir.runtime.publish import evidence_signer


def signers(kept: State, opened: Opened, operator: Terminal, sign_with: str = "") -> list[Sign]:
    """This machine's evidence key, the team's where the inventory names one, and an approver's own (`--sign-with`).

    Raises:
        Refused: nothing here can sign.
    """
    resolver = adapter_registry.reference_resolver(opened.source, operator, opened.base)
    try:
        mine = checkpoints.own_signer(kept.folder)
        team = evidence_signer(kept, opened.source, resolver, operator.screen.warn)
    except OSError as error:
        raise Refused(f"what workers are to run cannot be signed: {os.strerror(error.errno or 0)}", safe="nothing was changed") from None
    found = [agreed_work.by_key(one) for one in {one.public.fingerprint: one for one in (mine, team)}.values()]
    return [*found, _by_hand(sign_with)] if sign_with else found


def _by_hand(sign_with: str) -> Sign:
    public_half(sign_with)  # refused before anything is asked

    def sign(statement: Json) -> Json:
        return {"statement": statement, "signature": signed(sign_with, canonical(statement), agreed_work.NAMESPACE)}

    return sign


def trusted(kept: State, operator: Terminal, file: str = "", pin: str = "", books: Sequence[Playbook] = ()) -> Callable[[], Trust]:
    """Read again for each question: a key that is taken out of the inventory is no longer obeyed.

    Args:
        kept: where this machine's own key lies.
        operator: whose login reads the team's key.
        file: the inventory that this worker was given, "" = the default one, if there is any.
        pin: the SHA-256 that it has to have.
        books: playbooks besides the shipped ones, and those beside the inventory.
    """
    file, team = file or os.environ.get(VARIABLE, "") or (HERE if Path(HERE).exists() else ""), dict[str, dict[str, str]]()

    def look() -> Trust:
        keys = {checkpoints.own_signer(kept.folder).public.fingerprint: "this machine"}
        if not file:
            return Trust(keys)
        opened = read(file)
        sha256 = inventory.digest(opened.text)
        refuse_other(pin, sha256)
        if sha256 not in team:
            team[sha256] = _team(kept, opened, operator, pin)
        keys |= {row.public.fingerprint: row.name for row in opened.source.approvers} | team[sha256]
        own = Source(opened.source, opened.name, opened.base)
        return Trust(keys, own, lambda: [*books, *playbook.beside(opened.base)], surroundings.of_process(kept.engine).find)

    return look


def _team(kept: State, opened: Opened, operator: Terminal, pin: str) -> dict[str, str]:
    """The team's evidence key, where this machine can read it and was allowed to run what reads it."""
    ref = opened.source.evidence_key
    if ref is None:
        return {}
    if new := Consent(lambda: kept, operator, opened, yes=True, pin=pin).unagreed(reading(opened.source, [ref])):
        operator.screen.warn(f"what the team signed is not run here: {', '.join(new)} is new, and was not agreed to")
        return {}
    try:
        value = adapter_registry.reference_resolver(opened.source, operator, opened.base)(str(ref))
        return {checkpoints.signer(value.reveal().encode(), str(ref)).public.fingerprint: "the team's evidence key"}
    except IrError as error:
        operator.screen.warn(f"what the team signed is not run here: {ref}: {error.what}")
        return {}
