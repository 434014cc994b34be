"""Somebody else's unfinished rotation lies in a store: refused with its age and owner, cleared by name and reason."""

from pathlib import Path

import pytest

from ir.adapters.stores.env.dotenv_store import DotenvStore
from ir.core.reference import parse
from ir.core.secret import Secret
from tests.worlds.responder import ended, responder

OTHER = "INC-20261101-beef"


@pytest.mark.server
def test_it_is_shown_refused_and_discarded_with_a_reason(tmp_path: Path) -> None:
    with responder(tmp_path / "world") as world:
        foreign = Secret(world.twin.create_secret_key("another incident's").token.reveal())
        store = DotenvStore(parse(f"dotenv://{world.files[0].name}#STRIPE_KEY"), base=world.folder)
        store.keep(OTHER, "new-1", foreign)
        store.stage(OTHER, foreign)
        code, said = ended(world.rotate())
        assert code == 3 and OTHER in said and " old (version" in said and "--discard-pending" in said, said
        assert store.fetch(OTHER, "staged") == foreign
        code, said = ended(world.rotate("--discard-pending", "their laptop was stolen", "--dry-run"))
        assert code == 0 and "would clear an unfinished rotation" in said, said
        assert store.fetch(OTHER, "staged") == foreign
        code, said = ended(world.rotate("--discard-pending", "their laptop was stolen"))
        assert code == 0, said
        assert store.pending("INC-20260101-0000") is None
        assert store.fetch(OTHER, "new-1") == foreign, "their custody may be all that holds a living key"
        (report,) = (world.folder / "home" / "incidents").glob("*/report.md")
        assert "their laptop was stolen" in report.read_text() and OTHER in report.read_text()


@pytest.mark.server
def test_what_a_lost_machine_keeps_there_is_adopted_and_not_passed_over(tmp_path: Path) -> None:
    """It may have put its replacement in place: whoever rotates what the stores hold now leaves the key that leaked alive."""
    with responder(tmp_path / "world") as world:
        key = Secret(world.twin.create_secret_key("the lost machine's").token.reveal())
        store = DotenvStore(parse(f"dotenv://{world.files[0].name}#STRIPE_KEY"), base=world.folder)
        store.keep(OTHER, "old", key)
        keys = len(world.twin.all_keys())
        for more in ([], ["--dry-run"]):
            code, said = ended(world.rotate(*more))
            assert code == 3 and f"{OTHER} keeps keys there and is not on record here" in said, said
            assert f"/inventory.yaml --policy exposed --adopt {OTHER}; or give it up with --discard-pending" in said, said
        assert len(world.twin.all_keys()) == keys
        code, said = ended(world.rotate("--discard-pending", "its owner says it is over"))
        assert code == 0, said
        assert store.fetch(OTHER, "old") == key
