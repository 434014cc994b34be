"""Files that somebody else may have written: inventories, playbooks, column maps, alerts and logs. Read or refused, never a crash."""

import copy
import gzip
import json
import os
import resource
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ir import inventory
from ir.core.errors import BadFile, Refused, UsageError
from ir.core.resources import shipped_folder
from ir.incident import playbook
from ir.incident.plan import compile_plan
from ir.inventory import consent
from ir.inventory import graph as inventory_graph
from ir.review.ingest.importer import Importer
from ir.review.sql.engine import DuckDb
from tests.sizes import examples

TEXT = (Path(__file__).parents[2] / "inventory.example.yaml").read_text()
EXAMPLE = yaml.safe_load(TEXT)
BOOKS = [yaml.safe_load((shipped_folder("playbooks") / f"{name}.yaml").read_text()) for name in playbook.shipped()]
NASTY: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        ["", "\x1b[31m", "a\0b", "\u202eabc", "../../etc/passwd", "{{ 7*7 }}", "{% include '/etc/passwd' %}", "${HOME}", "x" * 10_000]
    ),
    st.sampled_from(
        ["http://[", "http://169.254.169.254/", "https://a@b/", "dotenv:///etc/passwd#A", "vault://a/../../b#c", "aws-sm://x#", "1_0"]
    ),
    st.sampled_from([None, True, -1, 0, 10**40, float("nan"), float("inf"), -0.0, [], {}, [[]], {"a": {"b": []}}, "2026-99-99", "1e999"]),
    st.text(max_size=12),
    st.dates(),
)
settings.register_profile("files", deadline=None, suppress_health_check=list(HealthCheck))


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for name, value in inner:
        yield from places(value, (*path, name))


def changed(data: Any, path: tuple[Any, ...], value: Any, *, as_key: bool) -> Any:
    """A copy with another value at that place, or with that key beside it."""
    if not path:
        return value
    made = copy.deepcopy(data)
    at = made
    for name in path[:-1]:
        at = at[name]
    if as_key and isinstance(at, dict):
        at[value if isinstance(value, str | int) else str(value)] = at[path[-1]]
    else:
        at[path[-1]] = value
    return made


def used(source: inventory.Inventory) -> None:
    """What a command does with an inventory before it asks anybody."""
    graph = inventory_graph.graph_of(source)
    assert "\x1b" not in inventory_graph.mermaid(graph) + inventory_graph.svg(graph)
    for key in source.keys:
        consent.destinations(source, key)
        compile_plan(playbook.load("stripe-exposed"), source, key)


@given(st.sampled_from(list(places(EXAMPLE))), NASTY, st.booleans())
@settings(max_examples=examples(100), parent=settings.get_profile("files"))
def test_an_inventory_with_something_nasty_in_it(path: tuple[Any, ...], value: Any, as_key: bool) -> None:
    text = yaml.safe_dump(changed(EXAMPLE, path, value, as_key=as_key), allow_unicode=True)
    with suppress(BadFile):
        source = inventory.loads(text, "nasty.yaml")
        with suppress(UsageError, Refused):
            used(source)


@given(st.sampled_from(BOOKS).flatmap(lambda book: st.tuples(st.just(book), st.sampled_from(list(places(book))))), NASTY, st.booleans())
@settings(max_examples=examples(60), parent=settings.get_profile("files"))
def test_a_playbook_with_something_nasty_in_it(book: tuple[Any, tuple[Any, ...]], value: Any, as_key: bool) -> None:
    text = yaml.safe_dump(changed(*book, value, as_key=as_key), allow_unicode=True)
    source = inventory.loads(TEXT, "inventory.example.yaml")
    with suppress(UsageError, Refused):
        compile_plan(playbook.loads(text, "nasty.yaml"), source, source.keys[0])


MUCH = 900_000
BOMBS = {
    "lists": "[" * MUCH,
    "dashes": "- " * (MUCH // 2),
    "indented": "".join(" " * depth + "a:\n" for depth in range(1300)),
    "anchors": "a: &a [1]\nb: [*a, *a]\n",
    "sexagesimal": "a: 1" + ":59" * (MUCH // 3),
    "digits": "a: " + "9" * MUCH,
    "hexadecimal": "version: 0x" + "f" * MUCH,
    "empty accounts": "version: 1\naccounts: [" + "{}," * 200_000 + "]",
    "a tag": "!!python/object/apply:os.system ['true']",
    "a date": "a: 2026-99-99",
    "a list as a key": "? [a]\n: b",
    "two documents": "version: 1\n---\nversion: 1",
    "NUL": "version: 1\0",
    "an escape": "version: \x1b[31m",
    "a directive": "%YAML 9.9\n---\na: 1",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_at_once(name: str) -> None:
    began = time.process_time()
    for loads in (inventory.loads, playbook.loads):
        with pytest.raises(BadFile, match=r"^bomb\.yaml"):
            loads(BOMBS[name], "bomb.yaml")
    assert time.process_time() - began < 3.0


def test_a_company_of_thousands_is_read_in_seconds() -> None:
    """Also one where each service has a key of its own: nothing is compared with everything."""
    keys = "".join(f"  - {{name: k{n}, account: main, kind: secret, stored_in: ['env://K{n}']}}\n" for n in range(1500))
    verify = "verify: [{stripe_usage: true}]"
    services = "".join(
        f"  - {{name: s{n}, uses: [k{n}], reads_from: 'env://K{n}', reload: {{polls: 1s}}, {verify}}}\n" for n in range(1500)
    )
    head = "version: 1\naccounts: [{name: main, id: acct_1, mode: live}]\n"
    began = time.process_time()
    assert len(inventory.loads(f"{head}keys:\n{keys}services:\n{services}", "big").services) == 1500
    assert time.process_time() - began < 5.0


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml", 0o600)
    (tmp_path / "utf16.yaml").write_text(TEXT, encoding="utf-16")
    (tmp_path / "huge.yaml").write_bytes(b"")
    os.truncate(tmp_path / "huge.yaml", 1 << 40)
    for place in (tmp_path / "pipe.yaml", tmp_path, Path("/dev/zero"), tmp_path / "utf16.yaml", tmp_path / "huge.yaml", Path("a\0b")):
        with pytest.raises(BadFile):
            inventory.load(place)
    (tmp_path / "bom.yaml").write_text(TEXT, encoding="utf-8-sig")
    (tmp_path / "link.yaml").symlink_to("bom.yaml")
    for name in ("bom.yaml", "link.yaml"):
        (tmp_path / name).chmod(0o600)
        assert inventory.load(tmp_path / name).accounts, name


def test_a_playbook_of_the_current_folder_is_never_taken_for_a_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = "name: stripe-exposed\npolicy: exposed\nsteps: [{id: kill, action: nothing}]\n"
    for place in ("stripe-exposed", "stripe-exposed.yaml", "playbooks/stripe-exposed.yaml", "ir/_data/playbooks/stripe-exposed.yaml"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(planted)
    monkeypatch.chdir(tmp_path)
    assert len(playbook.load("stripe-exposed").steps) > 3
    for name in ("stripe-exposed.yaml", "./playbooks/stripe-exposed.yaml"):
        with pytest.raises(BadFile, match="nothing"):
            playbook.load(name)
    for name in ("..", "stripe-exposed\0", "STRIPE-EXPOSED", ""):
        with pytest.raises(UsageError):
            playbook.load(name)


CELL = st.one_of(NASTY, st.integers(), st.floats(), st.sampled_from(["req_1", "2026-11-20T03:00:00Z", "GET", "200", "10.0.0.1", "a=b c=d"]))
FIELDS = st.sampled_from(
    ["time", "request_id", "method", "path", "status", "ip", "user_agent", "id", "type", "created", "data", "detail", "log"]
)
LINE = st.one_of(
    st.dictionaries(FIELDS, CELL | st.dictionaries(FIELDS, CELL, max_size=3), max_size=6).map(
        lambda row: json.dumps(row, default=str).encode()
    ),
    st.lists(CELL, max_size=6).map(lambda row: ",".join(map(str, row)).encode("utf-8", "replace")),
    st.lists(st.tuples(FIELDS, CELL), max_size=5).map(lambda row: " ".join(f"{a}={b}" for a, b in row).encode("utf-8", "replace")),
    st.binary(max_size=40),
    st.sampled_from([b"time,request_id,path", b"id,created,type", b'{"data": [', b"\x1f\x8b\x08", b'"', b"'", b"[" * 5000, b"\xff\xfe"]),
)


@given(st.lists(LINE, min_size=1, max_size=5), st.booleans())
@settings(max_examples=examples(12), parent=settings.get_profile("files"))
def test_a_log_of_nonsense_is_counted_not_obeyed(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], own: bool) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = folder / "some'; DROP TABLE requests; -- log"
    log.write_bytes(b"\n".join(lines))
    engine = DuckDb(folder / "scratch")
    try:
        importer = Importer(engine, folder / "store")
        importer.load([log], own=own)
        importer.finish()
        assert importer.loaded.files == 1 or importer.loaded.notes
    finally:
        engine.close()


def test_a_gzip_bomb_takes_no_memory(tmp_path: Path) -> None:
    log = tmp_path / "egress.jsonl.gz"
    with gzip.open(log, "wb", compresslevel=1) as out:
        for _ in range(150):
            out.write(b"0" * (1 << 20))
    engine = DuckDb(tmp_path / "scratch", memory_limit="256MB")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        importer = Importer(engine, tmp_path / "store")
        importer.load([log], own=True)
        assert not sum(importer.loaded.rows.values())
    finally:
        engine.close()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10
