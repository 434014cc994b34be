"""What only env files have: a syntax of many dialects, modes, owners, links, names, and power that fails."""

import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from ir.adapters.stores.env.dotenv_store import DotenvStore
from ir.adapters.stores.private_file import PrivateFolder
from ir.core.errors import Denied, Missing, PortError, Rejected, Unknown
from ir.core.reference import parse
from ir.core.secret import Secret
from tests.worlds.dotenv import NAME, NOBODY, DotenvWorld
from tests.worlds.stores import key

INCIDENT = "INC-20261123-ab12"


def _file(folder: Path, text: bytes, mode: int = 0o600) -> DotenvStore:
    path = folder / ".env"
    path.write_bytes(text)
    path.chmod(mode)
    return DotenvStore(parse(f"dotenv://./.env#{NAME}"), base=folder, timeout=2.0)


# ── the text ──────────────────────────────────────────────────────────────────────────────────────────

LAYOUTS = [
    b"%s=@\n",
    b"%s=@",
    b"A=1\r\n%s=@\r\nB=2\r\n",
    b"\xef\xbb\xbf%s=@\n",
    b"  export  %s = @   # the key of payments\n",
    b"%s='@'\n",
    b'%s="@" # behind\n',
    b"%s=`@`\n",
    b"%s=@\t#tab\n",
    b"#%s=commented\n%s=@\n",
    b"A='several\n%s=not this one\nlines'\n%s=@\n",
    b'A="with \\" escaped\n%s=nor this"\n%s=@\n',
    b'A=it\'s\nB="x"y\n%s=@\nC=\n\n\n# end',
    b"\xff\xfe=latin \xe9\nA=\xe9\n%s=@\n",
    b"%s_OLD=other\nX%s=other\n%s=@\n",
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_only_the_value_changes(tmp_path: Path, layout: bytes) -> None:
    old, new = key(), key()
    text = layout.replace(b"%s", NAME.encode())
    store = _file(tmp_path, text.replace(b"@", old.reveal().encode()))
    held = store.read()
    assert held.value == old
    store.promote(INCIDENT, new, expected=held.version)
    assert (tmp_path / ".env").read_bytes() == text.replace(b"@", new.reveal().encode())
    store.undo(INCIDENT, old, new)
    assert (tmp_path / ".env").read_bytes() == text.replace(b"@", old.reveal().encode())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"%s=a\nB=1\n%s=b\n", r"stands 2 times in .* \(lines 1 and 3\)"),
        (b"%s='never closed\nB=1\n", "line 1: the quote"),
        (b'A="never\n%s=x\n', "line 1: the quote of A"),
        (b"%s=${OTHER}\n", "is an expression"),
        (b'%s="$(cat key)"\n', "is an expression"),
        (b"%s=two words\n", "holds characters"),
        (b"%s=\xff\xfe\n", "holds characters"),
        (b"%s=a\n%s: b\n", "line 2, sets"),
        (b"%s: b\n", "line 1, sets"),
        (b"A=1\nset %s=a\n", "line 2, sets"),
        (b"%s=a\nA='x\ny'\nsetenv %s b\n", "line 4, sets"),
        (b"%s=a\nA=1; %s=b\n", "line 2, sets"),
        (b"%s=a\nA='1' %s=b\n", "line 2, sets"),
        (b"%s+=a\n", "line 1, sets"),
        (b'{"%s": "a"}\n"%s" = b\n', "line 1, sets|line 2, sets"),
        (b'%s="a"b\n', "line 1: something stands behind"),
        (b'A="open\n%s=a\nB="x"\n', "line 1: the quote of A is closed only by another one, 2 lines below"),
        (b'A="open\n%s=a\nB="\n', "line 2: %s is inside the quotes of A that open in line 1"),
        ("A=1\n%s=a\n".encode("utf-16"), "line 1, holds zero bytes.*UTF-16"),
        (b"A=1\n%s=a\n\0", "line 3, holds zero bytes"),
    ],
)
def test_what_readers_disagree_about_is_refused(tmp_path: Path, text: bytes, said: str) -> None:
    store = _file(tmp_path, text.replace(b"%s", NAME.encode()))
    before = (tmp_path / ".env").read_bytes()
    for call in (store.read, lambda: store.promote(INCIDENT, key(), expected="")):
        with pytest.raises(Rejected, match=said.replace("%s", NAME)):
            call()
    assert (tmp_path / ".env").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (b"", b"%s=@\n"),
        (b"A=1", b"A=1\n%s=@\n"),
        (b"A=1\r\n", b"A=1\r\n%s=@\r\n"),
        (b"%s=\nA=1\n", b"%s=@\nA=1\n"),
        (b"%s=''\n", b"%s='@'\n"),
        (b"%s=   # note\n", b"%s=@   # note\n"),
        (b"%s =# note\n", b"%s =@ # note\n"),
        (b"# %s: in a comment\nA=1 # %s=too\nURL=http://x/?%s=1\n", b"# %s: in a comment\nA=1 # %s=too\nURL=http://x/?%s=1\n%s=@\n"),
    ],
)
def test_an_absent_or_empty_variable_reads_as_nothing_and_can_be_set(tmp_path: Path, text: bytes, after: bytes) -> None:
    new = key()
    store = _file(tmp_path, text.replace(b"%s", NAME.encode()))
    held = store.read()
    assert held.value is None
    store.promote(INCIDENT, new, expected=held.version)
    assert (tmp_path / ".env").read_bytes() == after.replace(b"%s", NAME.encode()).replace(b"@", new.reveal().encode())


def test_a_value_that_would_need_quoting_is_refused(tmp_path: Path) -> None:
    store = _file(tmp_path, f"{NAME}=x\n".encode())
    with pytest.raises(Rejected, match="need quoting"):
        store.promote(INCIDENT, Secret("a b'c\"$d"), expected=store.read().version)


@pytest.mark.parametrize("layout", ['%s=" @\t"\n', "%s='@\n'\n", "%s=@ \n"])
def test_white_space_around_a_key_is_none_of_it_and_is_written_no_more(tmp_path: Path, layout: str) -> None:
    old, new = key(), key()
    store = _file(tmp_path, layout.replace("%s", NAME).replace("@", old.reveal()).encode())
    held = store.read()
    assert held.value == old and held.blanks is ('"' in layout or "'" in layout)
    store.promote(INCIDENT, new, expected=held.version)
    assert (store.read().value, store.read().blanks) == (new, False)
    store.undo(INCIDENT, old, new)
    assert store.read().value == old


N = 900_000


@pytest.mark.parametrize("text", [" " * N + "x", "A=" + " " * N + "x", "A=1\n" * 200_000, 'A="' + "\\" * N, "#" * N])
def test_no_text_takes_long(tmp_path: Path, text: str) -> None:
    """Of what fits into a file: a pattern that goes back and forth would take hours for some of these."""
    store = _file(tmp_path, text.encode())
    begun = time.process_time()
    with suppress(Rejected):
        store.read()
    assert time.process_time() - begun < 5.0


def test_siblings_are_named(tmp_path: Path) -> None:
    assert _file(tmp_path, f"A=1\nexport B='2\nC=3'\n{NAME}=x\n#D=4\n".encode()).read().siblings == ("A", "B")


# ── the file ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660, 0o400])
def test_mode_owner_and_attributes_stay(tmp_path: Path, mode: int) -> None:
    old, new = key(), key()
    store = _file(tmp_path, f"{NAME}={old.reveal()}\n".encode(), mode)
    path = tmp_path / ".env"
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    try:
        os.setxattr(path, "user.note", b"kept")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    before = path.stat()
    store.promote(INCIDENT, new, expected=store.read().version)
    after = path.stat()
    assert (stat.S_IMODE(after.st_mode), after.st_uid, after.st_gid) == (mode, before.st_uid, before.st_gid)
    assert os.getxattr(path, "user.note") == b"kept"


def _linked(folder: Path) -> None:
    (folder / ".env").rename(folder / "real")
    (folder / ".env").symlink_to(folder / "real")


def _folder_instead(folder: Path) -> None:
    (folder / ".env").unlink()
    (folder / ".env").mkdir()


def _pipe_instead(folder: Path) -> None:
    (folder / ".env").unlink()
    os.mkfifo(folder / ".env", 0o600)


@pytest.mark.parametrize(
    ("spoil", "said", "fix"),
    [
        (lambda folder: (folder / ".env").chmod(0o604), "everybody can open", "chmod o="),
        (lambda folder: (folder / ".env").chmod(0o602), "everybody can open", "chmod o="),
        (_linked, "is a link", "name the file itself"),
        (_folder_instead, "not a plain file", ""),
        (_pipe_instead, "not a plain file", ""),
    ],
)
def test_a_file_that_strangers_could_see_or_exchange_is_refused(tmp_path: Path, spoil: Callable[[Path], None], said: str, fix: str) -> None:
    store = _file(tmp_path, f"{NAME}=x\n".encode())
    spoil(tmp_path)
    for call in (store.read, lambda: store.check_write(INCIDENT), lambda: store.promote(INCIDENT, key(), expected="")):
        with pytest.raises(Denied, match=said) as caught:
            call()
        assert fix in caught.value.next_step


def test_other_names_of_the_file_and_an_open_folder_are_refused(tmp_path: Path) -> None:
    store = _file(tmp_path, f"{NAME}=x\n".encode())
    os.link(tmp_path / ".env", tmp_path / "second")
    with pytest.raises(Denied, match="has 2 names"):
        store.check_write(INCIDENT)
    (tmp_path / "second").unlink()
    tmp_path.chmod(0o777)
    with pytest.raises(Denied, match="everybody may exchange"):
        store.promote(INCIDENT, key(), expected=store.read().version)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_strangers_file_is_refused(tmp_path: Path) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="ir-foreign-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        store = _file(folder, f"{NAME}=x\n".encode(), 0o640)
        os.chown(folder / ".env", 0, NOBODY)
        before = os.getegid()
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
        try:
            with pytest.raises(Denied, match="belongs to user 0"):
                store.read()
        finally:
            os.seteuid(0)
            os.setegid(before)


def test_custody_is_for_the_owner_only(tmp_path: Path) -> None:
    store = _file(tmp_path, f"{NAME}=x\n".encode(), 0o640)
    store.keep(INCIDENT, "old", key())
    assert stat.S_IMODE((tmp_path / f".env.ir-{INCIDENT}").stat().st_mode) == 0o600


def test_a_relative_path_is_relative_to_the_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value = key()
    (tmp_path / "conf").mkdir()
    _file(tmp_path / "conf", f"{NAME}={value.reveal()}\n".encode())
    monkeypatch.chdir("/")
    assert DotenvStore(parse(f"dotenv://conf/.env#{NAME}"), base=tmp_path).read().value == value


# ── others at the same time ───────────────────────────────────────────────────────────────────────────


def test_writers_of_ours_exclude_each_other(tmp_path: Path) -> None:
    store = _file(tmp_path, f"{NAME}=x\n".encode())
    with PrivateFolder(tmp_path, 0.1) as folder, folder.lock():
        quick = DotenvStore(store.ref, base=tmp_path, timeout=0.1)
        with pytest.raises(Unknown, match="another process"):
            quick.promote(INCIDENT, key(), expected="")
        assert quick.read().value == Secret("x")


def test_many_variables_of_one_file_side_by_side(tmp_path: Path) -> None:
    names = [f"KEY_{n}" for n in range(8)]
    path = tmp_path / ".env"
    path.write_text("".join(f"{name}=old\n" for name in names))
    path.chmod(0o600)
    stores = [DotenvStore(parse(f"dotenv://.env#{name}"), base=tmp_path) for name in names]
    new, failed = key(), []

    def move(store: DotenvStore) -> None:
        try:
            store.stage(INCIDENT, new)
            store.promote(INCIDENT, new, expected=store.read().version)
        except PortError as error:
            failed.append(error)

    threads = [threading.Thread(target=move, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert path.read_text() == "".join(f"{name}={new.reveal()}\n" for name in names)


def test_a_killed_writer_leaves_a_whole_file_and_discard_its_rest(tmp_path: Path) -> None:
    """`kill -9` at random instants of a loop of writes, as many as fit in two seconds."""
    old, new = key(), key()
    text = f"A=1\n{NAME}=@\n" + "# padding\n" * 5000
    store = _file(tmp_path, text.replace("@", old.reveal()).encode())
    program = f"""
import sys
from pathlib import Path
from ir.core.reference import parse
from ir.core.secret import Secret
from ir.adapters.stores.env.dotenv_store import DotenvStore
a, b = (Secret(line.strip()) for line in sys.stdin)
store = DotenvStore(parse("dotenv://.env#{NAME}"), base=Path({str(tmp_path)!r}))
print("up", flush=True)
while True:
    store.promote({INCIDENT!r}, b, expected=store.read().version)
    store.promote({INCIDENT!r}, a, expected=store.read().version)
"""
    for delay in (0.0, 0.011, 0.023):
        with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(f"{old.reveal()}\n{new.reveal()}\n")
            child.stdin.close()
            assert child.stdout.readline() == "up\n"
            time.sleep(delay)
            child.kill()
        assert (tmp_path / ".env").read_text() in (text.replace("@", old.reveal()), text.replace("@", new.reveal()))
    store.promote(INCIDENT, new, expected=store.read().version)
    store.discard(INCIDENT)
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """The limit on file size makes the write fail in the middle, as a full disk does."""
    import resource
    import signal

    old = key()
    store = _file(tmp_path, f"{NAME}={old.reveal()}\n".encode() + b"#" * 8192)
    version, limits = store.read().version, resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(PortError):
            store.promote(INCIDENT, key(), expected=version)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert store.read().version == version
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_a_torn_note_is_said_and_not_lost(tmp_path: Path) -> None:
    store = _file(tmp_path, f"{NAME}=x\n".encode())
    note = tmp_path / f".env.ir-{INCIDENT}"
    note.write_text("{")
    note.chmod(0o600)
    with pytest.raises(Rejected, match="torn"):
        store.fetch(INCIDENT, "old")


def test_the_note_says_whose_it_is(tmp_path: Path) -> None:
    world = DotenvWorld(tmp_path)
    ref = world.place(key())
    new = key()
    world.make(ref).keep(INCIDENT, "new-1", new)
    assert world.roles(ref, INCIDENT) == {"new-1": new.reveal()}
    with pytest.raises(Missing):
        world.make(world.nowhere()).fetch(INCIDENT, "old")


# ── what preflight says must be so ────────────────────────────────────────────────────────────────────


def _allowed(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_file_that_is_mounted_over_another_is_refused_before_anything(tmp_path: Path) -> None:
    """As containers mount single files: a rename over it fails only when it is made."""
    store = _file(tmp_path, f"{NAME}=x\n".encode())
    source = tmp_path / "so urce"
    source.write_bytes((tmp_path / ".env").read_bytes())
    source.chmod(0o600)
    if not _allowed("mount", "--bind", str(source), str(tmp_path / ".env")):
        pytest.skip("this machine lets nobody mount")
    try:
        version = store.read().version
        for call in (lambda: store.check_write(INCIDENT), lambda: store.promote(INCIDENT, key(), expected=version)):
            with pytest.raises(Rejected, match="mounted as a file of its own") as refused:
                call()
            assert "mount its folder" in refused.value.next_step
    finally:
        assert _allowed("umount", str(tmp_path / ".env"))
    assert store.check_write(INCIDENT).proven


@pytest.mark.parametrize(("name", "attribute"), [(".env", "i"), (".env", "a"), (".", "i"), (".", "a")])
def test_an_attribute_that_forbids_it_is_told_before_anything(tmp_path: Path, name: str, attribute: str) -> None:
    store = _file(tmp_path, f"{NAME}=x\n".encode())
    if not _allowed("chattr", f"+{attribute}", str(tmp_path / name)):
        pytest.skip("this file system has no such attribute")
    try:
        with pytest.raises(Denied, match="has the attribute") as refused:
            store.check_write(INCIDENT)
        assert f"chattr -{attribute}" in refused.value.next_step
    finally:
        assert _allowed("chattr", f"-{attribute}", str(tmp_path / name))
    assert store.check_write(INCIDENT).proven


def test_a_note_that_cannot_be_taken_away_does_not_fail_a_promotion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a hint: the key is in place, and what stays behind is found when all is discarded."""
    old, new = key(), key()
    store = _file(tmp_path, f"{NAME}={old.reveal()}\n".encode())
    store.stage(INCIDENT, new)

    def refused(*_args: object, **_more: object) -> None:
        raise Denied("read-only by now")

    with monkeypatch.context() as patch:
        patch.setattr(store, "_note", refused)
        version = store.promote(INCIDENT, new, expected=store.read().version)
    assert store.read().value == new and version == store.read().version
    assert store.left(INCIDENT).roles
    store.discard(INCIDENT)
    assert not store.left(INCIDENT).roles
