"""The people whose signatures count, where several have to approve a step. Pure.

Where two or more are needed, only signatures count: any name can be typed. The person who opened the incident is none of them.
"""

from collections.abc import Iterable, Sequence

from ir.core.wording import counted
from ir.inventory import Approver

SEVERAL = 2
"""From so many people on, only signatures count."""
LINE = "- {name: NAME, key: ssh-ed25519 AAAA…}"
"""The line to add to `approvers:`, with the one line of that person's `id_ed25519.pub`."""


def is_requester(requester: str, approvers: Iterable[Approver], *names: str) -> bool:
    """Whether one of the names opened the incident: as recorded, without the host, or by a listed login."""
    opened_by = {requester, requester.partition("@")[0]}
    mine = {row.name for row in approvers if {row.name, *row.logins} & opened_by}
    return bool(set(names) & (opened_by | mine))


def able(approvers: Sequence[Approver], requester: str = "") -> list[str]:
    """Names of listed people whose signature counts beside others; `requester`: who opened the incident, "" = not known yet."""
    names = dict.fromkeys(row.name for row in approvers)
    return [name for name in names if not requester or not is_requester(requester, approvers, name)]


def one_is_none(approvers: Sequence[Approver]) -> str:
    """The reason why an inventory's approvers cannot approve a step that needs several people; "" = they can, or none is listed."""
    if not approvers or len(able(approvers)) >= SEVERAL:
        return ""
    said = f"only {able(approvers)[0]} is listed, and a step that several people have to approve needs the signatures of {SEVERAL}"
    return f"{said}: add a line for somebody else: `{LINE}`"


def too_few(step: str, needs: int, approvers: Sequence[Approver], requester: str = "") -> str:
    """The reason why a step cannot get so many approvals, "" = it can."""
    found = able(approvers, requester)
    if needs < SEVERAL or len(found) >= needs:
        return ""
    said = f"`{step}` needs the signatures of {needs} people, and the inventory lists {counted(len(found), 'person', 'people')}"
    who = f" who did not open the incident ({requester})" if requester and len(found) < len(able(approvers)) else ""
    return f"{said}{who}: add under `approvers:`, for each who is missing, the line `{LINE}`"
