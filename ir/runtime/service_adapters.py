"""Adapters of a service: its checks, and what makes it take up the current key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ir.core.model import Mode
from ir.core.secret import Secret
from ir.inventory import Inventory, Key, Reload, Service, Verify, Webhook
from ir.ports import Operator, Reloader, Verifier
from ir.runtime.adapter_registry import load, login, reference_resolver


@dataclass(frozen=True)
class Incidental:
    """What a check learns of its incident: when the new key was last used, and the secrets to sign test events with.

    Attributes:
        by_mark, former, given_up: see `verifiers.webhook.Secrets`.
        refusals_only: a test event must be one that has to be refused (dry run).
    """

    last_used: Callable[[], float | None] = lambda: None
    by_mark: Callable[[str], Secret | None] = lambda _mark: None
    former: Callable[[], Secret | None] = lambda: None
    given_up: Callable[[], Secret | None] = lambda: None
    live: bool = True
    refusals_only: bool = False


def verifier(row: Verify, resolver: Callable[[str], Secret], told: Incidental) -> Verifier:
    """The adapter for one check of one service."""
    from ir.adapters.verifiers import VERIFIERS

    if row.http:
        expected = {"status": row.expect.status, "json": row.expect.json_}
        made = load(VERIFIERS, "http")(url=row.http, proves=row.proven, **expected, **_call(row, resolver))
    elif row.webhook:
        made = _webhook_verifier(row, resolver, told)
    elif row.command:
        made = load(VERIFIERS, "command")(argv=row.command, proves=row.proven, read_only=row.read_only, env=row.env, timeout=row.timeout)
    else:
        made = load(VERIFIERS, "stripe_usage")(proves=row.proven, last_used=told.last_used)
    return cast(Verifier, made)


def _webhook_verifier(row: Verify, resolver: Callable[[str], Secret], told: Incidental) -> Verifier:
    from ir.adapters.verifiers import VERIFIERS
    from ir.adapters.verifiers.webhook import EventKind, SigningSecrets

    made = load(VERIFIERS, "webhook")(
        url=row.webhook,
        signed_with=SigningSecrets(told.by_mark, told.former, told.given_up),
        event=EventKind(row.event, told.live),
        both=row.both,
        refusals_only=told.refusals_only and not row.read_only,
        processed=row.processed or "",
        **_call(row, resolver),
    )
    return cast(Verifier, made)


def _call(row: Verify, resolver: Callable[[str], Secret]) -> dict[str, object]:
    """How a service is called, and how its instances are told apart."""
    return {
        "instances": row.instances,
        "instance_json": row.instance_from.json_ if row.instance_from else "",
        "instance_header": row.instance_from.header if row.instance_from else "",
        "headers": {name: str(ref) for name, ref in row.headers.items()},
        "resolve": resolver,
        "timeout": row.timeout,
    }


def verifiers(
    service: Service, source: Inventory, operator: Operator, base: Path, key: Key, values: Mapping[str, Secret]
) -> list[Verifier]:
    """The checks of a service about one key that may run outside of an incident: commands and test events only if `read_only`.

    `values` is fingerprint → value, of what the key's stores hold; test events are signed with them.
    """
    resolver = reference_resolver(source, operator, base)
    rows = [row for row in service.verify if not row.stripe_usage and (row.read_only or not (row.command or row.webhook))]
    told = Incidental(by_mark=values.get, live=source.account(key.account).mode is Mode.LIVE)
    return [verifier(row, resolver, told) for row in rows if about(row, service, key)]


def reloader(
    row: Reload, source: Inventory, resolver: Callable[[str], Secret], say: Callable[[str], None] = lambda _text: None
) -> Reloader:
    """The adapter that makes a service take up the current key; `say` is told the progress."""
    from ir.adapters.reloaders import RELOADERS

    if row.http:
        headers = {name: str(ref) for name, ref in row.headers.items()}
        return cast(Reloader, load(RELOADERS, "http")(url=row.http, headers=headers, resolve=resolver, timeout=row.timeout))
    if row.command:
        return cast(Reloader, load(RELOADERS, "command")(argv=row.command, env=row.env, timeout=row.timeout))
    if row.rollout:
        made, (kind, name) = load(RELOADERS, "rollout"), row.rollout.workload
        about = {"namespace": row.rollout.namespace, "kind": kind, "name": name, "external_secret": row.rollout.external_secret or ""}
        asked = login("k8s", row.rollout.context, source, resolver)
        return cast(Reloader, made(context=row.rollout.context, **about, login=asked, timeout=row.patience, say=say))
    if row.vercel:
        at = login("vercel", "", source, resolver)
        made = load(RELOADERS, "vercel")
        return cast(Reloader, made(project=row.vercel.project, target=row.vercel.target, login=at, timeout=row.patience, say=say))
    return _Polls()


class _Polls:
    """A service that takes up a new key by itself."""

    def ready(self) -> None:
        """Always ready: nothing is asked of the service."""

    def reload(self) -> str:
        """Do nothing: the service looks by itself."""
        return "it polls its store"


def about(row: Verify, service: Service, key: Key) -> bool:
    """Which key a check is about, where its service uses both an API key and a webhook."""
    if not isinstance(key, Webhook):
        return row.webhook is None
    return bool(row.webhook) or row.proven == "up" or len(service.uses) == 1
