"""Draw a drill's terminal output as SVG, without foreign fonts or links."""

import io
import re
from pathlib import Path

from rich.console import Console
from rich.text import Text

_WIDTH = 100
_MOST = 10
"""Lines of a picture."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_STEP = re.compile(r"[^\sA-Za-z0-9$] ([a-z][\w.-]*) +\S")
_LEFT_OUT = ("triage", "custody", "check", "quiet", "sweep", "watch", "report", "discard")
_END = re.compile(r"payments [0-9]+, failed")
_STEER = re.compile(r"\x1b\[(\?[0-9;]*[hl]|[0-9;]*[A-HJKSTf])")
_FORMAT = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def settle(output: str) -> str:
    """What a terminal shows in the end: progress lines that were replaced are gone, colours stay."""
    lines = [""]
    row = 0
    for part in re.split(r"(\n|\r|\x1b\[(?:\?[0-9;]*[hl]|[0-9;]*[A-HJKSTf]))", output):
        steer = _STEER.fullmatch(part)
        if part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif steer and part.endswith("A"):
            row = max(0, row - int(steer[1][:-1] or 1))
        elif steer and part.endswith("K"):
            lines[row] = ""
        elif not steer and part != "\r":
            lines[row] += part
    return "\n".join(lines).rstrip()


def shortened(screen: str) -> str:
    """The lines that tell the story, ten at the most: the command, the steps that count, and the end."""
    lines = screen.split("\n")
    plain = [_COLOURS.sub("", line) for line in lines]
    command = [f"$ {line.partition(' --')[0]} payments" for line in plain if line.startswith("ir rotate stripe")][:1]
    steps = [(hit[1], line) for line, text in zip(lines, plain, strict=True) if (hit := _STEP.match(text))]
    told = [line for name, line in steps if name not in _LEFT_OUT]
    end = [line for line, text in zip(lines, plain, strict=True) if _END.match(text)]
    return "\n".join([*command, *told[-(_MOST - 2) :], *end[-1:]])


def save(output: str, path: Path, title: str) -> None:
    """Write the story of `output` (with ANSI colours) as SVG."""
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False)
    console.print(Text.from_ansi(shortened(settle(output)) or settle(output)), soft_wrap=False)
    path.write_text(console.export_svg(title=title, code_format=_FORMAT, unique_id="drill"), encoding="utf-8")
