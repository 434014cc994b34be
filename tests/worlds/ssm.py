"""AWS's Parameter Store as others see it: plain boto3 against moto."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import Any

import boto3

from ir.adapters.stores.aws.parameter_store import AwsParameterStore
from ir.core.reference import Reference, parse
from ir.core.secret import Secret
from ir.ports import Store
from tests.worlds import aws
from tests.worlds.bad_network import Answer, Request, silence
from tests.worlds.stores import NEIGHBOUR, StoreWorld, unique
from tests.worlds.surroundings import environment

REGION = aws.REGION
KMS = "alias/payments"


def settings(address: str, login: tuple[str, str] = ("test", "test")) -> dict[str, str | None]:
    """Environment of a process that uses the server at `address`."""
    return {**aws.settings(address, login), "AWS_ENDPOINT_URL_SSM": address}


class ParameterWorld(StoreWorld):
    """SecureStrings under a KMS key of the team's, whose key stands in `field`, or is the whole value ("")."""

    def __init__(self, address: str, strict: aws.StrictMoto, field: str) -> None:
        self.address, self.strict, self.field = address, strict, field
        self.upstream = address
        self.neighbours = bool(field)  # type: ignore[misc]  # a matter of the field here
        self.client = client(address)

    def place(self, value: Secret) -> Reference:
        """See `StoreWorld`."""
        return self._placed(self.client, value)

    def _placed(self, by: Any, value: Secret) -> Reference:
        name = unique("prod/payments")
        by.put_parameter(Name=f"/{name}", Value=self._text(value), Type="SecureString", KeyId=KMS, Description="payments")
        return parse(f"aws-ssm://{REGION}/{name}" + (f"#{self.field}" if self.field else ""))

    def nowhere(self) -> Reference:
        """See `StoreWorld`."""
        return parse(f"aws-ssm://{REGION}/{unique()}")

    def make(self, ref: Reference, *, timeout: float = 5.0) -> Store:
        """See `StoreWorld`."""
        return AwsParameterStore(ref, timeout=timeout)

    def seen(self, ref: Reference) -> str:
        """See `StoreWorld`."""
        text = self.text(ref)
        return str(json.loads(text)[self.field]) if self.field else text

    def text(self, ref: Reference) -> str:
        """The whole value."""
        return str(self.client.get_parameter(Name=_name(ref), WithDecryption=True)["Parameter"]["Value"])

    def write(self, ref: Reference, value: Secret) -> None:
        """See `StoreWorld`."""
        text = json.dumps({**json.loads(self.text(ref)), self.field: value.reveal()}) if self.field else value.reveal()
        self.client.put_parameter(Name=_name(ref), Value=text, Overwrite=True)

    def neighbour(self, ref: Reference) -> str:
        """See `StoreWorld`."""
        return str(json.loads(self.text(ref))[NEIGHBOUR])

    def write_neighbour(self, ref: Reference, text: str) -> None:
        """See `StoreWorld`."""
        text = json.dumps({**json.loads(self.text(ref)), NEIGHBOUR: text})
        self.client.put_parameter(Name=_name(ref), Value=text, Overwrite=True)

    def history(self, name: str) -> list[dict[str, Any]]:
        """All versions of a parameter, the last first; none when it is not there."""
        try:
            rows = self.client.get_parameter_history(Name=name, WithDecryption=True)["Parameters"]
        except self.client.exceptions.ParameterNotFound:
            return []
        return sorted(rows, key=lambda row: -int(row["Version"]))

    def census(self, ref: Reference) -> object:
        """See `StoreWorld`."""
        names = [_name(ref), *self._kept(ref, "INC-")]
        return {name: [(row["Version"], row["Value"]) for row in self.history(name)] for name in names}

    def traces(self, ref: Reference, incident: str) -> list[str]:
        """See `StoreWorld`. The history counts."""
        return self._kept(ref, incident)

    def _kept(self, ref: Reference, incident: str) -> list[str]:
        filters = [{"Key": "Name", "Option": "BeginsWith", "Values": [f"/ir/{incident}"]}]
        rows = self.client.get_paginator("describe_parameters").paginate(ParameterFilters=filters).search("Parameters[].Name")
        return [str(name) for name in rows if name and str(name).endswith(f"/{ref.path}")]

    def through(self, address: str) -> AbstractContextManager[None]:
        """See `StoreWorld`."""
        return environment(**settings(address))

    def is_write(self, request: Request) -> bool:
        """See `StoreWorld`."""
        return request.headers.get("X-Amz-Target", "").endswith(("PutParameter", "DeleteParameter"))

    def refusals(self) -> dict[str, Answer]:
        """See `StoreWorld`. AWS has no seal."""
        return {
            "too many": _refusal(400, "ThrottlingException"),
            "broken": _refusal(500, "InternalServerError"),
            "expired token": _refusal(400, "ExpiredTokenException"),
        }

    @contextmanager
    def forbidden(self, value: Secret) -> Iterator[Store]:
        """See `StoreWorld`."""
        ref = self._placed(self.strict.service("ssm"), value)
        with environment(**{**self.strict.reader, "AWS_ENDPOINT_URL_SSM": self.strict.address}):
            yield self.make(ref)

    @contextmanager
    def hanging(self) -> Iterator[Store]:
        """See `StoreWorld`."""
        with silence() as address, environment(**settings(address)):
            yield self.make(self.nowhere(), timeout=0.4)

    def _text(self, value: Secret) -> str:
        return json.dumps({self.field: value.reveal(), NEIGHBOUR: "pässwort\n", "port": 5432}, indent=1) if self.field else value.reveal()


def _name(ref: Reference) -> str:
    return f"/{ref.path}" if "/" in ref.path else ref.path


def _refusal(status: int, code: str) -> Answer:
    return Answer(status, json.dumps({"__type": code, "message": "as told"}).encode(), (("Content-Type", "application/x-amz-json-1.1"),))


@lru_cache
def client(address: str) -> Any:
    """A client that is not the product's."""
    return boto3.session.Session("test", "test", region_name=REGION).client("ssm", endpoint_url=address)
