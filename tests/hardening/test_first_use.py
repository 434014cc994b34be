"""Several processes that begin at once on an empty state folder."""

import threading
from pathlib import Path

from ir.storage.database import open_engine
from ir.storage.tables import ready


def test_the_tables_are_made_once(tmp_path: Path) -> None:
    wrong: list[str] = []
    for turn in range(10):
        together = threading.Barrier(6)

        def begin(place: Path, together: threading.Barrier = together) -> None:
            engine = open_engine(f"sqlite:///{place}")
            together.wait()
            try:
                ready(engine)
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not happen
                wrong.append(str(error))
            engine.dispose()

        threads = [threading.Thread(target=begin, args=(tmp_path / f"{turn}.sqlite",)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
