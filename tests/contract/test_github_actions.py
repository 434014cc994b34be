"""What is particular to GitHub Actions: values go sealed, environments go first, a missing library is one line."""

import base64
import subprocess
import sys
from collections.abc import Iterator

import pytest

from ir.adapters.stores.github.actions_secret import GithubActionsStore
from ir.clients import github
from ir.core.errors import Conflict, Denied, Rejected, Unknown
from ir.core.reference import parse
from ir.core.secret import Secret
from ir.drill.hosts.github_twin import GithubTwin
from ir.ports import Store
from tests.worlds.api_description import Description
from tests.worlds.bad_network import Request, proxy
from tests.worlds.stores import key
from tests.worlds.write_only import GithubWorld

INCIDENT = "INC-20261123-ab12"
NAME = "STRIPE_SECRET_KEY"


@pytest.fixture
def world() -> Iterator[GithubWorld]:
    with GithubTwin() as twin:
        yield GithubWorld(twin)


def _promoted(world: GithubWorld, store: Store, new: Secret) -> str:
    before = store.read().version
    world.twin.tick()
    return store.promote(INCIDENT, new, expected=before)


def test_a_value_goes_sealed(world: GithubWorld) -> None:
    old, new = key(), key()
    ref = world.place(old)
    _promoted(world, world.make(ref), new)
    assert world.seen(ref) == new.reveal()
    body = next(call.body for call in world.twin.calls if call.method == "PUT")
    assert set(body) == {"encrypted_value", "key_id"}
    assert new.reveal().encode() not in base64.b64decode(body["encrypted_value"])
    assert not world.twin.told([old.reveal(), new.reveal()])


def test_a_secret_of_an_environment_is_another_one(world: GithubWorld) -> None:
    world.twin.put("acme/shop", NAME, "repository")
    world.twin.put("acme/shop", NAME, "production", "production")
    _promoted(world, world.make(parse(f"github-actions://acme/shop/{NAME}#production")), Secret("new one"))
    assert world.twin.value("acme/shop", NAME) == "repository"
    assert world.twin.value("acme/shop", NAME, "production") == "new one"


def test_who_else_has_a_secret_of_that_name_is_said(world: GithubWorld) -> None:
    world.twin.put("acme/shop", NAME, "repository")
    world.twin.put("acme/shop", NAME, "another", "production")
    world.twin.put("acme/shop", "OTHER", "x", "staging")
    world.twin.organisation = [NAME]
    said = world.make(parse(f"github-actions://acme/shop/{NAME}")).check_write(INCIDENT).said
    assert "jobs of the environment production get another secret of that name" in said
    assert "it goes before the organisation's secret of that name" in said


def test_one_that_was_deleted_meanwhile_is_told(world: GithubWorld) -> None:
    ref = world.place(key())
    name = ref.path.partition("/")[2]
    before = world.make(ref).read().version
    world.twin.put("acme/shop", "KEEPS_THE_REPOSITORY", "x")

    def vanishes(request: Request) -> None:
        if request.method == "PUT":
            world.twin.secrets.pop(("acme/shop", "", name), None)

    with proxy(world.twin.address, before=vanishes) as way, world.at(way.address), pytest.raises(Conflict, match="was deleted meanwhile"):
        world.make(ref).promote(INCIDENT, key(), expected=before)


def test_a_write_that_moves_no_date_is_not_believed(world: GithubWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that says 204 by itself."""
    store = world.make(world.place(key()))
    monkeypatch.setattr(github.GitHubSecrets, "write", lambda *_: None)
    with pytest.raises(Unknown, match="its mark is as it was before"):
        store.promote(INCIDENT, key(), expected=store.read().version)


def test_a_missing_library_is_one_line_with_the_command(world: GithubWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = world.place(key())
    monkeypatch.setattr(github, "find_spec", lambda _name: None)
    with pytest.raises(Rejected, match="sealed by PyNaCl, which is not installed") as caught:
        world.make(ref).check_write(INCIDENT)
    assert caught.value.next_step == "pip install 'ir-stripe[github]'" and "\n" not in caught.value.what


def test_the_library_is_loaded_by_nothing_but_a_write() -> None:
    code = (
        "import sys; import ir.adapters.stores.github.actions_secret, ir.runtime.adapter_registry, ir.clients.github; "
        "from ir.clients.github import can_seal; can_seal(); print([m for m in sys.modules if m.startswith('nacl.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_a_token_it_is_said_where_one_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "GH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Denied, match="no token for GitHub") as caught:
        GithubActionsStore(parse(f"github-actions://acme/shop/{NAME}")).read()
    assert "GITHUB_TOKEN or GH_TOKEN" in caught.value.next_step


def test_calls_are_those_of_the_published_api(world: GithubWorld) -> None:
    described = Description("github")
    world.twin.put("acme/shop", NAME, "x", "production")
    ref = world.place(key())
    world.make(ref).check_write(INCIDENT)
    _promoted(world, world.make(ref), key())
    _promoted(world, world.make(parse(f"github-actions://acme/shop/{NAME}#production")), key())
    assert described.unknown(world.twin.calls) == []
    bodies = [call.body for call in world.twin.calls if call.method == "PUT"]
    assert len(bodies) == 2
    assert all(set(body) == set(described.objects["createOrUpdateRepoSecret"]) for body in bodies)
