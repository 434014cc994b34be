"""Take the README's picture of a rehearsal's keys page: `python -m docs.keys_picture PICTURE.webp` (`make pictures`); needs Chromium."""

import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from docs import page_picture
from ir.core.model import Mode
from ir.drill.hands import keys_page
from ir.drill.hands.clicks import Clicks
from ir.drill.hands.keys_page import KeysPage
from ir.drill.twin import StripeTwin, TwinSettings

SIZE = (1180, 560)
"""Pixels: the dialog, over the first rows."""


@dataclass
class _Shop:
    twin: StripeTwin
    loot: list[str] = field(default_factory=list)

    def remove(self, path: str) -> None:
        """Nothing was left."""


def page() -> str:
    """The page in the middle of a rotation, with its style in it."""
    twin = StripeTwin(seed=3, settings=TwinSettings(mode=Mode.LIVE))
    twin.create_restricted_key(("charge_read",), "incident review")
    leaked, other = twin.create_secret_key("payments"), twin.create_secret_key("accounting")
    for key in (leaked, other):
        key.created, key.last_used = twin.now - 21 * 86_400, int(twin.now) - 4
    made = KeysPage(_Shop(twin), Clicks(twin, lambda _value: ()), lambda: "")
    body = made.get(f"{keys_page.LIST}/{leaked.id}/rotate", as_json=False).body
    return body.replace('<link rel="stylesheet" href="/style.css">', f"<style>{keys_page.style()}</style>", 1)


def take(picture: Path) -> None:
    """Write it. Raises as `page_picture.take`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "keys.html"
        file.write_text(page(), encoding="utf-8")
        page_picture.take(file, picture, SIZE)


if __name__ == "__main__":
    take(Path(sys.argv[1]))
