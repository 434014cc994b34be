"""The rows about services: the keys that they use, how they take up a new one, and which check proves it."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from ir.core.durations import Seconds
from ir.core.placeholders import check_placeholders
from ir.inventory.host_rows import Rollout, VercelDeploy
from ir.inventory.terms import REF_IN_A_FILE, STRICT, Argv, Name, Ref, Url

CHECKS = ("http", "command", "stripe_usage", "webhook")
"""Kinds of checks: a row names one."""
RELOADS = ("command", "http", "rollout", "vercel", "polls")
"""Kinds of reloads: a row names one."""


Need = Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{2,60}_(read|write)|(GET|POST|DELETE) /v[12]/[A-Za-z0-9_/:{}.-]{1,120})$")]
"""A permission, or an endpoint (`POST /v1/refunds`, `:id` for an id)."""


class _Row(BaseModel):
    model_config = STRICT


class Expectation(_Row):
    """The answer that a check expects: status, and JSON fields (a name, or a pointer with `/`) that must be equal."""

    status: Annotated[int, Field(ge=100, le=599)] = 200
    json_: dict[str, str | int | float | bool | None] = Field(default_factory=dict, alias="json")


class InstanceFrom(_Row):
    """The place in an answer that names the instance."""

    json_: str = Field(default="", alias="json")
    header: str = ""


class Verify(_Row):
    """One check of a service: exactly one of `http`, `command`, `stripe_usage`, `webhook`.

    Attributes:
        webhook: where it takes Stripe's deliveries; test events are sent there, signed with the secret that it should hold.
        event: type of the test event; by default one that only test clocks send, so that no service has anything to do with it.
        processed: where it tells the ids of events that it processed, `?since=` epoch seconds, on the same host; any text that has them.
        both: it accepts the former secret too, as long as both live.
        read_only: running it changes nothing. A command that is not declared so is not run in a dry run; a webhook is then sent only
            an event that it has to refuse.
    """

    http: Url | None = None
    command: Argv | None = None
    stripe_usage: Literal[True] | None = None
    webhook: Url | None = None
    event: Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")] = "test_helpers.test_clock.ready"
    both: bool = False
    processed: Url | None = None
    proves: Literal["holds-key", "key-used", "up"] | None = None
    instances: Annotated[int, Field(ge=1, le=1000)] = 1
    instance_from: InstanceFrom | None = None
    expect: Expectation = Expectation()
    headers: dict[str, Ref] = {}
    env: list[str] = []
    read_only: bool = False
    timeout: Seconds = 10.0

    @model_validator(mode="after")
    def _one_kind(self) -> "Verify":
        if sum(getattr(self, kind) is not None for kind in CHECKS) != 1:
            raise ValueError("needs exactly one of `http`, `command`, `stripe_usage`, `webhook`")
        if self.processed and urlsplit(self.processed).netloc != urlsplit(self.webhook or "").netloc:
            raise ValueError("`processed` belongs to a `webhook` check, and is on the same host")
        for text in (*self.expect.json_.values(), *(self.command or ()), self.http or ""):
            check_placeholders(str(text))
        return self

    @property
    def proven(self) -> str:
        """What a pass proves: as declared, else `holds-key` when the new fingerprint is expected, else `up`."""
        if self.proves:
            return self.proves
        if self.stripe_usage or self.webhook:
            return "key-used" if self.stripe_usage else "holds-key"
        named = any("new.fingerprint" in str(v) for v in (*self.expect.json_.values(), *(self.command or ())))
        return "holds-key" if named else "up"


class Reload(_Row):
    """How a service takes up a key: exactly one of these ways.

    Attributes:
        http: a POST. rollout: of Kubernetes. vercel: a deployment there. polls: it does so by itself within that time.
        timeout: seconds; of a rollout 300, of a deployment 900 unless it is said.
    """

    command: Argv | None = None
    http: Url | None = None
    polls: Seconds | None = None
    rollout: Rollout | None = None
    vercel: VercelDeploy | None = None
    headers: dict[str, Ref] = {}
    env: list[str] = []
    timeout: Seconds = 30.0

    @model_validator(mode="after")
    def _one_kind(self) -> "Reload":
        if sum(getattr(self, kind) is not None for kind in RELOADS) != 1:
            raise ValueError("needs exactly one of `command`, `http`, `rollout`, `vercel`, `polls`")
        return self

    @property
    def patience(self) -> float:
        """Seconds that all of it may take."""
        if "timeout" in self.model_fields_set:
            return self.timeout
        return 300.0 if self.rollout else 900.0 if self.vercel else self.timeout


class Service(_Row):
    """One service that uses a key.

    Attributes:
        reads_from: the stores that it reads its keys from.
        wave: services of one wave are reloaded side by side; `canary` goes first.
        needs: rights at Stripe that logs may not show, such as those of a yearly job: `charge_read`, or `GET /v1/charges`.
        stale: seconds that it may go on with an old value after its reload (cache, refresh interval).
    """

    name: Name
    uses: Annotated[list[Name], Field(min_length=1)]
    reads_from: Annotated[
        list[Ref],
        BeforeValidator(lambda v: v if isinstance(v, list) else [v]),
        Field(min_length=1),
        WithJsonSchema({"anyOf": [REF_IN_A_FILE, {"type": "array", "items": REF_IN_A_FILE, "minItems": 1}]}),
    ]
    wave: Name = "main"
    reload: Reload
    verify: Annotated[list[Verify], Field(min_length=1)]
    owner: str = ""
    needs: list[Need] = []
    stale: Seconds = 0.0


def waves(services: list[Service]) -> list[str]:
    """Wave names: `canary` first if there, the others in order of first appearance."""
    names = list(dict.fromkeys(s.wave for s in services))
    return sorted(names, key=lambda n: n != "canary")
