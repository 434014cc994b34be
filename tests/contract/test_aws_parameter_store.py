"""What is particular to Parameter Store: no compare-and-set, a KMS key that a write has to repeat, versions without deletion."""

import json
from collections.abc import Iterator

import pytest

from ir.adapters.stores.aws.parameter_store import AwsParameterStore
from ir.core.errors import Conflict, Denied, Rejected
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from tests.worlds import ssm
from tests.worlds.bad_network import Request, proxy
from tests.worlds.joined import WORLDS
from tests.worlds.stores import key

INCIDENT = "INC-20261123-ab12"
pytestmark = pytest.mark.server


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[ssm.ParameterWorld]:
    for made in WORLDS["aws-ssm, field"](request):
        assert isinstance(made, ssm.ParameterWorld)
        yield made


def _promoted_while(world: ssm.ParameterWorld, ref: Reference, new: Secret, meanwhile: object) -> str:
    """Promote, and let somebody write between our look and our write."""
    store, busy = world.make(ref), [True]

    def before(request: Request) -> None:
        if b"Overwrite" in request.body and busy and busy.pop():
            meanwhile()  # type: ignore[operator]  # a function of the test

    expected = store.read().version
    with proxy(world.upstream, before=before) as way, world.through(way.address):
        return world.make(ref).promote(INCIDENT, new, expected=expected)


def test_a_neighbours_write_between_look_and_write_is_merged(world: ssm.ParameterWorld) -> None:
    old, new = key(), key()
    ref = world.place(old)
    _promoted_while(world, ref, new, lambda: world.write_neighbour(ref, "theirs"))
    assert (world.seen(ref), world.neighbour(ref)) == (new.reveal(), "theirs")


def test_another_key_that_came_in_between_is_put_back_and_is_a_conflict(world: ssm.ParameterWorld) -> None:
    old, new, third = key(), key(), key()
    ref = world.place(old)
    with pytest.raises(Conflict):
        _promoted_while(world, ref, new, lambda: world.write(ref, third))
    assert world.seen(ref) == third.reveal()


def test_a_parameter_that_deletes_itself_is_told_before_and_after(world: ssm.ParameterWorld) -> None:
    ref = world.place(key())
    store = world.make(ref)
    assert store.ends_at(store.read()) == 0.0 and "deleted by itself" not in store.check_write(INCIDENT).said
    expiry = {"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": "2036-01-01T00:00:00.000Z"}}
    notice = {"Type": "NoChangeNotification", "Version": "1.0", "Attributes": {"After": "20", "Unit": "Days"}}
    policies = json.dumps([json.dumps(notice), json.dumps(expiry)])
    world.client.put_parameter(Name=f"/{ref.path}", Value=world.text(ref), Overwrite=True, Tier="Advanced", Policies=policies)
    assert "deleted by itself at 2036-01-01T00:00+00:00" in store.check_write(INCIDENT).said
    assert store.ends_at(store.read()) == 2082758400.0


def test_a_write_keeps_the_kms_key_the_type_and_the_description(world: ssm.ParameterWorld) -> None:
    old, new = key(), key()
    ref = world.place(old)
    store = world.make(ref)
    store.keep(INCIDENT, "old", old)
    store.promote(INCIDENT, new, expected=store.read().version)
    row = world.history(f"/{ref.path}")[0]
    assert (row["KeyId"], row["Type"], row["Description"]) == (ssm.KMS, "SecureString", "payments")
    kept = world.history(f"/ir/{INCIDENT}/{ref.path}")[0]
    assert (kept["KeyId"], kept["Type"]) == (ssm.KMS, "SecureString")


def test_the_proof_of_permission_changes_nothing(world: ssm.ParameterWorld) -> None:
    ref = world.place(key())
    before = world.census(ref)
    store = world.make(ref)
    assert isinstance(store, AwsParameterStore)
    store.prove_write(INCIDENT)
    assert world.census(ref) == before


def test_who_changed_it_and_that_it_lies_open_is_said(world: ssm.ParameterWorld) -> None:
    ref = world.place(key())
    assert "changed last by" in world.make(ref).check_write(INCIDENT).said
    world.client.put_parameter(Name="/plain/stripe", Value=key().reveal(), Type="String", Overwrite=True)
    plain = world.make(parse(f"aws-ssm://{ssm.REGION}/plain/stripe"))
    assert "so it is not encrypted" in plain.check_write(INCIDENT).said


def test_versions_labels_lists_and_awss_own_parameters_are_refused_by_name(world: ssm.ParameterWorld) -> None:
    with pytest.raises(Rejected, match="names a version or a label"):
        world.make(parse(f"aws-ssm://{ssm.REGION}/prod/stripe:live")).read()
    with pytest.raises(Denied, match="one of AWS's own"):
        world.make(parse(f"aws-ssm://{ssm.REGION}/aws/reference/secretsmanager/x")).read()
    world.client.put_parameter(Name="/some/list", Value="a,b", Type="StringList", Overwrite=True)
    with pytest.raises(Rejected, match="StringList"):
        world.make(parse(f"aws-ssm://{ssm.REGION}/some/list")).read()
