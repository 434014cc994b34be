"""The types that the rows of an inventory are made of: names, references, command lines, addresses."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from ir.core.caller_group import CallerGroup
from ir.core.reference import Reference, parse
from ir.core.store_kind import SCHEMES

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
"""Letters, digits, dot, dash, underscore: safe in a file name, a label and on a terminal."""


def _reference(text: object) -> Reference:
    return text if isinstance(text, Reference) else parse(str(text))


REF_IN_A_FILE = {"type": "string", "pattern": f"^({'|'.join(SCHEMES)})://.+"}
Ref = Annotated[Reference, BeforeValidator(_reference), PlainSerializer(str), WithJsonSchema(REF_IN_A_FILE)]
"""A place that holds a secret, as `ir.core.reference` reads it."""
Argv = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


def _address(url: str) -> str:
    """A URL with a host, and a port that is a number. Raises ValueError."""
    try:
        parts = urlsplit(url)
        found = bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f"is not the address of a host: {error}") from None
    if not found:
        raise ValueError("is not the address of a host")
    return url


Url = Annotated[str, Field(pattern=r"^https?://[^\s@]+$"), AfterValidator(_address)]


def _caller(text: object) -> str:
    return str(CallerGroup.parse(str(text)))


Caller = Annotated[str, BeforeValidator(_caller)]

STRICT = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
"""An unknown field is an error."""
