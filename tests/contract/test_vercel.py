"""What is particular to Vercel: targets, hidden variables, integrations; deployments that are followed to their end."""

from collections.abc import Iterator

import pytest

from ir.adapters.reloaders.vercel import VercelReloader
from ir.clients.host_api import Login
from ir.core.errors import Denied, Missing, Rejected, Unknown
from ir.core.reference import parse
from ir.core.secret import Secret
from ir.drill.hosts.vercel_twin import VercelTwin
from tests.worlds.api_description import Description
from tests.worlds.stores import key
from tests.worlds.write_only import VercelWorld

INCIDENT = "INC-20261123-ab12"
NAME = "STRIPE_SECRET_KEY"


@pytest.fixture
def world() -> Iterator[VercelWorld]:
    with VercelTwin() as twin:
        yield VercelWorld(twin)


def _reloader(world: VercelWorld, said: list[str] | None = None, timeout: float = 3.0) -> VercelReloader:
    login = Login(api_base=world.twin.address, token=lambda: Secret("all"), team="team_shop")
    heard = said if said is not None else []
    return VercelReloader(project="shop", login=login, timeout=timeout, pause=0.05, say=heard.append)


def test_of_several_targets_the_named_one_counts(world: VercelWorld) -> None:
    world.twin.put("shop", NAME, "live")
    world.twin.put("shop", NAME, "preview", target=("preview",))
    for ref, target in ((f"vercel://shop/{NAME}", "production"), (f"vercel://shop/{NAME}#preview", "preview")):
        store = world.make(parse(ref))
        store.promote(INCIDENT, Secret(f"new {target}"), expected=store.read().version)
    assert [world.twin.value("shop", NAME, target) for target in ("production", "preview")] == ["new production", "new preview"]


def test_what_is_hidden_from_our_token_is_not_taken_for_missing(world: VercelWorld) -> None:
    world.twin.put("shop", NAME, "live")
    world.twin.hidden = 2
    with pytest.raises(Denied, match="2 are hidden"):
        world.make(parse(f"vercel://shop/{NAME}")).read()


def test_a_readable_variable_and_a_shared_one_are_said(world: VercelWorld) -> None:
    world.twin.put("shop", NAME, "live", type="plain", target=("production", "preview"))
    said = world.make(parse(f"vercel://shop/{NAME}")).check_write(INCIDENT).said
    assert "may be read by anyone who may see the project" in said and "the same value is for preview" in said
    assert "changed last by user user_colleague" in said


def test_without_a_token_it_is_said_where_one_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    from ir.adapters.stores.vercel.variable import VercelStore

    monkeypatch.delenv("VERCEL_TOKEN", raising=False)
    with pytest.raises(Denied, match="no token for Vercel") as caught:
        VercelStore(parse(f"vercel://shop/{NAME}")).read()
    assert "VERCEL_TOKEN" in caught.value.next_step


# ── deployments ──


def test_only_a_fresh_build_takes_the_new_value_and_it_is_followed_to_its_end(world: VercelWorld) -> None:
    world.twin.put("shop", NAME, "first")
    world.twin.deployed("shop")
    world.twin.put("shop", NAME, "second")
    assert world.twin.serves("shop", NAME) == "first"
    world.twin.builds, heard = 0.2, list[str]()
    assert "was built again, and serves production" in _reloader(world, heard).reload()
    assert world.twin.serves("shop", NAME) == "second"
    assert heard and heard[0].endswith("building")
    made = next(call for call in world.twin.calls if call.method == "POST")
    assert made.query == {"forceNew": "1", "teamId": "team_shop"} and "deploymentId" not in made.body


def test_a_build_that_fails_leaves_the_former_deployment_serving(world: VercelWorld) -> None:
    world.twin.put("shop", NAME, "first")
    world.twin.deployed("shop")
    world.twin.put("shop", NAME, "second")
    world.twin.fails = True
    with pytest.raises(Rejected, match="ended as ERROR; the former one serves on"):
        _reloader(world).reload()
    assert world.twin.serves("shop", NAME) == "first"


def test_a_build_that_does_not_end_is_unknown(world: VercelWorld) -> None:
    world.twin.put("shop", NAME, "first")
    world.twin.deployed("shop")
    world.twin.builds = 60.0
    with pytest.raises(Unknown, match="is building"):
        _reloader(world, timeout=0.3).reload()


@pytest.mark.parametrize("ask", ["ready", "reload"])
def test_an_uploaded_deployment_and_none_at_all_are_refused(world: VercelWorld, ask: str) -> None:
    world.twin.put("shop", NAME, "first")
    with pytest.raises(Missing, match="no deployment"):
        getattr(_reloader(world), ask)()
    world.twin.deployed("shop", git=False)
    with pytest.raises(Rejected, match="may keep its old variables"):
        getattr(_reloader(world), ask)()


def test_calls_and_objects_are_those_of_the_published_api(world: VercelWorld) -> None:
    described = Description("vercel")
    ref = world.place(key())
    store = world.make(ref)
    store.promote(INCIDENT, key(), expected=store.read().version)
    world.twin.deployed("shop")
    _reloader(world).reload()
    assert described.unknown(world.twin.calls) == []
    for call in world.twin.calls:
        if call.method in ("PATCH", "POST"):
            assert list(described.undescribed(call.body, "EditRequest" if call.method == "PATCH" else "DeployRequest")) == []
        if call.path[1] == "deployments" and len(call.path) == 2:
            assert set(call.query) - {"forceNew"} <= set(described.objects["Query"])
        answered = world.twin.answer(call)[1]
        kind = "Variables" if "envs" in answered else "Variable" if "key" in answered else "Deployment" if "id" in answered else ""
        assert not kind or list(described.undescribed(answered, kind)) == []
    assert all(list(described.undescribed(row, "Variable")) == [] for row in world.twin.projects["shop"].variables)
