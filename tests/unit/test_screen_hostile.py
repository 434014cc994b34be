"""What an attacker wrote reaches terminals, spreadsheets and pages of a campaign: shown, never obeyed."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from ir.cli import campaign_view
from ir.cli.terminal.operator import Terminal
from ir.cli.terminal.screen import Screen, show_error
from ir.core.errors import Refused
from ir.core.model import Did, Item, Json, Outcome
from ir.fleet.campaign import Child, ChildState
from ir.ports import Reviewed
from ir.review.judge import affected_customers
from ir.review.present.screen_summary import lines
from tests.unit.test_report_hostile import CONTROLS, HOSTILE

MARKUP = ["[bold red]✓ retire[/]", "[link=https://evil.example]click[/link]", "[/]", "\\[x]", ":skull:"]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=1", "＝1", "cus_1;=1", "x|@y", '"=1', "a,=1"]


def fill(screen: Screen, text: str) -> None:
    """Everything that a screen can say, with `text` in each place."""
    screen.say(text)
    screen.warn(text)
    screen.step(text, Outcome(Did.FAILED, text, todo=text, items=(Item(text, Did.FAILED, text),)))
    screen.table(text, (text, "b"), [(text, text)])
    screen.progress(text)
    screen.hush()
    operator = Terminal(screen, name="me", yes=False)
    operator.tell(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO("y\n"))
        operator.interactive = True
        assert operator.confirm(text)


@pytest.fixture
def piped(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """The screen as a command makes it."""
    monkeypatch.setenv("COLUMNS", "4000")

    def shown(text: str) -> str:
        fill(Screen(), text)
        said = capsys.readouterr()
        return said.out + said.err

    return shown


@pytest.mark.parametrize("text", [*HOSTILE, *CONTROLS, *MARKUP])
def test_a_terminal_is_told_and_not_commanded(text: str, piped: Callable[[str], str]) -> None:
    said = piped(text)
    assert [c for c in said if not c.isprintable() and c != "\n"] == []
    if text.isprintable():
        assert said.count(text) >= 8, "nothing of it is lost, and none of it is markup"


@pytest.mark.parametrize("text", ["\x1b[2J\x1b]0;owned\x07", "\x9b2J", "\x1b]8;;https://evil.example\x1b\\x", "\u202egnp.exe"])
def test_live_progress_too(text: str) -> None:
    file = io.StringIO()
    fill(Screen(console=Console(file=file, force_terminal=True, color_system=None, width=4000, highlight=False)), text)
    said = file.getvalue()
    for sequence in ("\x1b[2J\x1b]", "\x1b]0", "\x07", "\x9b", "\x1b]8", "\u202e"):
        assert sequence not in said


def test_no_further_line_of_a_step_looks_like_one_of_ours(piped: Callable[[str], str]) -> None:
    said = piped("bad\n✓ retire         the old key is dead")
    assert "\n    ✓ retire" in said
    told = [line for line in said.splitlines() if line.startswith(("✗", "    "))]
    assert any(line.startswith("    ✓ retire") for line in told)


@pytest.mark.parametrize("text", [*CONTROLS, "\x7f", "\U000e0041"])
def test_a_json_document_commands_no_terminal_and_reads_back(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=True).document({"said": f"é{text}", text: [text]})
    said = capsys.readouterr().out
    assert [c for c in said if not c.isprintable() and c != "\n"] == []
    assert json.loads(said) == {"said": f"é{text}", text: [text]}


@pytest.mark.parametrize("text", [*HOSTILE, *CONTROLS, *MARKUP])
def test_an_error_is_told_and_not_obeyed(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_error(Refused(text, safe=text, next_step=text), as_json=False)
    said = capsys.readouterr().err
    assert [c for c in said if not c.isprintable() and c != "\n"] == []


@pytest.mark.parametrize("text", ["\x1b[2J", *MARKUP])
def test_the_screen_of_a_review_is_plain(text: str, piped: Callable[[str], str]) -> None:
    left: Json = {"kind": text, "id": text, "created": 0, "severity": "high", "why": text, "undo": text}
    cover: Json = {"from": 1, "to": 2, "rows": 1, "gaps": [text], "blind_to": text}
    coverage = tuple({**cover, "source": name} for name in ("events", "egress", "request-log", "activity", "objects"))
    areas = {"writes": text, "reads": text, "account": text}
    reviewed = Reviewed(text, areas, 1.0, coverage=coverage, leftovers=(left,), reasons={name: [text] for name in areas})
    told = "\n".join(lines(reviewed))
    assert text in told or text.upper() in told
    assert "\x1b" not in piped(told)


def children(text: str) -> list[Child]:
    empty = dict.fromkeys(Child.__dataclass_fields__, "")
    made = {"position": 0, "state": ChildState.FAILED, "began_at": 1.0, "ended_at": 2.0, "exit_code": 1}
    return [Child(**(empty | dict.fromkeys(("key", "account", "incident", "said"), text) | made))]  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize("text", [*HOSTILE, "a\n| b | c |", "x\n# owned"])
def test_the_page_of_a_campaign_is_no_markup(text: str) -> None:
    row: Json = {"campaign": "CMP-1", "status": "done", "said": text, "created_at": 1.0, "actor": text, "about": {"policy": text}}
    page = campaign_view.markdown(row, children(text))
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(page)
    kinds = {inner.type for token in tokens for inner in (token, *(token.children or []))}
    assert not kinds & {"html_inline", "html_block", "link_open", "image", "fence", "code_block", "s_open", "em_open", "hr"}
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1"]
    assert sum(token.type == "tr_open" for token in tokens) == 2


@pytest.mark.parametrize("text", [*FORMULAS, *CONTROLS])
def test_a_spreadsheet_runs_nothing_of_affected_csv(text: str, tmp_path: Path) -> None:
    path = affected_customers.write([{"customer": text, "what": text, "first_seen": 0, "requests": 1}], tmp_path)
    written = Path(path).read_bytes().decode()
    assert written.isprintable() or set(written) - {"\r", "\n"} <= {c for c in written if c.isprintable()}
    for separator in ",;|\t":
        for row in csv.reader(io.StringIO(written), delimiter=separator):
            assert [cell for cell in row if cell.strip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))] == []


def test_a_plain_customer_stays_as_it_is(tmp_path: Path) -> None:
    path = affected_customers.write([{"customer": "cus_1", "what": "", "first_seen": 0, "requests": 1}], tmp_path)
    assert Path(path).read_text().splitlines()[1] == "cus_1,,1970-01-01T00:00:00+00:00,1"
