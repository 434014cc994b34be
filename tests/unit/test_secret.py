"""A Secret shows itself to nobody by accident, and scrubbing finds every form of it."""

import base64
import copy
import dataclasses
import html
import io
import json
import logging
import marshal
import pickle
import re
import secrets
import string
import sys
import threading
import time
import traceback
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ir.core import secret
from ir.core.secret import Secret, excerpt, fingerprint, longest_form, scrub
from tests.sizes import examples

NEIGHBOURS = "·~^|"
PLAIN = st.text(st.characters(codec="utf-8", exclude_characters=NEIGHBOURS), max_size=60).map(lambda text: "q7Zx9" + "Wk2" + text)
"""Values worth hiding, and like nothing that other tests say: a process remembers its secrets for ever."""
LETTERS = string.ascii_letters + string.digits + "~?>~?>~?>"
"""The last ones are what becomes `+` and `/` in base64."""
AROUND = st.text(NEIGHBOURS, max_size=9)


def key() -> str:
    return "sk_" + "test_" + secrets.token_hex(20)


def forms(value: str) -> dict[str, str]:
    raw = value.encode()
    return {
        "raw": value,
        "base64": base64.b64encode(raw).decode(),
        "base64 for URLs": base64.urlsafe_b64encode(raw).decode(),
        "URL-quoted": urllib.parse.quote(value, safe=""),
        "URL-quoted, slashes kept": urllib.parse.quote(value),
        "form-quoted": urllib.parse.quote_plus(value),
        "JSON": json.dumps(value)[1:-1],
        "JSON, not only ASCII": json.dumps(value, ensure_ascii=False)[1:-1],
        "HTML": html.escape(value),
        "hexadecimal": raw.hex(),
    }


class TestScrub:
    @given(PLAIN, AROUND, AROUND)
    @settings(max_examples=examples(150), deadline=None)
    def test_takes_out_every_form_whole(self, value: str, before: str, after: str) -> None:
        secret = Secret(value)
        for name, form in forms(value).items():
            assert re.fullmatch(rf"{re.escape(before)}\[secret [0-9a-f]{{16}}\]{re.escape(after)}", scrub(before + form + after)), name
        assert scrub(value) == f"[secret {secret.fingerprint}]"

    @given(st.binary(max_size=7), st.binary(max_size=7), st.integers(8, 60), st.booleans())
    @settings(max_examples=examples(200), deadline=None)
    def test_finds_base64_at_every_alignment(self, before: bytes, after: bytes, length: int, urlsafe: bool) -> None:
        value = "".join(secrets.choice(LETTERS) for _ in range(length))
        Secret(value)
        encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
        coded = encode(before + value.encode() + after).decode()
        left = re.sub(r"\[secret [0-9a-f]{16}\]", "", scrub(coded))
        # At each end one character at most is shared with the neighbours; all that is left must be theirs, or such a one.
        assert len(left) <= len(coded) - (4 * len(value) // 3 - 2)
        for shift in range(3):
            shown = base64.b64encode(b"\0" * shift + value.encode()).decode()[4:-4]
            assert not any(part in left for part in (shown[i : i + 6] for i in range(len(shown) - 5)))

    @given(st.integers(1, 90), st.sampled_from(["\n", "\r\n", "\n  ", "\n\t"]))
    @settings(max_examples=examples(60), deadline=None)
    def test_finds_forms_folded_over_lines(self, width: int, fold: str) -> None:
        value = key()
        secret = Secret(value)
        for coded in (base64.b64encode(value.encode()).decode(), value, value.encode().hex()):
            folded = fold.join(coded[i : i + width] for i in range(0, len(coded), width))
            assert scrub(f"> {folded}\n") == f"> [secret {secret.fingerprint}]\n"

    def test_what_the_base64_program_prints(self) -> None:
        value = key() + secrets.token_hex(40)
        Secret(value)
        printed = base64.encodebytes(f"user:{value}".encode()).decode()
        assert printed.count("\n") > 1
        left = re.sub(r"\[secret [0-9a-f]{16}\]", "", scrub(printed))
        assert len(left) <= len(base64.b64encode(b"user:")) + 3

    def test_basic_authorization_as_a_library_logs_it(self) -> None:
        secret = Secret(key())
        sent = "Basic " + base64.b64encode(f"{secret.reveal()}:".encode()).decode()
        assert scrub(sent).startswith(f"Basic [secret {secret.fingerprint}]")
        assert len(scrub(sent)) < len(f"Basic [secret {secret.fingerprint}]") + 8

    def test_overlapping_and_nested_secrets_leave_no_rest(self) -> None:
        left, middle, right = (secrets.token_hex(8) for _ in range(3))
        Secret(left + middle)
        Secret(middle + right)
        document = json.dumps({"api_key": left + middle, "password": right})
        Secret(document)
        assert re.fullmatch(r"\[secret [0-9a-f]{16}\]", scrub(left + middle + right))
        assert re.fullmatch(r"a \[secret [0-9a-f]{16}\] z", scrub(f"a {document} z"))

    def test_a_secret_that_looks_like_a_form_of_another_gets_its_own_forms(self) -> None:
        value = key()
        Secret(value)
        inner = Secret(base64.b64encode(value.encode()).decode().rstrip("="))
        assert scrub(inner.reveal().encode().hex()) == f"[secret {inner.fingerprint}]"

    @pytest.mark.parametrize("prefix", ["sk_", "rk_", "ek_", "rkcs_", "sk_org_"])
    @pytest.mark.parametrize("mode", ["live_", "test_", "prod_"])
    def test_unknown_keys_are_known_by_their_shape(self, prefix: str, mode: str) -> None:
        unknown = prefix + mode + secrets.token_hex(16)
        assert scrub(f"Invalid API Key provided: {unknown}.") in (
            "Invalid API Key provided: [secret]",
            "Invalid API Key provided: [secret].",
        )
        cut = prefix + mode + "*" * 16 + "abc123"
        assert scrub(f"Expired API Key provided: {cut}") == "Expired API Key provided: [secret]"
        assert scrub("whsec_" + secrets.token_urlsafe(24)) == "[secret]"

    def test_plain_words_are_left_alone(self) -> None:
        for text in ("", "a", "ask_live_ or not", "pk_" + "live_" + "abcdefgh", "mk_1AbC", "skateboard", "line\nline\r\n"):
            assert scrub(text) == text

    def test_short_values_are_not_searched_for(self) -> None:
        Secret("ab")
        Secret("")
        assert scrub("ab cab") == "ab cab"

    @given(st.text())
    @settings(max_examples=examples(100), deadline=None)
    def test_twice_is_once(self, text: str) -> None:
        assert scrub(scrub(text)) == scrub(text)

    @pytest.mark.parametrize("few", [0, 100_000])
    def test_both_ways_of_searching_find_the_same(self, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(secret, "_FEW", few)
        value, other = key(), key()
        mark, second = Secret(value).fingerprint, Secret(other).fingerprint
        coded = base64.b64encode(other.encode()).decode()
        assert scrub(f"{value}{coded}, {value[:20]}") == f"[secret {mark}][secret {second}], [secret]"
        assert scrub(f"a\n{coded[:9]}\r\n\t{coded[9:]} b") == f"a\n[secret {second}] b"

    def test_does_not_slow_down_with_the_number_of_secrets(self) -> None:
        text = "sk_ test words of a log line, " * 20

        def seconds() -> float:
            rounds = []
            for _ in range(15):
                begun = time.perf_counter()
                scrub(text)
                rounds.append(time.perf_counter() - begun)
            return min(rounds)

        before = seconds()
        for _ in range(2000):
            Secret(key())
        assert seconds() < before * 3 + 0.001

    def test_threads_that_make_secrets_meet_no_gap(self) -> None:
        leaks: list[str] = []

        def work() -> None:
            for _ in range(60):
                value = secrets.token_hex(20)
                Secret(value)
                if value in scrub(f"x {value} y") or value in scrub(f"x\n{value} y"):
                    leaks.append(value)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert leaks == []

    def test_longest_form_is_as_long_as_any(self) -> None:
        value = "\u20ac" * 100
        Secret(value)
        assert longest_form() >= max(len(form) for form in forms(value).values())


class TestExcerpt:
    @given(st.text(), st.integers(1, 400))
    @settings(max_examples=examples(100), deadline=None)
    def test_is_one_printable_line_of_that_length(self, text: str, limit: int) -> None:
        line = excerpt(text, limit)
        assert len(line) <= limit
        assert line.isprintable()

    def test_scrubs_before_it_cuts(self) -> None:
        secret = Secret(key())
        for limit in range(5, 60):
            line = excerpt(f"told: {secret.reveal()}", limit)
            assert not any(secret.reveal()[:n] in line for n in range(4, 20))

    def test_takes_out_terminal_escapes_and_line_ends(self) -> None:
        assert excerpt("a\x1b[2Jb\r\nc\u202ed\x9b1m") == "a [2Jb c d 1m"


def printed(show: Callable[[], object]) -> str:
    """What comes out, returned or raised, with all that a traceback tells."""
    try:
        return str(show())
    except Exception:  # noqa: BLE001  # whatever it is, it must not show the value
        return traceback.format_exc()


@dataclasses.dataclass(frozen=True)
class Holder:
    secret: Secret


SHOWN: dict[str, Callable[[Secret], object]] = {
    "str": str,
    "repr": repr,
    "f-string": lambda s: f"{s}",
    "f-string with !r": lambda s: f"{s!r}",
    "f-string with a width": lambda s: f"{s:>40}",
    "format": lambda s: "{}".format(s),  # noqa: UP032  # this way of formatting, too
    "percent s": lambda s: "%s" % s,  # noqa: UP031  # this way of formatting, too
    "percent r": lambda s: "%r" % (s,),  # noqa: UP031  # this way of formatting, too
    "template of a dict": lambda s: "%(s)s" % {"s": s},  # noqa: UP031  # this way of formatting, too
    "in a list": lambda s: str([s, (s,), {s: s}]),
    "join": lambda s: "".join(iter((s,))),  # type: ignore[arg-type]  # the mistake that is meant
    "add": lambda s: "key " + s,  # type: ignore[operator]  # the mistake that is meant
    "bytes": lambda s: bytes(s),  # type: ignore[call-overload]  # the mistake that is meant
    "iterate": lambda s: list(s),  # type: ignore[call-overload]  # the mistake that is meant
    "index": lambda s: s[0],  # type: ignore[index]  # the mistake that is meant
    "pickle": pickle.dumps,
    "old pickle": lambda s: pickle.dumps(s, 0),
    "pickle of a holder": lambda s: pickle.dumps(Holder(s)),
    "marshal": lambda s: marshal.dumps(s),  # type: ignore[arg-type]  # the mistake that is meant
    "state": lambda s: s.__getstate__(),
    "reduce": lambda s: s.__reduce__(),
    "json": json.dumps,
    "json by str": lambda s: json.dumps({"key": s}, default=str),
    "json by repr": lambda s: json.dumps({"key": s}, default=repr),
    "json by vars": lambda s: json.dumps({"key": s}, default=vars),
    "as a dictionary": lambda s: dataclasses.asdict(Holder(s)),
    "holder": lambda s: Holder(s),
    "copy": copy.copy,
    "deep copy": lambda s: copy.deepcopy({"a": [s]}),
    "vars": vars,
    "order": lambda s: sorted([s, Secret("another " + secrets.token_hex(4))]),  # type: ignore[type-var]  # the mistake
    "exception": lambda s: traceback.format_exception_only(ValueError(s)),
    "hash": hash,
    "set": lambda s: {s},
}


class TestSecret:
    @pytest.mark.parametrize("way", SHOWN)
    def test_is_never_shown(self, way: str) -> None:
        secret = Secret(key())
        text = printed(lambda: SHOWN[way](secret))
        for name, form in forms(secret.reveal()).items():
            assert form[:24] not in text, name

    @pytest.mark.parametrize("way", ["f-string", "f-string with a width", "format", "pickle", "old pickle", "json", "state", "bytes"])
    def test_some_ways_are_mistakes_and_raise(self, way: str) -> None:
        with pytest.raises(TypeError):
            SHOWN[way](Secret(key()))

    def test_logging_shows_the_fingerprint_at_most(self) -> None:
        secret, stream = Secret(key()), io.StringIO()
        log = logging.Logger("test")  # apart from all others
        log.addHandler(logging.StreamHandler(stream))
        log.warning("key %s, %r, %s", secret, secret, {"k": [secret]})
        log.warning(secret)
        try:
            raise RuntimeError(secret)
        except RuntimeError:
            log.exception("failed")
        assert stream.getvalue().count(secret.fingerprint) >= 4
        assert secret.reveal()[:16] not in stream.getvalue()

    def test_print_and_tracebacks_with_locals(self, capsys: pytest.CaptureFixture[str]) -> None:
        secret = Secret(key())
        print(secret, [secret], Holder(secret))  # noqa: T201  # what is tested
        sys.stderr.write("".join(traceback.TracebackException(ValueError, ValueError(secret), None, capture_locals=True).format()))
        out, err = capsys.readouterr()
        assert secret.fingerprint in out
        assert secret.reveal()[:16] not in out + err

    def test_no_way_to_the_value_but_reveal(self) -> None:
        secret = Secret(key())
        assert not hasattr(secret, "__dict__")
        public = [name for name in dir(secret) if not name.startswith("_")]
        assert public == ["fingerprint", "reveal"]

    def test_copies_are_the_same_secret(self) -> None:
        secret = Secret(key())
        assert copy.copy(secret) is secret
        assert copy.deepcopy([secret])[0] is secret

    def test_equality_hash_and_nothing_else(self) -> None:
        value = key()
        assert Secret(value) == Secret(value)
        assert Secret(value) != Secret(key())
        assert Secret(value) != value
        assert len({Secret(value), Secret(value)}) == 1
        with pytest.raises(TypeError):
            assert Secret(value) < Secret(value)  # type: ignore[operator]  # the mistake that is meant

    @given(PLAIN)
    @settings(max_examples=examples(60), deadline=None)
    def test_keeps_its_value_and_its_fingerprint(self, value: str) -> None:
        assert Secret(value).reveal() == value
        assert Secret(value).fingerprint == fingerprint(value)
        assert re.fullmatch(r"[0-9a-f]{16}", fingerprint(value))

    def test_fingerprint_is_that_of_sha256(self) -> None:
        assert fingerprint("abc") == "ba7816bf8f01cfea"

    @pytest.mark.parametrize("half", [0xD800, 0xDCFF, 0xDFFF])
    def test_what_is_no_text_is_refused_without_showing_it(self, half: int) -> None:
        value = key() + chr(half)
        with pytest.raises(ValueError, match="text") as refused:
            Secret(value)
        assert value[:16] not in "".join(traceback.format_exception(refused.value))
        assert refused.value.__context__ is None


def test_no_key_shaped_string_stands_in_this_file() -> None:
    assert scrub(Path(__file__).read_text()) == Path(__file__).read_text()
