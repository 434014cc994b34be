"""The result of looking for other holders of a key: places and services of the inventory that have the value and are not in the plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Holder:
    """One place that holds the value, and that the plan does not replace.

    Attributes:
        name: as the inventory calls it: a reference, or a service.
        kind: what it is: a place that keeps the value, or a program that has it.
        about: what it is in words, such as "a store of key `billing`".
        key: the key of the inventory that it is listed under, "" = it is not listed.
    """

    name: str
    kind: Literal["store", "service"]
    about: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.about})"


@dataclass(frozen=True)
class Comparison:
    """The result of one look at all other places. It holds no value.

    Attributes:
        holders: the places that hold the value.
        unread: what could not be compared, by name, and why.
    """

    holders: tuple[Holder, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
