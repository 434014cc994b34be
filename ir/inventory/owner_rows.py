"""The rows about programs that write places by themselves."""

from typing import Annotated

from pydantic import BaseModel, Field

from ir.inventory.terms import STRICT

_File = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f]+$")]


class Terraform(BaseModel):
    """A state of Terraform or OpenTofu: what it writes, preflight stops for, unless the configuration ignores changes of the value.

    Attributes:
        state: the file, from the inventory's folder on; of a remote backend what `terraform state pull` prints.
        config: folder of the configuration; by default the state's own.
    """

    model_config = STRICT

    state: _File
    config: _File | None = None
