"""The report in a real browser: laid out without overflow, in light and dark, on paper, and deaf to what attackers wrote."""

import html
import json
import re
import struct
import subprocess
from pathlib import Path

import pytest

from ir.core.model import Json
from ir.report import render
from tests.programs import CHROMIUM
from tests.unit.report_samples import STORIES
from tests.unit.test_report_hostile import HOSTILE, attacked

pytestmark = CHROMIUM.needed

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars", "--allow-file-access-from-files"),
]
MEASURE = """<!DOCTYPE html><meta charset="utf-8"><style>body{{margin:0}}iframe{{border:0;width:{width}px;height:3000px}}</style>
<iframe id="page" src="{page}"></iframe><pre id="out"></pre><script>
document.getElementById("page").onload = () => {{
  const frame = document.getElementById("page"), doc = frame.contentDocument, view = frame.contentWindow;
  const over = [...doc.querySelectorAll("main *, header *")].filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
    && getComputedStyle(e).display !== "inline").map(e => e.tagName + "." + e.className);
  const texts = [...doc.querySelectorAll("svg text")].map(e => e.getBoundingClientRect());
  const hit = texts.some((a, i) => texts.some((b, j) => i < j && a.width && b.width && a.left < b.right - 1 && b.left < a.right - 1
    && a.top < b.bottom - 2 && b.top < a.bottom - 2));
  document.getElementById("out").textContent = JSON.stringify({{
    width: doc.documentElement.scrollWidth, over, hit, paper: view.getComputedStyle(doc.body).backgroundColor,
    scripts: doc.scripts.length, pwned: typeof view.pwned, title: doc.title, sections: doc.querySelectorAll("section").length,
    styled: view.getComputedStyle(doc.querySelector("section")).borderRadius }});
}};
</script>"""


def chromium(folder: Path, *arguments: str) -> str:
    argv = [CHROMIUM.path, *FLAGS, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=90, check=True).stdout


def written(folder: Path, name: str) -> Path:
    story = STORIES[name]()
    path = folder / f"{name}.html"
    path.write_text(render(story.incident, "html", story.entries), encoding="utf-8")
    return path


def measured(folder: Path, page: Path, width: int, *flags: str) -> Json:
    wrapper = folder / "measure.html"
    wrapper.write_text(MEASURE.format(width=width, page=page.as_uri()), encoding="utf-8")
    dom = chromium(folder, *flags, f"--window-size={width + 40},3200", "--virtual-time-budget=4000", "--dump-dom", wrapper.as_uri())
    found = re.search(r'<pre id="out">(.*?)</pre>', dom, re.DOTALL)
    assert found, dom[:500]
    told: Json = json.loads(html.unescape(found.group(1)))
    return told


@pytest.mark.parametrize(("name", "width"), [("exploited", 900), ("debt", 900), ("overlap", 1200), ("waiting", 390)])
def test_nothing_overflows_and_no_two_labels_collide(tmp_path: Path, name: str, width: int) -> None:
    told = measured(tmp_path, written(tmp_path, name), width)
    assert told["width"] <= width
    assert told["sections"] == 13
    assert told["styled"] != "0px"
    assert not told["hit"]
    # On a telephone wide tables scroll inside their own box; from 900 px on nothing has to.
    assert width < 900 or told["over"] == []


def test_it_follows_the_readers_choice_of_light_or_dark(tmp_path: Path) -> None:
    page = written(tmp_path, "overlap")
    light = measured(tmp_path, page, 900)["paper"]
    dark = measured(tmp_path, page, 900, "--blink-settings=preferredColorScheme=0")["paper"]
    assert (light, dark) == ("rgb(246, 247, 249)", "rgb(17, 21, 28)")


def test_what_attackers_wrote_runs_nothing_and_breaks_no_layout(tmp_path: Path) -> None:
    script = "<script>window.pwned=1</script><img src=x onerror='window.pwned=1'><svg onload='window.pwned=1'>"
    story = attacked(" ".join([script, *HOSTILE, "W" * 400]))
    page = tmp_path / "hostile.html"
    page.write_text(render(story.incident, "html", story.entries), encoding="utf-8")
    told = measured(tmp_path, page, 900)
    assert (told["scripts"], told["pwned"], told["sections"]) == (0, "undefined", 13)
    assert told["width"] <= 900
    assert "incident report" in told["title"]


def test_a_picture_can_be_taken_and_a_paper_printed(tmp_path: Path) -> None:
    page = written(tmp_path, "exploited")
    picture, paper = tmp_path / "page.png", tmp_path / "page.pdf"
    chromium(tmp_path, "--window-size=900,1400", f"--screenshot={picture}", page.as_uri())
    data = picture.read_bytes()
    assert struct.unpack(">II", data[16:24]) == (900, 1400)
    assert len(data) > 50_000, "an empty page compresses to a few kilobytes"
    chromium(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri())
    assert paper.read_bytes().startswith(b"%PDF-")
    pages = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
    assert 3 <= pages <= 12
