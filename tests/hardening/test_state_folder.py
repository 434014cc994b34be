"""The tool's own folder: made private whatever the umask, refused where somebody else may have a hand in it."""

import os
import stat
from pathlib import Path

import pytest

from ir.core.errors import Refused, UsageError
from ir.runtime.app_state import database_address
from ir.storage import state_folder


def made(place: Path) -> Path:
    return state_folder.folder({"IR_HOME": str(place)})


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_it_is_private_under_any_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        folder = made(tmp_path / "a" / "b" / "state")
        inner = state_folder.private(folder / "incidents")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, inner)] == [0o700, 0o700]


def test_one_that_others_could_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    (tmp_path / "state" / "ir.sqlite").write_text("")
    assert stat.S_IMODE(made(tmp_path / "state").stat().st_mode) == 0o700


def test_one_that_others_could_write_is_taken_only_without_their_gifts(tmp_path: Path) -> None:
    for name in ("empty", "planted"):
        (tmp_path / name).mkdir()
    (tmp_path / "planted" / "ir.sqlite").symlink_to(tmp_path / "elsewhere")
    for name in ("empty", "planted"):
        (tmp_path / name).chmod(0o777)
    assert stat.S_IMODE(made(tmp_path / "empty").stat().st_mode) == 0o700
    with pytest.raises(Refused, match="others could write"):
        made(tmp_path / "planted")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_stranger_s_file_or_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 4242, 4242)
    with pytest.raises(Refused, match="belongs to user 4242"):
        made(tmp_path / "theirs")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "ir.sqlite").write_text("")
    os.chown(tmp_path / "shared" / "ir.sqlite", 4242, 4242)
    (tmp_path / "shared").chmod(0o770)
    with pytest.raises(Refused, match="somebody else's"):
        made(tmp_path / "shared")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(Refused, match="is a link"):
        made(tmp_path / "link")
    (tmp_path / "real" / "incidents").symlink_to(tmp_path)
    with pytest.raises(Refused, match="is a link"):
        state_folder.private(tmp_path / "real" / "incidents")


@pytest.mark.parametrize("place", ["/dev/null/state", "file/state", "x" * 300, "a\0b"])
def test_where_there_can_be_none_it_says_so(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="no state folder"):
        made(tmp_path / place)


@pytest.mark.parametrize(
    "address", ["hunter2", "mysql://ir:hunter2@db/ir", "postgresql://ir:hunter2@db:port/ir", "oracle+hunter2://", ":::hunter2"]
)
def test_what_is_no_database_is_a_usage_error_that_repeats_nothing(address: str) -> None:
    with pytest.raises(UsageError, match="IR_DATABASE_URL") as error:
        database_address(address)
    assert "hunter2" not in f"{error.value.what} {error.value.safe} {error.value.next_step}" and error.value.__cause__ is None
    assert database_address("postgres://ir@db/ir") == "postgresql+psycopg://ir@db/ir"
