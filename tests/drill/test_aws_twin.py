"""The drill's stand-in of AWS answers as moto does, call by call; and it finds a key that stands where none must."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

from ir.drill.hosts.aws_twin import AwsTwin
from tests.worlds.aws import REGION
from tests.worlds.stores import unique

Act = tuple[str, dict[str, Any]]
"""A call and what it is given."""
FIRST, SECOND, THIRD = (f"{letter * 8}-0000-4000-8000-{letter * 12}" for letter in "abc")
"""Client request tokens, which become version ids."""


def put(text: str, token: str, *labels: str) -> Act:
    return "put_secret_value", {"SecretString": text, "ClientRequestToken": token, **({"VersionStages": list(labels)} if labels else {})}


def move(label: str, taken: str = "", given: str = "") -> Act:
    versions = {"RemoveFromVersionId": taken, "MoveToVersionId": given}
    return "update_secret_version_stage", {"VersionStage": label, **{name: one for name, one in versions.items() if one}}


CREATED: Act = ("create_secret", {"SecretString": "one", "ClientRequestToken": FIRST})
PARAMETER: Act = ("put_parameter", {"Value": "one", "Type": "SecureString", "KeyId": "alias/payments", "Description": "payments"})
SECRETS: dict[str, list[Act]] = {
    "a plain put becomes current": [CREATED, put("two", SECOND)],
    "a third makes the first one nameless": [CREATED, put("two", SECOND), put("three", THIRD)],
    "a staged version is promoted": [CREATED, put("two", SECOND, "ir-x"), move("AWSCURRENT", FIRST, SECOND), move("ir-x", SECOND)],
    "and taken back": [CREATED, put("two", SECOND, "ir-x"), move("AWSCURRENT", FIRST, SECOND), move("AWSCURRENT", SECOND, FIRST)],
    "labels of a put move": [CREATED, put("two", SECOND, "ir-x"), put("three", THIRD, "ir-x")],
    "one token with one text": [CREATED, put("two", SECOND, "ir-x"), put("two", SECOND, "ir-y")],
    "one token with two texts": [CREATED, put("two", SECOND, "ir-x"), put("three", SECOND, "ir-x")],
    "a put after a promotion": [CREATED, put("two", SECOND, "ir-x"), move("AWSCURRENT", FIRST, SECOND), put("three", THIRD)],
    "a label that nothing has": [CREATED, move("ir-probe", FIRST)],
    "a label that another version has": [CREATED, put("two", SECOND, "ir-x"), move("AWSCURRENT", SECOND, FIRST)],
    "a new label": [CREATED, move("ir-x", given=FIRST)],
    "no such secret": [put("two", SECOND), move("ir-x", FIRST)],
    "it is there already": [CREATED, CREATED],
    "deleted": [CREATED, ("delete_secret", {"ForceDeleteWithoutRecovery": True})],
    "too long": [CREATED, put("x" * 65_537, SECOND)],
}
LOOKS: list[Act] = [
    ("get_secret_value", {}),
    ("describe_secret", {}),
    *(("get_secret_value", {"VersionStage": label}) for label in ("AWSCURRENT", "AWSPREVIOUS", "ir-x", "ir-y")),
    *(("get_secret_value", {"VersionId": one}) for one in (FIRST, SECOND, THIRD)),
]
PARAMETERS: dict[str, list[Act]] = {
    "made": [PARAMETER],
    "written again, its settings repeated": [PARAMETER, ("put_parameter", {**PARAMETER[1], "Value": "two", "Overwrite": True})],
    "there already": [PARAMETER, PARAMETER],
    "no such parameter": [],
    "deleted": [PARAMETER, ("delete_parameter", {})],
    "deleted twice": [PARAMETER, ("delete_parameter", {}), ("delete_parameter", {})],
    "plain": [("put_parameter", {"Value": "one", "Type": "String"})],
}
READS: list[Act] = [
    *(("get_parameter", {"WithDecryption": True, "Name": version}) for version in ("", ":1", ":2", ":9")),
    ("get_parameter_history", {"WithDecryption": True}),
    ("describe_parameters", {"ParameterFilters": [{"Key": "Name", "Option": "BeginsWith"}]}),
]


@pytest.fixture(scope="module")
def stand_in() -> Iterator[str]:
    with AwsTwin() as twin:
        twin.tokens["test"] = frozenset({"*"})
        yield twin.address


@lru_cache
def client(service: str, address: str, login: str = "test", region: str = REGION) -> Any:
    made: Any = Session().create_client  # by name
    return made(service, region_name=region, endpoint_url=address, aws_access_key_id=login, aws_secret_access_key=login)


def said(to: Any, call: str, about: dict[str, Any], name: str) -> object:
    """What a call answers, without what differs from server to server; or the code of its refusal."""
    try:
        answer = getattr(to, call)(**about)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    kept = ("VersionId", "VersionStages", "SecretString", "VersionIdsToStages", "Version", "Versions")
    rows = ("Name", "Type", "KeyId", "Description", "Version", "Value", "DataType", "Tier")
    found = {key: answer[key] for key in kept if key in answer}
    found["VersionStages"] = sorted(found.get("VersionStages", []))
    labels = found.get("VersionIdsToStages", {})
    found["VersionIdsToStages"] = {one: sorted(label) for one, label in labels.items() if label}
    listed = answer.get("Parameters", [answer["Parameter"]] if "Parameter" in answer else [])
    found["rows"] = [{key: row.get(key) for key in rows} for row in listed if row["Name"] == name]
    return found


@pytest.mark.server
@pytest.mark.parametrize("story", SECRETS)
def test_a_secret_is_as_it_is_at_moto(story: str, stand_in: str, aws_address: str) -> None:
    seen = []
    for address in (stand_in, aws_address):
        to, name = client("secretsmanager", address), unique("shop/stripe")
        acts = [
            said(to, call, {("Name" if call == "create_secret" else "SecretId"): name, **about}, name) for call, about in SECRETS[story]
        ]
        looks = [said(to, call, {"SecretId": name, **about}, name) for call, about in LOOKS]
        seen.append(list(zip(map(str, [*SECRETS[story], *LOOKS]), [*acts, *looks], strict=True)))
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "act", [move("AWSCURRENT", FIRST), move("ir-x", given=FIRST)], ids=["the current label is taken away", "no holder"]
)
def test_a_move_that_aws_refuses_by_its_reference_is_refused_where_moto_allows_it(act: Act, stand_in: str) -> None:
    to, name = client("secretsmanager", stand_in), unique("shop/stripe")
    for call, about in [CREATED, put("two", SECOND, "ir-x")]:
        said(to, call, {("Name" if call == "create_secret" else "SecretId"): name, **about}, name)
    before = said(to, "describe_secret", {"SecretId": name}, name)
    assert said(to, act[0], {"SecretId": name, **act[1]}, name) == "InvalidParameterException"
    assert said(to, "describe_secret", {"SecretId": name}, name) == before


def of_name(about: dict[str, Any], name: str) -> dict[str, Any]:
    """A read of one parameter; the server is shared, so a list is asked for what begins with its name alone."""
    if filters := about.get("ParameterFilters"):
        return {"ParameterFilters": [{**one, "Values": [name]} for one in filters]}
    return {**about, "Name": name + about.get("Name", "")}


@pytest.mark.server
@pytest.mark.parametrize("story", PARAMETERS)
def test_a_parameter_is_as_it_is_at_moto(story: str, stand_in: str, aws_address: str) -> None:
    name, seen = f"/{unique('shop')}", []
    for address in (stand_in, aws_address):
        to = client("ssm", address)
        acts = [said(to, call, {"Name": name, **about}, name) for call, about in PARAMETERS[story]]
        seen.append([*acts, *(said(to, call, of_name(about, name), name) for call, about in READS)])
    assert seen[0] == seen[1]


def test_a_stranger_is_refused_and_regions_are_apart(stand_in: str) -> None:
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        client("secretsmanager", stand_in, "stranger").list_secrets()
    client("secretsmanager", stand_in).create_secret(Name="here", SecretString="one")
    assert [row["Name"] for row in client("secretsmanager", stand_in).list_secrets()["SecretList"]].count("here") == 1
    far = client("secretsmanager", stand_in, region="us-east-1")
    assert not far.list_secrets()["SecretList"]


def test_a_key_outside_of_a_write_is_found() -> None:
    key = unique("a-key")
    with AwsTwin() as twin:
        twin.tokens["test"] = frozenset({"*"})
        to = client("secretsmanager", twin.address)
        to.create_secret(Name="shop", SecretString=key)
        assert twin.told([key]) == []
        with pytest.raises(ClientError):
            to.describe_secret(SecretId=key)
        assert len(twin.told([key])) == 1
