"""What only AWS Secrets Manager has: replicas, rotations of its own, races for AWSCURRENT, binary and deleted secrets."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ir.adapters.stores.aws import client as aws_client
from ir.adapters.stores.aws.secrets_manager import AwsSecretsManagerStore
from ir.core.errors import Conflict, Denied, Missing, Rejected
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from tests.worlds import aws
from tests.worlds.aws import REGION, AwsWorld, StrictMoto
from tests.worlds.bad_network import Request, proxy
from tests.worlds.stores import NEIGHBOUR, key, unique
from tests.worlds.surroundings import environment

INCIDENT = "INC-20261123-ab12"


@pytest.fixture
def world(aws_address: str, strict_aws: StrictMoto) -> Iterator[AwsWorld]:
    with environment(**aws.settings(aws_address)):
        yield AwsWorld(aws_address, strict_aws, "api_key")


def _raw(world: AwsWorld, text: str, field: str = "") -> Reference:
    name = unique()
    world.client.create_secret(Name=name, SecretString=text)
    return parse(f"aws-sm://{REGION}/{name}" + (f"#{field}" if field else ""))


def test_a_replica_is_refused_and_its_primary_named(world: AwsWorld) -> None:
    ref = world.place(key())
    world.client.replicate_secret_to_regions(SecretId=ref.path, AddReplicaRegions=[{"Region": "us-east-1"}])
    replica = AwsSecretsManagerStore(parse(str(ref).replace(REGION, "us-east-1")))
    with pytest.raises(Denied, match=f"its primary aws-sm://{REGION}/{ref.path}#api_key"):
        replica.check_write(INCIDENT)
    assert "us-east-1" in AwsSecretsManagerStore(ref).check_write(INCIDENT).said


def test_a_rotation_of_somebody_else_is_pending_with_its_age(world: AwsWorld) -> None:
    ref = world.place(key())
    store = AwsSecretsManagerStore(ref)
    version = world.client.put_secret_value(SecretId=ref.path, SecretString="{}", VersionStages=["AWSPENDING"])["VersionId"]
    found = store.pending(INCIDENT)
    assert found is not None
    assert (found.version, found.since > 1.7e9, "AWSPENDING" in found.owner) == (version, True, True)


def test_awspending_on_the_current_version_is_a_finished_rotation(world: AwsWorld) -> None:
    ref = world.place(key())
    world.client.put_secret_value(SecretId=ref.path, SecretString="{}", VersionStages=["AWSPENDING", "AWSCURRENT"])
    assert AwsSecretsManagerStore(ref).pending(INCIDENT) is None


def test_a_rotation_of_somebody_else_is_dropped_only_as_it_was_shown(world: AwsWorld) -> None:
    old = key()
    ref = world.place(old)
    store = AwsSecretsManagerStore(ref)
    world.client.put_secret_value(SecretId=ref.path, SecretString='{"api_key": "one"}', VersionStages=["AWSPENDING"])
    shown = store.pending(INCIDENT)
    assert shown is not None
    later = world.client.put_secret_value(SecretId=ref.path, SecretString='{"api_key": "two"}', VersionStages=["AWSPENDING"])["VersionId"]
    with pytest.raises(Conflict):
        store.drop(shown)
    assert "AWSPENDING" in world.labels(ref)[later]
    shown = store.pending(INCIDENT)
    assert shown is not None and shown.version == later
    store.drop(shown)
    store.drop(shown)
    assert store.pending(INCIDENT) is None
    assert world.seen(ref) == old.reveal()
    assert not any("AWSPENDING" in labels for labels in world.labels(ref).values())


def test_a_neighbour_who_is_faster_is_merged(world: AwsWorld, aws_address: str) -> None:
    old, new = key(), key()
    ref = world.place(old)
    expected = AwsSecretsManagerStore(ref).read().version
    left = ["first", "second"]

    def before(request: Request) -> None:
        if b'"AWSCURRENT"' in request.body and request.headers["X-Amz-Target"].endswith("UpdateSecretVersionStage") and left:
            world.write_neighbour(ref, left.pop(0))

    with proxy(aws_address, before=before) as way, environment(**aws.settings(way.address)):
        AwsSecretsManagerStore(ref).promote(INCIDENT, new, expected=expected)
    assert (world.seen(ref), world.neighbour(ref), left) == (new.reveal(), "second", [])


def test_a_stranger_who_is_faster_is_a_conflict(world: AwsWorld, aws_address: str) -> None:
    old, new, third = key(), key(), key()
    ref = world.place(old)
    expected = AwsSecretsManagerStore(ref).read().version

    def before(request: Request) -> None:
        if request.headers["X-Amz-Target"].endswith("UpdateSecretVersionStage") and world.seen(ref) == old.reveal():
            world.write(ref, third)

    with proxy(aws_address, before=before) as way, environment(**aws.settings(way.address)), pytest.raises(Conflict):
        AwsSecretsManagerStore(ref).promote(INCIDENT, new, expected=expected)
    assert world.seen(ref) == third.reveal()


def test_one_key_in_two_fields_of_one_secret_promoted_side_by_side(world: AwsWorld) -> None:
    old, new = key(), key()
    ref = _raw(world, json.dumps({"a": old.reveal(), "b": old.reveal(), NEIGHBOUR: "x"}))
    stores = [AwsSecretsManagerStore(Reference(ref.scheme, ref.host, ref.path, field)) for field in ("a", "b")]
    expected = stores[0].read().version
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda store: store.stage(INCIDENT, new), stores))
        list(pool.map(lambda store: store.promote(INCIDENT, new, expected=expected), stores))
    now = json.loads(world.client.get_secret_value(SecretId=ref.path, VersionStage="AWSCURRENT")["SecretString"])
    assert now == {"a": new.reveal(), "b": new.reveal(), NEIGHBOUR: "x"}


def test_write_permission_is_proven_by_staging_the_unchanged_value(world: AwsWorld) -> None:
    old, new = key(), key()
    ref = world.place(old)
    store = AwsSecretsManagerStore(ref)
    text = world.client.get_secret_value(SecretId=ref.path)["SecretString"]
    store.prove_write(INCIDENT)
    once = world.census(ref)
    store.prove_write(INCIDENT)
    assert world.census(ref) == once
    staged = world.client.get_secret_value(SecretId=ref.path, VersionStage=f"ir-{INCIDENT}")
    assert staged["SecretString"] == text
    version = store.stage(INCIDENT, new)
    store.prove_write(INCIDENT)
    assert f"ir-{INCIDENT}" in world.labels(ref)[version]
    store.discard(INCIDENT)
    assert world.traces(ref, INCIDENT) == []


def test_every_other_byte_of_the_value_stays(world: AwsWorld) -> None:
    old, new = key(), key()
    text = '{ "rate":1.50,\t"big": 12345678901234567890.0,\n "api_key" :  "%s" , "esc":"\\u00e9\\/", "a":[1e3 ,null] }'
    ref = _raw(world, text % old.reveal(), "api_key")
    store = AwsSecretsManagerStore(ref)
    store.promote(INCIDENT, new, expected=store.read().version)
    assert world.client.get_secret_value(SecretId=ref.path, VersionStage="AWSCURRENT")["SecretString"] == text % new.reveal()


def test_a_pointer_reaches_into_nested_objects(aws_address: str, strict_aws: StrictMoto, world: AwsWorld) -> None:
    old, new = key(), key()
    nested = AwsWorld(aws_address, strict_aws, "/stripe/api_key")
    ref = nested.place(old)
    store = AwsSecretsManagerStore(ref)
    before = nested.client.get_secret_value(SecretId=ref.path)["SecretString"]
    held = store.read()
    assert set(held.siblings) == {"/stripe/mode", "/stripe/rates", f"/{NEIGHBOUR}", "/port"}
    store.promote(INCIDENT, new, expected=held.version)
    after = nested.client.get_secret_value(SecretId=ref.path)["SecretString"]
    assert after == before.replace(old.reveal(), new.reveal())
    store.undo(INCIDENT, old, new)
    assert nested.client.get_secret_value(SecretId=ref.path)["SecretString"] == before


def test_a_whole_value_that_is_json_is_not_overwritten(world: AwsWorld) -> None:
    ref = _raw(world, '{"api_key": "x", "other": "y"}')
    store = AwsSecretsManagerStore(ref)
    for call in (store.read, lambda: store.promote(INCIDENT, key(), expected="")):
        with pytest.raises(Rejected, match="holds a JSON object") as caught:
            call()
        assert "api_key, other" in caught.value.next_step


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ('{"api_key": 5}', "api_key", "holds a number"),
        ('{"api_key": "a", "api_key": "b"}', "api_key", "stands 2 times"),
        ("plain", "api_key", "does not hold JSON"),
        ("[" * 100_000, "api_key", "does not hold JSON"),
        ('{"stripe": "a"}', "/stripe/api_key", "has no object at `/stripe`"),
        ("{}", "/stripe/api_key", "has nothing at `/stripe`"),
    ],
)
def test_what_is_no_field_of_text_is_refused(world: AwsWorld, text: str, field: str, said: str) -> None:
    if len(text) > 65_536:
        text = text[:65_000]
    store = AwsSecretsManagerStore(_raw(world, text, field))
    with pytest.raises(Rejected, match=said):
        store.read()


@pytest.mark.parametrize("text", ["{}", '{"other": "x"}', '{"api_key": null}', '{"api_key": ""}'])
def test_an_empty_field_reads_as_nothing_and_can_be_filled(world: AwsWorld, text: str) -> None:
    new = key()
    store = AwsSecretsManagerStore(_raw(world, text, "api_key"))
    held = store.read()
    assert held.value is None
    store.promote(INCIDENT, new, expected=held.version)
    assert store.read().value == new
    assert json.loads(world.client.get_secret_value(SecretId=store.ref.path, VersionStage="AWSCURRENT")["SecretString"]) == {
        **json.loads(text),
        "api_key": new.reveal(),
    }


def test_binary_deleted_and_too_large_values_are_told_apart(world: AwsWorld) -> None:
    name = unique()
    world.client.create_secret(Name=name, SecretBinary=b"\0\1")
    with pytest.raises(Rejected, match="binary"):
        AwsSecretsManagerStore(parse(f"aws-sm://{REGION}/{name}#a")).read()
    large = AwsSecretsManagerStore(_raw(world, json.dumps({"api_key": "x", "pad": "p" * 65_490}), "api_key"))
    with pytest.raises(Rejected):
        large.stage(INCIDENT, key())
    ref = world.place(key())
    world.client.delete_secret(SecretId=ref.path)
    with pytest.raises(Missing, match="scheduled for deletion"):
        AwsSecretsManagerStore(ref).check_write(INCIDENT)


def test_a_version_that_aws_pruned_is_known_to_custody(world: AwsWorld) -> None:
    old, new = key(), key()
    ref = world.place(old)
    store = AwsSecretsManagerStore(ref)
    store.keep(INCIDENT, "old", old)
    world.write_neighbour(ref, "changed")
    gone = "00000000-0000-4000-8000-000000000000"
    store.promote(INCIDENT, new, expected=gone)
    assert (world.seen(ref), world.neighbour(ref)) == (new.reveal(), "changed")


def test_no_credentials_are_a_denial_that_says_so(world: AwsWorld, aws_address: str) -> None:
    nobody = aws.settings(aws_address) | {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    with environment(**nobody), pytest.raises(Denied, match="no usable AWS credentials"):
        AwsSecretsManagerStore(world.place(key())).read()


def test_twenty_stores_share_one_client(world: AwsWorld) -> None:
    refs = [world.place(key()) for _ in range(20)]
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda ref: AwsSecretsManagerStore(ref, timeout=7.0).read(), refs))
        clients = set(pool.map(lambda _: id(aws_client.client(REGION, 7.0)), range(20)))
    assert len(clients) == 1


def test_a_secret_by_its_arn(world: AwsWorld) -> None:
    value: Secret = key()
    ref = world.place(value)
    arn = world.client.describe_secret(SecretId=ref.path)["ARN"]
    assert AwsSecretsManagerStore(parse(f"aws-sm://{REGION}/{arn}#api_key")).read().value == value


def test_who_may_put_and_not_move_labels_is_told_before_anything_is_put(strict_aws: StrictMoto) -> None:
    """What was put could neither be promoted nor taken away again: labels and a copy of the key would stay."""
    name, old = unique(), key()
    strict_aws.secrets.create_secret(Name=name, SecretString=old.reveal())
    store = AwsSecretsManagerStore(parse(f"aws-sm://{REGION}/{name}"))
    before = strict_aws.secrets.describe_secret(SecretId=name)["VersionIdsToStages"]
    for call in (lambda: store.prove_write(INCIDENT), lambda: store.keep(INCIDENT, "old", old)):
        with environment(**strict_aws.half), pytest.raises(Denied):
            call()
    assert strict_aws.secrets.describe_secret(SecretId=name)["VersionIdsToStages"] == before


def test_proving_moves_no_label_but_ours(world: AwsWorld) -> None:
    ref = world.place(key())
    store = AwsSecretsManagerStore(ref)
    before = world.labels(ref)
    store.prove_write(INCIDENT)
    store.prove_write(INCIDENT)
    assert {label for labels in world.labels(ref).values() for label in labels} == {"AWSCURRENT", f"ir-{INCIDENT}", f"ir-{INCIDENT}-before"}
    store.discard(INCIDENT)
    assert {v: labels for v, labels in world.labels(ref).items() if labels} == before
