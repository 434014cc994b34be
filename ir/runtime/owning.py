"""Who else writes a place: what the place tells, and what the Terraform states tell that the inventory or the command line names."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ir.clients import terraform
from ir.clients.terraform import TerraformState
from ir.core.errors import PortError
from ir.core.ownership import Owner
from ir.core.reference import Reference
from ir.inventory import Inventory
from ir.ports import Store


class Owning:
    """Of all places of an inventory; a state is read once, when it is first asked for.

    Args:
        source: whose `terraform:` rows count.
        base: the folder of its file.
        states: more state files, each with its configuration beside it.
    """

    def __init__(self, source: Inventory, base: Path, states: Sequence[str] = ()) -> None:
        self._base = base
        self._files = [(base / row.state, base / row.config if row.config else None) for row in source.terraform]
        self._files += [(Path(state).absolute(), None) for state in states]
        self._state = cache(self._read)

    def of(self, store: Store) -> tuple[Owner, ...]:
        """Those of one place. Raises PortError when the place cannot be asked."""
        return (*store.owners(), *self.by_states(store.ref))

    def by_states(self, ref: Reference) -> tuple[Owner, ...]:
        """What the states say alone. One that was named and cannot be read may write any place."""
        found: list[Owner] = []
        for file, config in self._files:
            state = self._state(file, config)
            found += state.owners(ref, self._base) if isinstance(state, TerraformState) else [terraform.unreadable(file, state)]
        return tuple(found)

    def _read(self, file: Path, config: Path | None) -> TerraformState | PortError:
        try:
            return TerraformState(file, config)
        except PortError as error:
            return error
