"""Give gzips to the engine through named pipes: one pass unpacks them, checks their sums and looks for torn lines.

The engine unpacks them more slowly, looks at no checksum and numbers no line, so each file would be unpacked twice.
"""

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from ir.review.ingest.byte_stream import WRONG_SUM, is_gzip, unpacked
from ir.review.ingest.locate_unreadable import Torn, torn_lines

AT_ONCE = 64
"""The most files of one statement: each has a thread that waits until the engine opens its pipe."""
_SOON = 0.05
_PIPE = 1 << 20


@dataclass
class Fed:
    """One file that was read through a pipe.

    Attributes:
        size: bytes of the gzip.
        whole: everything was given; a wrong checksum at the end costs no data.
        torn: lines that do not begin and end with braces.
        notes: what else is wrong with it.
    """

    pipe: Path
    size: int
    whole: bool = False
    torn: Torn = field(default_factory=Torn)
    notes: list[str] = field(default_factory=list)


class PipedGzips:
    """While entered, the gzips among `files` can be read from `names`, once each.

    Args:
        folder: private; the pipes are made in it.
        own_ids: is given each torn line; called in threads.
        json: they are lines of JSON; others are left to the engine.
    """

    def __init__(self, files: list[Path], folder: Path, own_ids: Callable[[bytes], None], *, json: bool = True) -> None:
        sizes = {file: size for file in files if json and (size := _gzip_size(file))}
        self.fed = {file: Fed(folder / f"{number:04d}.jsonl", size) for number, (file, size) in enumerate(sizes.items())}
        self._files, self._folder, self._own_ids = files, folder, own_ids
        self._open: dict[Path, BinaryIO] = {}
        self._threads: list[tuple[Path, threading.Thread]] = []

    @property
    def names(self) -> list[Path]:
        """The names for the engine, in the order of the files: a pipe for each gzip, each other file's own."""
        return [self.fed[file].pipe if file in self.fed else file for file in self._files]

    @property
    def whole(self) -> bool:
        """Whether each gzip was read to its end."""
        return all(one.whole for one in self.fed.values())

    @property
    def read(self) -> int:
        """Compressed bytes that were read by now."""
        return sum(one.size for one in self.fed.values() if one.whole) + sum(map(_position, list(self._open.values())))

    def file_of(self, name: Path) -> Path:
        """The file behind a name."""
        return next((file for file, one in self.fed.items() if one.pipe == name), name)

    def __enter__(self) -> Self:
        """Make the pipes, and wait at each for the engine."""
        if self.fed:
            shutil.rmtree(self._folder, ignore_errors=True)  # of a review that was killed
            self._folder.mkdir(mode=0o700)
        for file, one in self.fed.items():
            os.mkfifo(one.pipe, 0o600)
            # daemons: an interrupted review must not wait for them
            thread = threading.Thread(target=self._feed, args=(file, one), daemon=True)
            self._threads.append((one.pipe, thread))
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End what the engine did not read, and remove the pipes."""
        for pipe, thread in self._threads:
            thread.join(_SOON if kind else _SOON * 20)
            while thread.is_alive():  # it waits for a reader: be one, and go
                reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
                thread.join(_SOON)
                os.close(reader)
            pipe.unlink()
        if self.fed:
            self._folder.rmdir()

    def _feed(self, file: Path, one: Fed) -> None:
        try:
            with one.pipe.open("wb") as out, file.open("rb") as stream:
                _widen(out)
                self._open[file] = stream
                one.torn = torn_lines(_given(unpacked(stream, one.notes), out), self._own_ids)
            one.whole = not set(one.notes) - {WRONG_SUM}
        except OSError:
            return  # the engine left off reading, or the file is gone: it is not whole
        finally:
            self._open.pop(file, None)


def _gzip_size(file: Path) -> int:
    """0: it is none, or it is gone, which the engine will tell."""
    try:
        return file.stat().st_size if is_gzip(file) else 0
    except OSError:
        return 0


def _position(stream: BinaryIO) -> int:
    try:
        return stream.tell()
    except (ValueError, OSError):  # it was closed meanwhile
        return 0


def _given(read: Iterable[bytes], out: BinaryIO) -> Iterator[bytes]:
    for piece in read:
        out.write(piece)
        yield piece


def _widen(out: BinaryIO) -> None:
    """Let more of it wait in the pipe, where that can be set: fewer turns between the two sides."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        try:
            fcntl.fcntl(out, fcntl.F_SETPIPE_SZ, _PIPE)
        except OSError:
            return
