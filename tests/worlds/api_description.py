"""A vendor's published API description, trimmed to what is used: is a call one that the vendor describes, with fields that it has?"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ir.drill.hosts.server import Call

FOLDER = Path(__file__).parent / "api"


class Description:
    """Of one host: `calls` ("METHOD /path/{with}/names") and `objects` (name → field → type)."""

    def __init__(self, name: str) -> None:
        found = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        self.source, self.objects = found["source"], found["objects"]
        self._calls = {call: re.compile(re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(call))) for call in found["calls"]}

    def unknown(self, calls: Iterable[Call]) -> list[str]:
        """Calls that the vendor does not describe."""
        made = {f"{call.method} /{'/'.join(part.replace('/', '%2F') for part in call.path)}" for call in calls}
        return sorted(call for call in made if not self.named(call))

    def named(self, call: str) -> str:
        """The vendor's name of a call, "METHOD /path/{with}/names", of one as it was made; "" = it is not described."""
        return next((name for name, row in self._calls.items() if row.fullmatch(call)), "")

    def undescribed(self, value: Any, name: str) -> Iterator[str]:
        """Fields of an object, and of the objects in it, that the vendor's object of that name does not have."""
        fields = self.objects[name]
        for field, inner in value.items():
            if field not in fields:
                yield f"{name}.{field}"
                continue
            kind = re.sub(r"^(?:List\[|Array<)?(?:V1)?(\w+)[\]>]?$", r"\1", fields[field])
            if kind in self.objects:
                for row in inner if isinstance(inner, list) else [inner]:
                    yield from self.undescribed(row, kind) if isinstance(row, dict) else ()
