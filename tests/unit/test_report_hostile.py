"""Customers, metadata and user agents are written by attackers: nothing of theirs becomes markup, and no key survives."""

import base64
import json
import re
import secrets
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ir.core.model import Did, Json, Outcome, Policy
from ir.core.secret import Secret
from ir.report import FORMATS, render
from ir.report.bundle import write_bundle
from ir.report.escape import Tamer, code, escape
from tests.sizes import examples
from tests.unit.report_samples import Builder, exploited, preflight

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></svg><iframe src=//evil.example>",
    "<!-- & &lt;b&gt; -->",
    "{{ 7*7 }}{% raw %}",
    "a|b||c\\|d",
    "[click](javascript:alert(1)) ![x](https://evil.example/p.png)",
    "[ref]: https://evil.example",
    "`code` ``more`` ```",
    "`",
    "\\",
    "**bold** __bold__ _it_ ~~gone~~ *",
    "# heading",
    "1. one",
    "- list",
    "> quote",
    "| x |",
    "---",
    "https://evil.example www.evil.example <https://evil.example>",
    "$\\sqrt{x}$",
    "&amp;&#60;b&#62;",
    "+ plus",
    "=====",
]
CONTROLS = ["\x1b[2J\x1b]0;owned\x07", "a\r\nb\n\n# c", "\u202egnp.exe", "zero\u200bwidth", "\x00\x08\x7f\x9b", "\u2028x", "\ud800"]
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "div", "header", "main", "section", "article", "nav", "footer", "wbr", "br"),
    *("h1", "h2", "h3", "p", "b", "strong", "span", "ul", "ol", "li", "dl", "dt", "dd", "code", "a", "i"),
    *("table", "thead", "tbody", "tr", "th", "td", "svg", "desc", "line", "text", "circle", "rect", "polyline", "path"),
}


def attacked(text: str) -> Builder:
    """A story in which an attacker chose every free text."""
    plain = Builder(Policy.EXPLOITED, options={"reason": text, "leaked_via": text, "accept_unverified": {text: text}}, actor=text)
    preflight(plain)
    finding: Json = {"rule": text, "severity": text, "title": text, "why": text, "usual": text, "first_seen": text, "count": text}
    finding |= {"evidence": [text, text], "money": [{"currency": text, "amount": text}], "next_action": text}
    left = {"kind": text, "id": text, "created": text, "severity": text, "why": text, "undo": text}
    cover = {"source": text, "from": text, "to": text, "rows": text, "gaps": [text], "blind_to": text}
    review = {"verdict": text, "verdicts": {"writes": text}, "findings": [finding], "leftovers": [left], "coverage": [cover]}
    facts: Json = {
        "review": {
            **review,
            "blast_radius": {text: {text: [text]}},
            "hours": [{"at": 3600 * n, "requests": n, "usual": 1} for n in range(1, 9)],
        },
        "services": {text: {"wave": text, "owner": text, "store": text, "before": text, "after": text, "proves": text}},
        "stores": {text: {"before": {"fingerprint": text, "version": text}, "siblings": [text], "staged": text}},
        "new": {"id": text, "fingerprint": text, "liveness": text, "kind": text, "permissions": [text]},
        "containment": {"said": text, "how": text, "before": [text]},
        "money": {"moving": [{"id": text, "kind": text, "why": text, "undo": text}]},
        "warnings": [text],
        "classified_at": 1764000000,
        "classified_by": text,
        "watch": {"failing": [text]},
        text: text,
    }
    plain.step("review", Outcome(Did.DONE, text, facts, todo=text))
    plain.write("signal", body={"kind": text, text: text}, actor=text)
    plain.write(
        "ended", body={"status": "debt", "exit_code": 5, "said": text, "debts": [dict.fromkeys(("kind", "about", "why", "todo"), text)]}
    )
    return plain


class Parsed(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("text", HOSTILE)
def test_html_shows_it_and_never_obeys_it(text: str) -> None:
    story = attacked(text)
    page = Parsed(render(story.incident, "html", story.entries))
    assert page.tags <= TAGS
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "srcset", "action", "xlink:href")]
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")
    assert {value for name, value in page.attributes if name == "style"} == set()
    assert text in "".join(page.text)


@given(st.lists(st.sampled_from([*HOSTILE, *CONTROLS]) | st.text(max_size=8), min_size=1, max_size=4).map("".join))
@settings(max_examples=examples(8), deadline=None, suppress_health_check=list(HealthCheck))
def test_no_mixture_of_them_is_obeyed_either(text: str) -> None:
    story = attacked(text)
    page = Parsed(render(story.incident, "html", story.entries))
    assert page.tags <= TAGS
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "srcset", "action", "style", "xlink:href")]
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")
    tokens = flat(MarkdownIt("commonmark", {"html": True}).enable("table").parse(render(story.incident, "md", story.entries)))
    assert not {token.type for token in tokens} & {"html_inline", "html_block", "link_open", "image", "fence", "code_block"}


def flat(tokens: list[Token]) -> list[Token]:
    return [one for token in tokens for one in (token, *flat(token.children or []))]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_it_and_never_obeys_it(text: str) -> None:
    story = attacked(text)
    tokens = flat(
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(render(story.incident, "md", story.entries))
    )
    kinds = {token.type for token in tokens}
    assert not kinds & {"html_inline", "html_block", "link_open", "image", "fence", "code_block", "s_open", "em_open"}
    assert sum(token.type == "hr" for token in tokens) == 1
    titles = [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open" and token.tag in ("h1", "h2", "h3")]
    assert not [title for title in titles if text in title]
    shown = "".join(token.content for token in tokens if token.type in ("text", "code_inline", "text_special"))
    assert text in shown
    # A reader pads and cuts rows to the width of the head, so the source itself is counted.
    tables = re.findall(r"(?:^\|.*\n)+", render(story.incident, "md", story.entries), re.MULTILINE)
    assert len(tables) > 8
    for table in tables:
        assert len({len(re.sub(r"\\.", "", row).split("|")) for row in table.splitlines()}) == 1, table


@pytest.mark.parametrize("text", HOSTILE)
def test_a_table_cell_holds_the_whole_text_and_its_neighbour_nothing_of_it(text: str) -> None:
    made = f"| a | b |\n|---|---|\n| {escape(text)} | safe |\n| {code(text)} | safe |\n"
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(made)
    cells = [t for t in tokens if t.type == "inline"]
    shown = ["".join(c.content for c in flat(cell.children or []) if not c.type.endswith(("_open", "_close"))) for cell in cells]
    assert shown[2:] == [text, "safe", " ".join(text.split()), "safe"]


@pytest.mark.parametrize("text", [*HOSTILE, *(c for c in CONTROLS if c != "\ud800")])
def test_json_reads_back(text: str) -> None:
    story = attacked(text)
    report = json.loads(render(story.incident, "json", story.entries))
    assert report["actor"] == Tamer()(text)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("text", [c for c in CONTROLS if c != "\ud800"])
def test_no_character_reaches_a_terminal_that_is_not_printable(fmt: str, text: str) -> None:
    story = attacked(text)
    made = render(story.incident, fmt, story.entries)
    assert [c for c in made if not c.isprintable() and c != "\n"] == []


def test_half_a_surrogate_and_endless_text_are_tamed() -> None:
    assert Tamer()("\ud800") == "\ufffd"
    assert Tamer()("x" * 10_000_000).startswith("xxx")
    assert len(Tamer()("x" * 10_000)) < 2100
    assert Tamer()({"\x1b": [float("inf"), ("\x07",), 3, None, True]}) == {"\ufffd": [None, ["\ufffd"], 3, None, True]}


def test_a_key_that_the_cut_would_halve_is_gone_whole() -> None:
    value = "xk" + secrets.token_hex(40)
    assert Secret(value).fingerprint
    for before in range(19_900, 20_700, 7):
        # Long key-shaped strings in front are shortened by scrubbing, so that the cut moves into what is shown.
        front = ("sk_" + "test_" + "A" * 9400 + " ") * 2
        text = front + "." * (before - len(front)) + value + "y" * 900
        assert value[:12] not in Tamer()(text)


def forms(value: str) -> list[str]:
    raw = value.encode()
    coded = [base64.b64encode(raw).decode(), base64.b64encode(b"user:" + raw + b":x").decode()]
    return [value, *coded, urllib.parse.quote(value, safe=""), raw.hex()]


def test_a_planted_key_survives_in_no_byte_of_report_or_bundle(tmp_path: Path) -> None:
    value = "sk_" + "test_" + secrets.token_urlsafe(30) + "/+="
    planted = Secret(value)
    stranger = "rk_" + "live_" + secrets.token_hex(20)
    outputs: list[str] = []
    for text in [*(f"x {form} y" for form in forms(value)), f"k={stranger}", f"{value[:20]}\u200b{value[20:]} {value}"]:
        story = attacked(text)
        outputs = [render(story.incident, fmt, story.entries) for fmt in FORMATS]
        outputs += [path.read_bytes().decode("latin-1") for path in write_bundle(story.incident, story.entries, tmp_path)]
        for output in outputs:
            assert not [form for form in [*forms(value), stranger] if form in output]
    assert planted.fingerprint in "".join(outputs)


def test_a_planted_key_is_called_a_broken_promise() -> None:
    story = attacked("leaked: " + "sk_" + "test_" + secrets.token_hex(16))
    report = json.loads(render(story.incident, "json", story.entries))
    row = next(row for row in report["promises"] if row["name"] == "no leak")
    assert row["kept"] == "broken"
    clean = exploited()
    report = json.loads(render(clean.incident, "json", clean.entries))
    assert next(row for row in report["promises"] if row["name"] == "no leak")["kept"] == "honoured"


PLAIN = [
    "INC-20261123-7f3a acct_1AbC payments-oncall 203.0.113.5 (3 of 3) key_fingerprint: 2026-11-23",
    "a_b_c #3 x.y",
    "aws-sm://eu-west-1/prod/payments#api_key",
    "a & b, 5 > 3 < 8, 2 * 3, => and ->",
    "~3 s, $5 and $6, +5 min",
    "#3",
    "-1",
    "1.5 s",
    "see [1], or C:\\path",
]


@pytest.mark.parametrize("text", PLAIN)
def test_markdown_escapes_only_what_would_change_the_meaning(text: str) -> None:
    assert escape(text) == text
    assert shown_in(f"{escape(text)}\n") == text


def shown_in(made: str) -> str:
    """What a reader sees of one paragraph or cell."""
    tokens = flat(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(made))
    assert not {token.type for token in tokens} & OBEYED
    return "".join(token.content for token in tokens if token.type in ("text", "text_special", "code_inline"))


OBEYED = {
    "html_inline",
    "html_block",
    "link_open",
    "image",
    "fence",
    "code_block",
    "s_open",
    "em_open",
    "heading_open",
    "hr",
    "list_item_open",
}


@given(st.lists(st.sampled_from(HOSTILE) | st.text("*_~`$<>[]()!|\\&;:#-+=1. ab/www", max_size=6), min_size=2, max_size=3))
@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
def test_texts_that_stand_together_are_shown_as_they_are(texts: list[str]) -> None:
    """An opening in one text must not meet its end in the next."""
    texts = [" ".join(text.split()) for text in texts]
    seen = [text for text in texts if text]
    for made, between in ((" ".join(map(escape, seen)), " "), ("x" + "; ".join(map(escape, seen)), "; ")):
        assert shown_in(f"{made}\n").removeprefix("x" if between == "; " else "") == between.join(seen)
    cells = f"| a |\n|---|\n| {' '.join(map(escape, seen))} |\n"
    assert shown_in(cells) == "a" + " ".join(seen)
