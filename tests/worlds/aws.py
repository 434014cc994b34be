"""AWS Secrets Manager as others see it: plain boto3 against moto."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property, lru_cache
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import boto3

from ir.adapters.stores.aws.secrets_manager import AwsSecretsManagerStore
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.ports import Store
from tests.worlds.bad_network import Answer, Request, silence
from tests.worlds.stores import NEIGHBOUR, StoreWorld, unique
from tests.worlds.surroundings import environment

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

REGION = "eu-west-1"
WRITES = ("PutSecretValue", "UpdateSecretVersionStage")


def settings(address: str, login: tuple[str, str] = ("test", "test")) -> dict[str, str | None]:
    """Environment of a process that uses the server at `address`."""
    return {
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": address,
        "AWS_ACCESS_KEY_ID": login[0],
        "AWS_SECRET_ACCESS_KEY": login[1],
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PROFILE": None,
        "AWS_SESSION_TOKEN": None,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


class AwsWorld(StoreWorld):
    """Secrets whose key stands in `field`: a name, a pointer, or "" for the whole string."""

    def __init__(self, address: str, strict: "StrictMoto", field: str) -> None:
        self.address, self.strict, self.field = address, strict, field
        self.upstream = address
        self.neighbours = bool(field)  # type: ignore[misc]  # a matter of the field here
        self.client = client(address)

    def place(self, value: Secret, *, region: str = REGION) -> Reference:
        """See `StoreWorld`."""
        name = unique("prod/payments")
        client(self.address, region).create_secret(Name=name, SecretString=self._text(value))
        return parse(f"aws-sm://{region}/{name}" + (f"#{self.field}" if self.field else ""))

    def nowhere(self) -> Reference:
        """See `StoreWorld`."""
        return parse(f"aws-sm://{REGION}/{unique()}#api_key")

    def make(self, ref: Reference, *, timeout: float = 5.0) -> Store:
        """See `StoreWorld`."""
        return AwsSecretsManagerStore(ref, timeout=timeout)

    def seen(self, ref: Reference) -> str:
        """See `StoreWorld`. A service asks by stage, or without one; both must say the same."""
        plain = self.client.get_secret_value(SecretId=ref.path)["SecretString"]
        staged = self.client.get_secret_value(SecretId=ref.path, VersionStage="AWSCURRENT")["SecretString"]
        assert plain == staged
        return self._field_of(staged)

    def write(self, ref: Reference, value: Secret) -> None:
        """See `StoreWorld`."""
        text = self.client.get_secret_value(SecretId=ref.path)["SecretString"]
        if not self.field:
            text = value.reveal()
        else:
            document = json.loads(text)
            _parent(document, self.field)[_leaf(self.field)] = value.reveal()
            text = json.dumps(document)
        self.client.put_secret_value(SecretId=ref.path, SecretString=text)

    def neighbour(self, ref: Reference) -> str:
        """See `StoreWorld`."""
        return str(json.loads(self.client.get_secret_value(SecretId=ref.path)["SecretString"])[NEIGHBOUR])

    def write_neighbour(self, ref: Reference, text: str) -> None:
        """See `StoreWorld`."""
        document = json.loads(self.client.get_secret_value(SecretId=ref.path)["SecretString"])
        self.client.put_secret_value(SecretId=ref.path, SecretString=json.dumps({**document, NEIGHBOUR: text}))

    def census(self, ref: Reference) -> object:
        """See `StoreWorld`."""
        return {
            version: (sorted(labels), self.client.get_secret_value(SecretId=ref.path, VersionId=version)["SecretString"])
            for version, labels in self.labels(ref).items()
        }

    def labels(self, ref: Reference) -> dict[str, list[str]]:
        """Version ids and their labels."""
        return self.client.describe_secret(SecretId=ref.path)["VersionIdsToStages"]

    def traces(self, ref: Reference, incident: str) -> list[str]:
        """See `StoreWorld`."""
        return [label for labels in self.labels(ref).values() for label in labels if incident in label]

    def through(self, address: str) -> AbstractContextManager[None]:
        """See `StoreWorld`."""
        return environment(**settings(address))

    def is_write(self, request: Request) -> bool:
        """See `StoreWorld`."""
        return request.headers.get("X-Amz-Target", "").endswith(WRITES)

    def refusals(self) -> dict[str, Answer]:
        """See `StoreWorld`. AWS has no seal."""
        return {
            "too many": _refusal(400, "ThrottlingException"),
            "broken": _refusal(500, "InternalServiceError"),
            "expired token": _refusal(400, "ExpiredTokenException"),
        }

    @contextmanager
    def forbidden(self, value: Secret) -> Iterator[Store]:
        """See `StoreWorld`."""
        name = unique()
        self.strict.secrets.create_secret(Name=name, SecretString=self._text(value))
        with environment(**self.strict.reader):
            yield self.make(parse(f"aws-sm://{REGION}/{name}" + (f"#{self.field}" if self.field else "")))

    @contextmanager
    def hanging(self) -> Iterator[Store]:
        """See `StoreWorld`."""
        with silence() as address, environment(**settings(address)):
            yield self.make(self.nowhere(), timeout=0.4)

    def _text(self, value: Secret) -> str:
        if not self.field:
            return value.reveal()
        leaf = {_leaf(self.field): value.reveal()}
        inner = {"stripe": {**leaf, "mode": "live", "rates": [1.50, 1e3]}} if "/" in self.field else leaf
        return json.dumps({**inner, NEIGHBOUR: "pässwort\u2028\n", "port": 5432}, indent=1)

    def _field_of(self, text: str) -> str:
        return str(_parent(json.loads(text), self.field)[_leaf(self.field)]) if self.field else text


def _parent(document: Any, field: str) -> Any:  # a JSON document
    for token in field.split("/")[1:-1]:
        document = document[token]
    return document


def _leaf(field: str) -> str:
    return field.rsplit("/", 1)[-1]


def _refusal(status: int, code: str) -> Answer:
    return Answer(status, json.dumps({"__type": code, "message": "as told"}).encode(), (("Content-Type", "application/x-amz-json-1.1"),))


@lru_cache
def client(address: str, region: str = REGION) -> "SecretsManagerClient":
    """A client that is not the product's."""
    return boto3.session.Session("test", "test", region_name=region).client("secretsmanager", endpoint_url=address)


def forget(address: str, name: str) -> None:
    """Delete a secret, with all that its versions hold; one that is not there counts as deleted."""
    with suppress(client(address).exceptions.ResourceNotFoundException):
        client(address).delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


class StrictMoto:
    """A moto server that checks IAM policies: an administrator, a user who may only read, and one who may put and move no label."""

    def __init__(self, address: str) -> None:
        self.address = self._address = address
        self._login = ("test", "test")
        self._login = self._user("admin", ["*"])
        looks = ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "ssm:GetParameter", "ssm:GetParameterHistory"]
        self.reader = settings(address, self._user("reader", looks))
        half = ["GetSecretValue", "DescribeSecret", "PutSecretValue", "ListSecretVersionIds"]
        self.half = settings(address, self._user("half", [f"secretsmanager:{name}" for name in half]))
        connection = HTTPConnection(address.removeprefix("http://"), timeout=10.0)
        connection.request("POST", "/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})
        assert connection.getresponse().status == 200
        connection.close()

    @cached_property
    def secrets(self) -> "SecretsManagerClient":
        """The administrator's client."""
        made: SecretsManagerClient = self._client("secretsmanager")
        return made

    def service(self, name: str) -> Any:
        """The administrator's client of another service."""
        return self._client(name)

    def _client(self, service: Any) -> Any:  # a boto3 client
        session = boto3.session.Session(*self._login, region_name=REGION)
        return session.client(service, endpoint_url=self._address)

    def allowed(self, policy: str) -> dict[str, str | None]:
        """Settings of a new user with this policy. Moto matches actions alone, so every resource of it becomes `*`."""
        document = json.loads(policy)
        actions = [action for statement in document["Statement"] for action in statement["Action"]]
        return settings(self._address, self._user(unique("user"), actions))

    def _user(self, name: str, actions: list[str]) -> tuple[str, str]:
        iam = self._client("iam")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]
