"""An inventory that runs a program, or tells a secret to a host, at every place where an inventory can; and who notices when it happens."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ir.core.errors import ExitCode
from ir.drill.twin import Key, StripeTwin
from ir.inventory import digest
from ir.runtime.app_state import open_state
from tests.unit import alert_samples
from tests.worlds.service_world import Instance, ServiceWorld

FILE = "inventory.yaml"
_PROGRAM = '#!/bin/sh\necho "$1" >>"{ran}"\ncat "$2"\n'


@dataclass
class Strange:
    """The folder is the current one, `home` the tool's state.

    Attributes:
        service: a service on loopback, which gets a header with a secret in it.
    """

    folder: Path
    twin: StripeTwin
    leaked: Key
    service: ServiceWorld

    @property
    def sha256(self) -> str:
        return digest((self.folder / FILE).read_text())

    def ran(self) -> list[str]:
        """Which programs were run."""
        log = self.folder / "ran"
        return sorted(set(log.read_text().split())) if log.exists() else []

    def used(self) -> list[str]:
        """What nobody agreed to, and happened."""
        return self.ran() + [f"{seen.method} with {seen.headers['X-Token']}" for seen in self.service.seen if "X-Token" in seen.headers]

    def finished(self, *places: str) -> None:
        """A rotation that touched these places finished: it is not the first use any more."""
        summary = {"destinations": sorted(places), "debts": [], "key": "another"}
        open_state().index.note("INC-20260101-aaaa", "done", int(ExitCode.DONE), summary)

    def write(self, **changes: Any) -> None:
        """The inventory; `changes` replace its parts."""
        self.private(FILE, json.dumps({**self._rows(), **changes}, indent=1))

    def private(self, name: str, text: str) -> None:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)

    def program(self, name: str, prints: str) -> list[str]:
        """The words of a program that leaves its name, and prints a file."""
        return [str(self.folder / "program"), name, str(self.folder / prints)]

    def _command(self, name: str, prints: str) -> dict[str, Any]:
        return {"name": name, "read": self.program(name, prints), "write": self.program(f"{name}-write", "empty"), "env": ["PAGER_LOGIN"]}

    def _rows(self) -> dict[str, Any]:
        account = {"name": "main", "id": self.twin.account, "mode": "test", "issuer": "managed", "api_base": self.twin.url}
        refs = {"app_key": "command://app", "review_key": "command://review"}
        check = {"http": f"{self.service.url}/healthz", "headers": {"X-Token": "dotenv://token.env#TOKEN"}}
        looks = {"command": self.program("verify", "empty"), "read_only": True, "proves": "holds-key"}
        reload = {"command": self.program("reload", "empty")}
        service = {"name": "shop", "uses": ["payments"], "reads_from": "command://payments", "reload": reload, "verify": [check, looks]}
        hook: dict[str, Any] = {"name": "hooks", "uses": ["events"], "reads_from": "command://events", "reload": reload}
        hook["verify"] = [{"webhook": f"{self.service.url}/hook", "headers": {"X-Token": "dotenv://token.env#TOKEN"}}]
        key: dict[str, Any] = {
            "name": "payments",
            "account": "main",
            "kind": "secret",
            "permissions": ["charge_read"],
            "stored_in": ["command://payments"],
        }
        other = {**key, "name": "other", "stored_in": ["dotenv://other.env#KEY"]}
        return {
            "version": 1,
            "accounts": [{**account, **refs}],
            "keys": [{**key, "rotate_every": "1h"}, other],
            "webhooks": [{"name": "events", "account": "main", "url": "https://shop.example/hook", "stored_in": ["command://events"]}],
            "services": [service, hook],
            "commands": [self._command(name, "key") for name in ("payments", "app", "review", "events", "notify", "sign")],
            "notify": [{"to": "command://notify"}],
            "evidence_key": "command://sign",
        }


@contextmanager
def strange(folder: Path) -> Iterator[Strange]:
    """See above; the environment (`IR_HOME`, current folder) is the caller's."""
    with StripeTwin() as twin, ServiceWorld([Instance("a")]) as service:
        made = Strange(folder, twin, twin.create_secret_key("payments"), service)
        value = made.leaked.token.reveal()
        made.private("key", value + "\n")
        made.private("empty", "")
        made.private("token.env", "TOKEN=a-token-of-a-service\n")
        made.private("other.env", "KEY=a-key-of-nobody-at-all\n")
        made.private("alert.jsonl", alert_samples.lines(alert_samples.trufflehog(value)))
        made.private("program", _PROGRAM.format(ran=folder / "ran"))
        (folder / "program").chmod(0o700)
        made.write()
        yield made
