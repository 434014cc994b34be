"""The report in a real browser: nothing overflows on desk, telephone or paper, in light and dark; what attackers wrote does nothing."""

import html
import json
import re
import subprocess
from pathlib import Path

import pypdf
import pytest

from docs import page_picture
from ir.core.model import Json
from ir.report import render
from tests.programs import CHROMIUM
from tests.unit.report_samples import STORIES, Builder
from tests.unit.test_report_hostile import HOSTILE, attacked

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars", "--allow-file-access-from-files"),
]
DARK = "--blink-settings=preferredColorScheme=0"
DESK, TABLET, PHONE, PAPER = 1280, 800, 390, 688
"""Pixels; paper is A4 between its margins."""

FRAMES = """<!DOCTYPE html><meta charset="utf-8"><style>body{{margin:0}}iframe{{border:0;height:900px;display:block}}</style>
{frames}<pre id="out"></pre><script>
const measured = frame => {{
  const doc = frame.contentDocument, view = frame.contentWindow, style = e => view.getComputedStyle(e);
  const shown = [...doc.querySelectorAll("main *")].filter(e => e.getClientRects().length && !e.closest("svg") && !e.matches(".line li"));
  const wide = e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && style(e).display !== "inline";
  const row = doc.querySelector("#services tbody tr, #actions tbody tr"), dots = [...doc.querySelectorAll("#happened .line li")];
  return {{
    width: doc.documentElement.scrollWidth,
    over: shown.filter(wide).map(e => e.tagName + "." + e.className),
    cut: [...doc.querySelectorAll("table, td, th")].filter(e => e.getBoundingClientRect().right > frame.clientWidth).length,
    paper: style(doc.body).backgroundColor,
    dim: shown.filter(e => e.innerText && style(e).color === style(doc.body).backgroundColor).length,
    scripts: doc.scripts.length, pwned: typeof view.pwned, title: doc.title, sections: doc.querySelectorAll("section").length,
    rows: row ? style(row).display : "", heads: row ? style(row.closest("table").tHead).display : "",
    upright: dots[0].getBoundingClientRect().left === dots[1].getBoundingClientRect().left,
    first: doc.querySelector(".cards > li").innerText, top: doc.querySelector(".cards > li").getBoundingClientRect().top,
    tones: [...doc.querySelectorAll(".cards > li")].map(e => e.className.split(" ")[0]),
    tops: [...doc.querySelectorAll(".cards > li")].map(e => Math.round(e.getBoundingClientRect().top)),
  }};
}};
onload = () => {{
  const frames = [...document.querySelectorAll("iframe")];
  document.getElementById("out").textContent = JSON.stringify(frames.map(measured));
}};
</script>"""


pytestmark = [CHROMIUM.needed, pytest.mark.xdist_group("report page")]  # one browser serves many of these tests


def chromium(folder: Path, *arguments: str) -> str:
    argv = [CHROMIUM.path, *FLAGS, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=90, check=True).stdout


def hostile() -> Builder:
    script = "<script>window.pwned=1</script><img src=x onerror='window.pwned=1'><svg onload='window.pwned=1'>"
    return attacked(" ".join([script, *HOSTILE, "W" * 400]))


def odd() -> Builder:
    return Builder(id=ODD)


ODD = 'INC"; } body { display: none } </style><b>\\'
ALL = {**STORIES, "hostile": hostile, "odd": odd}


def written(folder: Path, name: str, extra: str = "") -> Path:
    """The page of a story; `extra` is one more style sheet."""
    story = ALL[name]()
    path = folder / f"{name}{len(extra)}.html"
    page = render(story.incident, "html", story.entries)
    path.write_text(page.replace("</style>", f"{extra}</style>", 1), encoding="utf-8")
    return path


def on_paper(folder: Path, name: str) -> Path:
    """The page with its print rules in force, so that they can be measured; what is cut short on purpose is given back its lines."""
    path = written(folder, name, "/* paper */.first * { -webkit-line-clamp: none !important; }")
    path.write_text(path.read_text(encoding="utf-8").replace("@media print", "@media all"), encoding="utf-8")
    return path


def measured(folder: Path, pages: list[tuple[Path, int]], *flags: str) -> list[Json]:
    """One look at each page in a frame of that width."""
    frames = "".join(f'<iframe src="{page.as_uri()}" style="width:{width}px"></iframe>' for page, width in pages)
    wrapper = folder / "measure.html"
    wrapper.write_text(FRAMES.format(frames=frames), encoding="utf-8")
    dom = chromium(folder, *flags, "--window-size=1400,3200", "--virtual-time-budget=9000", "--dump-dom", wrapper.as_uri())
    found = re.search(r'<pre id="out">(.*?)</pre>', dom, re.DOTALL)
    assert found, dom[:500]
    told: list[Json] = json.loads(html.unescape(found.group(1)))
    return told


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Json]:
    """Every story at every width."""
    folder = tmp_path_factory.mktemp("looks")
    names = [(name, width) for name in ALL for width in (DESK, TABLET, PHONE, PAPER)]
    pages = [(on_paper(folder, name) if width == PAPER else written(folder, name), width) for name, width in names]
    return dict(zip(names, measured(folder, pages), strict=True))


def test_nothing_overflows_on_desk_tablet_telephone_or_paper(looks: dict[tuple[str, int], Json]) -> None:
    for (name, width), told in looks.items():
        assert (told["width"] <= width, told["over"], told["cut"], told["sections"]) == (True, [], 0, 13), (name, width)


def test_on_a_telephone_rows_are_cards_and_the_time_line_stands_upright(looks: dict[tuple[str, int], Json]) -> None:
    desk, phone = looks["exploited", DESK], looks["exploited", PHONE]
    assert (desk["rows"], desk["upright"], len(set(desk["tops"]))) == ("table-row", False, 1)
    assert (phone["rows"], phone["heads"], phone["upright"], len(set(phone["tops"]))) == ("block", "none", True, 5)


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_an_incident_with_a_critical_finding_opens_with_the_red_card(looks: dict[tuple[str, int], Json], width: int) -> None:
    told = looks["exploited", width]
    assert told["first"].startswith("Was it misused?")
    assert "Yes, confirmed" in told["first"]
    assert told["tones"] == ["t-bad", "t-warn", "t-good", "t-good", "t-bad"]
    assert told["top"] < 400, "it stands on the first screen"


def test_it_follows_the_readers_choice_of_light_or_dark(tmp_path: Path, looks: dict[tuple[str, int], Json]) -> None:
    light, (dark,) = looks["exploited", DESK], measured(tmp_path, [(written(tmp_path, "exploited"), DESK)], DARK)
    assert (light["paper"], dark["paper"]) == ("rgb(246, 247, 249)", "rgb(17, 21, 28)")
    assert (light["dim"], dark["dim"]) == (0, 0)


def test_what_attackers_wrote_runs_nothing(looks: dict[tuple[str, int], Json]) -> None:
    told = looks["hostile", DESK]
    assert (told["scripts"], told["pwned"], told["sections"]) == (0, "undefined", 13)
    assert "incident report" in told["title"]


def test_the_picture_of_the_readme_can_be_taken_anew(tmp_path: Path) -> None:
    picture = tmp_path / "page.webp"
    page_picture.take(written(tmp_path, "exploited"), picture)
    data = picture.read_bytes()
    assert (data[:4], data[8:12]) == (b"RIFF", b"WEBP")
    assert len(data) > 40_000, "an empty page compresses to a few kilobytes"


def printed(folder: Path, name: str, size: str) -> list[str]:
    """The words of each sheet."""
    page, paper = written(folder, name, f"@page {{ size: {size}; }}"), folder / "page.pdf"
    chromium(folder, "--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri())
    return [" ".join(sheet.extract_text().split()) for sheet in pypdf.PdfReader(paper).pages]


@pytest.mark.parametrize(("name", "size"), [("exploited", "A4"), ("hostile", "Letter")])
def test_the_first_sheet_is_the_summary_and_every_sheet_says_what_it_belongs_to(tmp_path: Path, name: str, size: str) -> None:
    sheets = printed(tmp_path, name, size)
    report = json.loads(render((story := ALL[name]()).incident, "json", story.entries))
    for number, sheet in enumerate(sheets, 1):
        assert f"page {number} of {len(sheets)}" in sheet
        assert re.search(rf"{story.id} · head [0-9a-f]{{64}}", sheet)
    assert len({hit for sheet in sheets for hit in re.findall(r"· head ([0-9a-f]{64})", sheet)}) == 1
    assert "Was it misused?" in sheets[0]
    assert "The pages that follow are the whole record" in sheets[0]
    assert "Was the key misused?" not in sheets[0]
    assert "Was the key misused?" in sheets[1]
    text = "".join(sheets).replace(" ", "")
    for row in (*report["services"], *report["debts"]):
        assert "".join(str(row["name"]).split())[:40] in text, "nothing is cut"
    assert all(f"#{row['entry']}" in text for row in report["timeline"] if row["entry"] is not None)


def test_an_id_of_any_characters_stays_inside_the_foot_of_the_page(tmp_path: Path) -> None:
    assert all(f"{ODD} · head" in sheet for sheet in printed(tmp_path, "odd", "A4"))
