"""`ir permissions map`: which permission opens which endpoint."""

from dataclasses import asdict
from typing import Annotated

import typer

from ir.cli import review_subject
from ir.cli.options import AsJson
from ir.cli.permissions import Egress, Logs, Maps, Since, Until, used_by, was_refused
from ir.cli.terminal.option_values import moment
from ir.cli.terminal.screen import Screen
from ir.core.stripe_address import STRIPE
from ir.core.wording import counted
from ir.permissions import permission_for
from ir.permissions.endpoint_map import rows
from ir.ports import ReviewRequest
from ir.runtime import learned_rights
from ir.runtime.app_state import open_state


def print_map(
    egress: Egress = None,
    logs: Logs = None,
    maps: Maps = None,
    since: Since = "31d",
    until: Until = "",
    memory_limit: Annotated[str, typer.Option(help="Of the embedded engine.", metavar="SIZE")] = "350MB",
    as_json: AsJson = False,
) -> None:
    """Which permission opens which endpoint, each row with its source and date; with logs, only the endpoints in them."""
    screen = Screen(as_json=as_json)
    end = review_subject.end(until)
    request = ReviewRequest(
        "", STRIPE, moment(since, end), end.timestamp(), 0.0, 0.0, None, "", "", "",
        egress=tuple(egress or ()), logs=tuple(logs or ()), maps=tuple(maps or ()), uses=True,
    )  # fmt: skip
    calls = {(str(call["method"]), str(call["endpoint"])) for call in used_by(request, memory_limit, screen).get("calls", ())}
    given = bool(egress or logs)
    found = {one: permission_for(*one) for one in sorted(calls, key=lambda call: (call[1], call[0]))}
    shown = [row for row in dict.fromkeys(found.values()) if row] if given else list(rows())
    missing = [f"{method} {path}" for (method, path), row in found.items() if row is None]
    learned = learned_rights.learned(open_state().index)
    if as_json:
        screen.document({"rows": [asdict(row) for row in shown], "missing": missing, "learned": [asdict(one) for one in learned]})
        return
    for row in shown:
        grade = "sourced" if row.sourced else "inferred"
        screen.say(f"{row.endpoint}: {', '.join(row.permissions)}{' (direct calls only)' if row.direct else ''}")
        screen.say(f"    {grade}: {', '.join(f'{source.name} {source.date}' for source in (row.source, *row.checks))}")
    sourced = sum(row.sourced for row in shown)
    screen.say(f"{counted(len(shown), 'endpoint')}: {sourced} sourced, {len(shown) - sourced} inferred.")
    for endpoint in missing:
        screen.say(f"not in the map: {endpoint}")
    for one in learned:
        screen.say(f"learned in {one.incident}: {was_refused(one)}")
