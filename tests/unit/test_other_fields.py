"""Keys in the other fields of a secret: wherever they stand and however they are written, they are compared with the leaked one."""

import base64
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from ir.adapters.stores import value_field
from ir.core import key_search
from ir.core.secret import fingerprint

KEY = "sk_" + "live_" + secrets.token_hex(16)
SIGNING = "whsec_" + "a/b+" + secrets.token_hex(12) + "=="


def _deep(key: str, levels: int) -> Any:
    return {"inner": _deep(key, levels - 1)} if levels else key


def _coded(text: str, how: Callable[[bytes], bytes] = base64.b64encode) -> str:
    return how(text.encode()).decode()


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"stripe": {"keys": [{"secret": KEY}]}}, "/stripe/keys/0/secret"),
        ({"a": _deep(KEY, 40)}, "/a" + "/inner" * 40),
        ({"many": ["x"] * 2000 + [KEY]}, "/many/2000"),
        ({"config": json.dumps({"stripe": {"key": KEY}})}, "config"),
        ({"address": f"https://{KEY}:@api.stripe.com"}, "address"),
        ({"header": f"Basic {_coded(KEY + ':')}"}, "header"),
        ({"header": f"Basic {_coded(KEY + ':').rstrip('=')}; q"}, "header"),
        ({"coded": _coded(KEY)}, "coded"),
        ({"coded": _coded(SIGNING, base64.urlsafe_b64encode)}, "coded"),
    ],
)
def test_a_key_in_another_field_is_told_by_its_fingerprint(other: Any, field: str) -> None:
    held = value_field.read(json.dumps({"api_key": "x", **other}), "api_key", "1", "the secret")
    wanted = SIGNING if "coded" in other and _coded(KEY) not in other["coded"] else KEY
    assert held.others == ((field, fingerprint(wanted)),)


def test_an_escape_or_a_repeated_name_hides_no_key() -> None:
    escaped = json.dumps({"api_key": "x", "a": KEY}).replace("_", "\\u005f").replace("api\\u005fkey", "api_key")
    assert KEY not in escaped
    assert value_field.read(escaped, "api_key", "1", "the secret").others == (("a", fingerprint(KEY)),)
    slashed = json.dumps({"api_key": "x", "a": SIGNING}).replace("/", "\\/")
    assert value_field.read(slashed, "api_key", "1", "the secret").others == (("a", fingerprint(SIGNING)),)
    twice = f'{{"api_key": "x", "a": "{KEY}", "b": "{SIGNING}", "a": "y"}}'
    assert value_field.read(twice, "api_key", "1", "the secret").others == (("/a/0", fingerprint(KEY)), ("b", fingerprint(SIGNING)))


def test_what_is_no_key_is_passed_over() -> None:
    words = {"a": "c2tf" + "A" * 40, "b": "task_live", "c": _coded("sk_" + "live_short"), "d": "c2tf", "e": 7, "f": None, "g": [True]}
    assert key_search.prints(words) == ()
