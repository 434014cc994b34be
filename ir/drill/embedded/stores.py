"""The places that hold the key in a drill, filled and read by the vendors' own tools, never through our adapters."""

import json
import os
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from ir.core.model import Json
from ir.drill.embedded.openbao_server import OpenBao

REGION = "eu-west-1"
LOGIN = "drill"
"""Access key id, and secret, that the stand-in of AWS takes."""
_FIELD = "api_key"
_VARIABLE = "STRIPE_SECRET_KEY"


class Shelf(Protocol):
    """One store of the drill."""

    @property
    def ref(self) -> str:
        """As the inventory names it."""
        ...

    def fill(self, key: str) -> None:
        """Put the key between its neighbours."""
        ...

    def key(self) -> str:
        """What is there now."""
        ...

    def disturbed(self) -> str:
        """What happened to the neighbours of the key; "" when they are as they were."""
        ...


@dataclass
class AwsShelf:
    """A JSON secret in AWS Secrets Manager.

    Args:
        address: of the server.
        name: of the secret.
    """

    address: str
    name: str
    neighbours: Json = field(default_factory=lambda: {"db_user": "payments", "db_password": "not-a-stripe-key", "retries": 3})

    @property
    def ref(self) -> str:
        """As the inventory names it."""
        return f"aws-sm://{REGION}/{self.name}#{_FIELD}"

    def fill(self, key: str) -> None:
        """See `Shelf`."""
        _aws("secretsmanager", self.address).create_secret(Name=self.name, SecretString=json.dumps({**self.neighbours, _FIELD: key}))

    def key(self) -> str:
        """See `Shelf`."""
        return str(self._now()[_FIELD])

    def disturbed(self) -> str:
        """See `Shelf`."""
        return _difference(self.neighbours, self._now())

    def _now(self) -> Json:
        answer = _aws("secretsmanager", self.address).get_secret_value(SecretId=self.name, VersionStage="AWSCURRENT")
        found: Json = json.loads(answer["SecretString"])
        return found


@dataclass
class ParameterShelf:
    """A JSON SecureString in AWS's Parameter Store.

    Args:
        address: of the server.
        name: of the parameter, without its leading slash.
    """

    address: str
    name: str
    neighbours: Json = field(default_factory=lambda: {"currency": "eur", "pager": "payments-oncall"})

    @property
    def ref(self) -> str:
        """As the inventory names it."""
        return f"aws-ssm://{REGION}/{self.name}#{_FIELD}"

    def fill(self, key: str) -> None:
        """See `Shelf`."""
        text = json.dumps({**self.neighbours, _FIELD: key})
        _aws("ssm", self.address).put_parameter(Name=f"/{self.name}", Value=text, Type="SecureString", Overwrite=True)

    def key(self) -> str:
        """See `Shelf`."""
        return str(self._now()[_FIELD])

    def disturbed(self) -> str:
        """See `Shelf`. What was kept for the incident is gone, too."""
        client = _aws("ssm", self.address)
        left = client.describe_parameters(ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": ["/ir/"]}])["Parameters"]
        kept = [f"{row['Name']} is left" for row in left]
        return ", ".join(filter(None, [_difference(self.neighbours, self._now()), *kept]))

    def _now(self) -> Json:
        answer = _aws("ssm", self.address).get_parameter(Name=f"/{self.name}", WithDecryption=True)
        found: Json = json.loads(answer["Parameter"]["Value"])
        return found


@cache
def _aws(service: str, address: str) -> Any:
    """A client of theirs; to make one, the SDK reads its descriptions of all services, which takes longer than most looks."""
    from botocore.session import Session

    client: Any = Session().create_client  # by name
    return client(service, region_name=REGION, endpoint_url=address, aws_access_key_id=LOGIN, aws_secret_access_key=LOGIN)


@dataclass
class VaultShelf:
    """A KV v2 secret in OpenBao.

    Args:
        server: the dev server.
        path: under the mount `secret`.
    """

    server: OpenBao
    path: str
    neighbours: Json = field(default_factory=lambda: {"webhook_url": "https://shop.example/hook", "owner": "payments"})

    @property
    def ref(self) -> str:
        """As the inventory names it."""
        return f"vault://secret/{self.path}#{_FIELD}"

    def fill(self, key: str) -> None:
        """See `Shelf`."""
        self._call("POST", {"data": {**self.neighbours, _FIELD: key}})

    def key(self) -> str:
        """See `Shelf`."""
        return str(self._call("GET")["data"]["data"][_FIELD])

    def disturbed(self) -> str:
        """See `Shelf`."""
        return _difference(self.neighbours, self._call("GET")["data"]["data"])

    def _call(self, method: str, body: Json | None = None) -> Json:
        line = HTTPConnection(urlsplit(self.server.address).netloc, timeout=10)
        try:
            data = json.dumps(body) if body is not None else None
            line.request(method, f"/v1/secret/data/{self.path}", data, {"X-Vault-Token": self.server.token})
            answer = line.getresponse()
            text = answer.read()
        finally:
            line.close()
        if answer.status >= 300:
            raise RuntimeError(f"OpenBao answered {answer.status}")
        found: Json = json.loads(text)
        return found


@dataclass
class DotenvShelf:
    """A line of an env file, private to its owner.

    Args:
        file: where it is.
        base: folder of the inventory.
    """

    file: Path
    base: Path
    above: str = "# payments\nLOG_LEVEL=info\n"
    below: str = 'DATABASE_URL="postgres://payments@db/shop"\nexport FEATURE_X=1\n'

    @property
    def ref(self) -> str:
        """As the inventory names it."""
        return f"dotenv://./{self.file.relative_to(self.base)}#{_VARIABLE}"

    def fill(self, key: str) -> None:
        """See `Shelf`."""
        write_private(self.file, f"{self.above}{_VARIABLE}={key}\n{self.below}")

    def key(self) -> str:
        """See `Shelf`."""
        lines = self.file.read_text(encoding="utf-8").splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith(f"{_VARIABLE}=")).strip("'\"")

    def disturbed(self) -> str:
        """See `Shelf`."""
        text = self.file.read_text(encoding="utf-8")
        if not (text.startswith(self.above) and text.endswith("\n" + self.below)):
            return "other lines were changed"
        return "" if self.file.stat().st_mode & 0o077 == 0 else "others may read it now"


def write_private(path: Path, text: str) -> None:
    """A file that only its owner can read, from its first byte on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)


def _difference(before: Json, now: Json) -> str:
    changed = sorted(name for name in before if now.get(name) != before[name])
    added = sorted(name for name in now if name not in before and name != _FIELD)
    return ", ".join([*(f"{name} was changed" for name in changed), *(f"{name} was added" for name in added)])
