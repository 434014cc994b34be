"""A stand-in of AWS: Secrets Manager and the Parameter Store, by their API references.

It looks at the access key of a signature and at its region, and does not check the signature itself. The tests compare it with moto.
"""

import re
from collections.abc import Callable
from typing import Any

from ir.core.model import Json
from ir.drill.hosts.aws_parameters import Parameters
from ir.drill.hosts.aws_secrets import Secrets, refused
from ir.drill.hosts.server import Call, HostTwin, Refusal

_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/[0-9]+/([^/]+)/")
_WRITES = (".CreateSecret", ".PutSecretValue", ".PutParameter")


class AwsTwin(HostTwin):
    """All regions of one account; `tokens` holds access key ids."""

    name = "aws"

    def __init__(self) -> None:
        super().__init__()
        self._calls: dict[str, dict[str, Callable[[Json], Json]]] = {}

    def refused(self, status: int) -> Refusal:
        """See `HostTwin`."""
        return refused("UnrecognizedClientException" if status == 401 else "UnknownOperationException")

    def carries(self, call: Call) -> bool:
        """See `HostTwin`."""
        return call.headers.get("x-amz-target", "").endswith(_WRITES)

    def answer(self, call: Call) -> tuple[int, Any]:
        """See `HostTwin`."""
        signed = _SIGNED.match(call.token)
        if signed is None or signed[1] not in self.tokens:
            raise self.refused(401)
        found = self._region(signed[2]).get(call.headers.get("x-amz-target", ""))
        if found is None or not isinstance(call.body, dict):
            raise self.refused(404)
        return 200, found(call.body)

    def _region(self, name: str) -> dict[str, Callable[[Json], Json]]:
        """Its calls, by the header that names them."""
        if name not in self._calls:
            secrets, parameters = Secrets(name), Parameters(name)
            made = {f"secretsmanager.{call}": does for call, does in secrets.calls.items()}
            self._calls[name] = made | {f"AmazonSSM.{call}": does for call, does in parameters.calls.items()}
        return self._calls[name]
