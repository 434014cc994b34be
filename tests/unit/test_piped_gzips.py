"""Gzips that go to the engine through pipes: nothing is lost, nothing waits for ever."""

import gzip
from pathlib import Path

from ir.review.ingest.byte_stream import WRONG_SUM
from ir.review.ingest.piped_gzips import PipedGzips

LINES = b'{"a": 1}\n{"a": 2}\n{"a": \n' + b'{"a": 3}\n' * 200_000


def packed(file: Path, content: bytes = LINES) -> Path:
    file.write_bytes(gzip.compress(content))
    return file


def test_one_pass_gives_the_bytes_and_finds_torn_lines(tmp_path: Path) -> None:
    one, plain = packed(tmp_path / "one.gz"), tmp_path / "plain.jsonl"
    plain.write_bytes(LINES)
    ids: list[bytes] = []
    with PipedGzips([one, plain], tmp_path / "pipes", ids.append) as piped:
        pipe, same = piped.names
        assert pipe.read_bytes() == LINES
    assert same == plain and piped.whole and list(piped.fed) == [one]
    assert piped.file_of(pipe) == one and piped.file_of(plain) == plain
    assert piped.fed[one].torn.count == 1 and piped.fed[one].torn.kept[0][0] == 3 and ids == [b'{"a": ']
    assert piped.read == one.stat().st_size
    assert not (tmp_path / "pipes").exists()


def test_a_wrong_sum_is_noted_and_a_cut_gzip_is_not_whole(tmp_path: Path) -> None:
    wrong, cut = packed(tmp_path / "wrong.gz"), packed(tmp_path / "cut.gz")
    wrong.write_bytes(wrong.read_bytes()[:-8] + b"\1\2\3\4" + wrong.read_bytes()[-4:])
    cut.write_bytes(cut.read_bytes()[:-200])
    for file, whole in ((wrong, True), (cut, False)):
        with PipedGzips([file], tmp_path / "pipes", lambda _: None) as piped:
            read = piped.names[0].read_bytes()
        assert piped.whole is whole
        assert (read == LINES) is whole
        assert (WRONG_SUM in piped.fed[file].notes) is whole


def test_what_is_not_read_to_its_end_is_not_whole_and_nothing_waits(tmp_path: Path) -> None:
    files = [packed(tmp_path / f"{number}.gz") for number in range(3)]
    with PipedGzips(files, tmp_path / "pipes", lambda _: None) as piped:
        with piped.names[0].open("rb") as begun:
            begun.read(10)
        piped.names[1].read_bytes()
    assert [one.whole for one in piped.fed.values()] == [False, True, False]
    assert not piped.whole and not (tmp_path / "pipes").exists()


def test_a_file_that_is_gone_is_left_to_the_engine(tmp_path: Path) -> None:
    piped = PipedGzips([tmp_path / "gone.gz"], tmp_path / "pipes", lambda _: None)
    assert piped.names == [tmp_path / "gone.gz"] and not piped.fed
