"""What a human wrote wrong is refused with file, line, path and fix."""

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ir import inventory
from ir.core import yaml_file
from ir.core.errors import BadFile
from ir.inventory import Inventory
from ir.runtime.incident_spec import inventory_text
from tests.sizes import examples

GOOD = """version: 1
accounts:
  - {name: main, id: acct_1AbC, mode: test}
keys:
  - {name: pay, account: main, kind: secret, stored_in: ["dotenv://.env#KEY", "vault://secret/pay#key"]}
services:
  - name: web
    uses: [pay]
    reads_from: dotenv://.env#KEY
    reload: {http: "http://127.0.0.1:1/reload"}
    verify: [{http: "http://127.0.0.1:1/h", expect: {json: {f: "{{ new.fingerprint }}"}}}]
"""


def bad(text: str) -> BadFile:
    with pytest.raises(BadFile) as refusal:
        inventory.loads(text, "inventory.yaml")
    return refusal.value


def test_a_good_one_is_read() -> None:
    source = inventory.loads(GOOD, "inventory.yaml")
    service = source.services[0]
    assert service.verify[0].proven == "holds-key"
    assert service.wave == "main"
    assert str(source.store_of(service, source.key("pay"))) == "dotenv://.env#KEY"


@pytest.mark.parametrize(
    ("change", "to", "line", "word"),
    [
        ("mode: test", "mode: prod", 3, "mode"),
        ("kind: secret", "kind: secret, colour: red", 5, "colour"),
        ("account: main", "account: mian", 5, "there is no account"),
        ("uses: [pay]", "uses: [play]", 8, "there is no key"),
        ("reads_from: dotenv://.env#KEY", "reads_from: dotenv://.env#OTHER", 9, "holds"),
        ("vault://secret/pay#key", "valt://secret/pay#key", 5, "not a reference"),
        ("vault://secret/pay#key", "dotenv://.env#KEY", 5, "already holds"),
        ('reload: {http: "http://127.0.0.1:1/reload"}', "reload: {}", 10, "exactly one"),
        ("new.fingerprint", "new.secret", 11, "placeholder"),
        ("mode: test", "mode: test, api_base: http://example.com", 3, "api_base"),
        ("mode: test", "mode: test, issuer: managed", 3, "app_key"),
        ("mode: test", "mode: test, review_key: command://none", 3, "there is no command `none`"),
        ("mode: test", "mode: test, issuer: managed, app_key: command://none", 3, "there is no command `none`"),
        ("1/reload", '1/reload", headers: {X-A: "command://none"}, timeout: "1s', 10, "there is no command `none`"),
        ("http://127.0.0.1:1/reload", 'http://web.internal/reload", headers: {X-A: "env://A"}, timeout: "1s', 10, "in the clear"),
        ("http://127.0.0.1:1/h", 'http://10.0.0.1/h", headers: {X-A: "env://A"}, timeout: "1s', 11, "in the clear"),
        ("version: 1", "version: 1\nplain_http: ['https://vault.example']", 2, "plain_http"),
        ("version: 1", "version: 2", 1, "version"),
        ("services:", "on: 1\nservices:", 6, "true or false"),
        ("version: 1", "version: 1\nversion: 1", 2, "twice"),
        ("id: acct_1AbC", "id: &x acct_1AbC", 0, ""),
    ],
)
def test_mistakes_are_named_with_their_line(change: str, to: str, line: int, word: str) -> None:
    assert change in GOOD
    text = GOOD.replace(change, to, 1)
    if not word:
        inventory.loads(text, "an anchor that nobody uses is harmless")
        return
    refusal = bad(text)
    assert word in refusal.what
    assert refusal.line == line, refusal.what
    assert refusal.what.startswith(f"inventory.yaml:{line}")


def test_duplicate_names_are_refused() -> None:
    assert "listed twice" in bad(GOOD + GOOD[GOOD.index("  - name: web") :]).what


def test_aliases_depth_size_and_binary_are_refused(tmp_path: Path) -> None:
    assert "alias" in bad("version: 1\na: &a [1]\nb: *a\n").what
    assert "nested" in bad("version: " + "[" * 40 + "]" * 40).what
    assert "empty" in bad("").what
    assert "NUL" in bad("version: 1\0").what
    big = tmp_path / "big.yaml"
    big.write_text("#" * (yaml_file.MAX_BYTES + 1))
    with pytest.raises(BadFile, match="bytes"):
        inventory.load(big)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadFile, match="UTF-8"):
        inventory.load(binary)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text(GOOD)
    file.chmod(mode)
    with pytest.raises(BadFile) as refusal:
        inventory.load(file)
    assert "chmod" in refusal.value.fix


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yaml"
    file.write_text(GOOD)
    os.chown(file, 12345, -1)
    with pytest.raises(BadFile, match="belongs to user 12345"):
        inventory.load(file)


def says(text: str) -> str:
    """What is said about a text; nothing else than a BadFile may come out."""
    try:
        inventory.loads(text, "fuzz.yaml")
    except BadFile as refusal:
        return refusal.what
    return "fuzz.yaml is right"


@given(st.text(max_size=400))
@settings(max_examples=examples(100), deadline=None)
def test_no_text_crashes_it(text: str) -> None:
    assert says(text).startswith("fuzz.yaml")


_KEYS = st.sampled_from(["version", "accounts", "keys", "services", "name", "id", "verify"])
_SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(_SHAPES)
@settings(max_examples=examples(100), deadline=None)
def test_no_shape_crashes_it(data: object) -> None:
    assert says(yaml.safe_dump(data)).startswith("fuzz.yaml")


def test_the_snapshot_is_read_back_the_same() -> None:

    source = inventory.loads(GOOD, "inventory.yaml")
    again: Inventory = inventory.loads(inventory_text(source), "snapshot")
    assert again == source


WITH_WEBHOOK = """
version: 1
accounts: [{name: main, id: acct_1, mode: test}]
webhooks:
  - {name: events, account: main, url: "https://shop.example.com/hook", stored_in: ["vault://secret/shop#hook"]}
services:
  - name: shop
    uses: [events]
    reads_from: vault://secret/shop#hook
    reload: {polls: 1s}
    verify: [{webhook: "https://shop.internal/hook"}]
"""


def test_a_webhook_is_held_and_found_by_name() -> None:
    source = inventory.loads(WITH_WEBHOOK, "it.yaml")
    assert [row.name for row in source.held] == ["events"] and source.key("events").kind.value == "webhook"
    assert source.services[0].verify[0].proven == "holds-key" and [s.name for s in source.services_of("events")] == ["shop"]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("url: ", "roll: second-endpoint, url: ", "needs `api_key`"),
        ("url: ", "roll: second-endpoint, api_key: 'vault://secret/ir#hooks', url: ", "`connect: true` .* or `connect: false`"),
        ("url: ", "id: ed_test_61Abc, url: ", "event destination of API v2"),
        ('hook"}]', 'hook", processed: "https://elsewhere.internal/ids"}]', "on the same host"),
        ("url: ", "rotate_every: 90d, url: ", "is for API keys"),
        ("webhook: ", "http: ", "no check sends it a signed event"),
        ("uses: [events]", "uses: [other]", "there is no key `other`"),
        (
            "webhooks:",
            "keys:\n  - {name: a, account: main, kind: webhook, stored_in: ['vault://secret/a#b']}\nwebhooks:",
            "under `webhooks:`",
        ),
        (
            "webhooks:",
            "keys:\n  - {name: events, account: main, kind: secret, stored_in: ['vault://secret/a#b']}\nwebhooks:",
            "listed twice",
        ),
        ("webhooks:", "keys: []\nwebhooks: []\n_webhooks:", "_webhooks"),
    ],
)
def test_what_is_wrong_with_a_webhook(old: str, new: str, why: str) -> None:
    with pytest.raises(BadFile, match=why):
        inventory.loads(WITH_WEBHOOK.replace(old, new, 1), "it.yaml")


@pytest.mark.parametrize("address", ["http://[", "http://:80/x", "http://127.0.0.1:notaport/h", "https://example.com:99999/h"])
def test_an_address_without_a_host_or_with_a_broken_port_is_refused_by_line(address: str) -> None:
    """It was read, and the first command that looked at its host ended with a bug."""
    refusal = bad(GOOD.replace("http://127.0.0.1:1/h", address))
    assert "inventory.yaml:11: " in refusal.what and "is not the address of a host" in refusal.what
