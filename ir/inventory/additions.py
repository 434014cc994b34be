"""Rows added to an inventory's text: what a person wrote stays as it is, byte for byte, comments too; lines are only put between. Pure."""

from collections.abc import Iterator, Mapping

import yaml

from ir import inventory
from ir.core.errors import BadFile, Refused
from ir.core.reference import parse
from ir.inventory.proposal import NewKey, Proposal
from ir.inventory.rows import Inventory
from ir.inventory.skeleton import fill_in, flow, key_lines, service_lines

_Place = tuple[int, str]
"""Offset in the text, and what is put there."""


def added(text: str, name: str, proposal: Proposal) -> str:
    """The text with all rows of the proposal.

    Raises:
        Refused: they cannot be put in so that all that was there stays as it was; with what to do.
    """
    before = inventory.loads(text, name)
    root = yaml.compose(text, Loader=yaml.SafeLoader) or yaml.MappingNode("", [])
    keys = [(list(key_lines(key, "")), _key_row(key)) for key in proposal.keys]
    services = [(list(service_lines(row, remark, "")), row) for row, remark in proposal.services]
    accounts = [([f"- {flow(row)}{fill_in(row)}"], row) for row in proposal.accounts]
    changes = list(_more(text, root, proposal.more))  # first: a key's last place may be where the next key goes
    tail = ""
    for section, rows in (("accounts", accounts), ("keys", keys), ("services", services)):
        node = _under(root, section)
        if isinstance(node, yaml.SequenceNode) and node.value:
            changes += [_put(text, node, lines, row) for lines, row in rows]
        elif rows:
            tail += f"{section}:\n" + "".join(f"  {line}\n" for lines, _ in rows for line in lines)
    made = text
    for at, more in sorted(_joined(changes).items(), reverse=True):
        made = made[:at] + more + made[at:]
    made = (made if made.endswith("\n") or not tail else made + "\n") + tail
    _check(made, name, before, proposal)
    return made


def _key_row(key: NewKey) -> Mapping[str, object]:
    return {"name": key.name, "account": key.account, "kind": key.kind.value, "stored_in": list(key.places)}


def _more(text: str, root: yaml.Node, more: Mapping[str, tuple[str, ...]]) -> Iterator[_Place]:
    """Places that hold the value of a key that is listed, into its `stored_in`."""
    for section in ("keys", "webhooks"):
        rows = _under(root, section)
        for row in rows.value if isinstance(rows, yaml.SequenceNode) else []:
            named, places = _under(row, "name"), _under(row, "stored_in")
            if isinstance(named, yaml.ScalarNode) and isinstance(places, yaml.SequenceNode):
                yield from (_put(text, places, [f"- {flow(ref)}"], ref) for ref in more.get(str(named.value), ()))


def _put(text: str, node: yaml.SequenceNode, lines: list[str], row: object) -> _Place:
    """One more item of a list that has some: in its own style."""
    if node.flow_style:
        return _end(node.value[-1]), f", {flow(row)}"
    line = _end(node.value[-1])
    end = text.find("\n", line)
    at = len(text) if end < 0 else end
    indent = " " * node.start_mark.column
    return at, "".join(f"\n{indent}{one}" for one in lines)


def _end(node: yaml.Node) -> int:
    """Where a node's own text ends: that of a block ends with its last scalar, not where the next thing begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _under(node: yaml.Node, name: str) -> yaml.Node | None:
    rows = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in rows if key.value == name), None)


def _joined(changes: list[_Place]) -> dict[int, str]:
    found: dict[int, str] = {}
    for at, more in changes:
        found[at] = found.get(at, "") + more
    return found


def _check(made: str, name: str, before: Inventory, proposal: Proposal) -> None:
    """What is listed now is what was listed, as it was, and the new rows, each where it belongs."""
    try:
        after = inventory.loads(made, name)
    except BadFile as error:
        raise _refused(f"with the new rows it is wrong: {error.what}") from None
    rest = {"accounts", "keys", "webhooks", "services"}
    same = before.model_dump(exclude=rest) == after.model_dump(exclude=rest)
    same &= after.accounts[: len(before.accounts)] == before.accounts and after.services[: len(before.services)] == before.services
    more = {key: [parse(ref) for ref in refs] for key, refs in proposal.more.items()}
    wanted = [key.model_copy(update={"stored_in": [*key.stored_in, *more.get(key.name, [])]}) for key in before.held]
    held = [*after.keys[: len(before.keys)], *after.webhooks]
    same &= held == wanted
    fresh = {key.name: list(map(str, key.stored_in)) for key in after.keys[len(before.keys) :]}
    if not same or fresh != {key.name: list(key.places) for key in proposal.keys}:
        raise _refused("the new rows would change what is written there")


def _refused(what: str) -> Refused:
    return Refused(what, safe="the file was not changed", next_step="leave --output out, and copy the rows that are printed")
