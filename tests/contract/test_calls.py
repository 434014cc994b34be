"""The table of calls of each store names all that a run makes, and nothing that none makes: it is what policies are made of."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import unquote, urlsplit

import pytest

from ir.adapters.stores.aws.calls import CALLS as AWS
from ir.adapters.stores.aws.parameter_calls import CALLS as SSM
from ir.adapters.stores.azure.calls import CALLS as AZURE
from ir.adapters.stores.conjur.calls import CALLS as CONJUR
from ir.adapters.stores.gcp.calls import CALLS as GCP
from ir.adapters.stores.k8s.calls import CALLS as K8S
from ir.adapters.stores.vault.calls import CALLS as VAULT
from ir.core.errors import PortError
from ir.core.reference import Reference, parse
from ir.ports.store import PolicyCall
from tests.worlds.azure import AzureWorld
from tests.worlds.bad_network import Request, proxy
from tests.worlds.joined import WORLDS
from tests.worlds.stores import StoreWorld, key
from tests.worlds.vault import MOUNT, VaultWorld

INCIDENT = "INC-20261123-ab12"
OTHER = "INC-20261122-zz99"


def _aws(request: Request, _ref: Reference) -> set[tuple[str, str]]:
    return {("secretsmanager:" + request.headers["X-Amz-Target"].rpartition(".")[2], "{path}")}


def _ssm(request: Request, ref: Reference) -> set[tuple[str, str]]:
    right = "ssm:" + request.headers["X-Amz-Target"].rpartition(".")[2]
    if right == "ssm:DescribeParameters":
        return {(right, "*")}
    name = str(json.loads(request.body)["Name"]).partition(":")[0]
    for incident in (INCIDENT, OTHER):
        name = name.replace(incident, "{incident}")
    return {(right, name.replace(ref.path, "{path}").removeprefix("/"))}


def _gcp(request: Request, ref: Reference) -> set[tuple[str, str]]:
    path = unquote(urlsplit(request.path).path).split("/")
    name, _, verb = path[5].partition(":") if len(path) > 5 else ("", "", "")
    if verb == "testIamPermissions":
        return set()
    if len(path) > 6:
        right = "versions.access"
    else:
        plain = {"GET": "secrets.get" if name else "secrets.list", "POST": "secrets.create", "DELETE": "secrets.delete"}
        right = "versions.add" if verb == "addVersion" else plain[request.method]
    for incident in (INCIDENT, OTHER):
        name = name.replace(incident, "{incident}")
    on = name.replace(ref.path, "{path}")
    if right == "secrets.get" and on != "{path}":
        return set()  # Whether what was deleted is gone.
    return {(f"secretmanager.{right}", on)}


def _azure(request: Request, ref: Reference) -> set[tuple[str, str]]:
    room, *rest = unquote(urlsplit(request.path).path).strip("/").split("/")
    name = rest[0] if rest else ""
    for incident in (INCIDENT, OTHER):
        name = name.replace(incident, "{incident}")
    on = name.replace(ref.path, "{path}")
    if room == "deletedsecrets":
        rights = {"DELETE": "purge/action", "POST": "recover/action", "GET": "readMetadata/action"}
        return {(rights[request.method], on)}
    read = "readMetadata/action" if not rest or rest[1:] == ["versions"] else "getSecret/action"
    return {({"PUT": "setSecret/action", "DELETE": "delete"}.get(request.method, read), on)}


def _k8s(request: Request, ref: Reference) -> set[tuple[str, str]]:
    path = unquote(urlsplit(request.path).path).strip("/").split("/")
    resource, name = (path[4], "/".join(path[5:])) if path[0] == "api" else (path[-1], "")
    verb = {"GET": "get" if name else "list", "POST": "create", "PATCH": "patch", "DELETE": "delete"}[request.method]
    for incident in (INCIDENT, OTHER):
        name = name.replace(incident.lower(), "{incident}")
    return {(f"{verb} {resource}", name.replace(ref.path.partition("/")[2], "{path}"))}


def _vault(request: Request, ref: Reference) -> set[tuple[str, str]]:
    path = unquote(urlsplit(request.path).path).removeprefix("/v1/")
    path = path.removeprefix(f"{ref.host}/") if path.startswith(f"{ref.host}/") else f"/{path}"
    for incident in (INCIDENT, OTHER):
        path = path.replace(f"{ref.path}.ir-{incident}", "{path}.ir-{incident}")
    path = path.replace(ref.path, "{path}").replace("nothing/here", "{path}")
    folder = ref.path.rpartition("/")[0]
    listing = request.method == "LIST" or "list=true" in request.path
    right = "list" if listing else {"GET": "read", "DELETE": "delete"}.get(request.method, "update")
    if path.startswith("data/{path}.ir-") and right == "update":
        return {("create", path), ("update", path)}  # by whether it is there already
    return {(right, path.replace(folder, "{folder}") if listing else path)}


def _conjur(request: Request, ref: Reference) -> set[tuple[str, str]]:
    path = unquote(urlsplit(request.path).path)
    if path.startswith("/authn/"):
        return set()
    right = {"resources": "read", "secrets": "execute"}[path.split("/")[1]] if request.method == "GET" else "update"
    return {(right, path.rpartition("/variable/")[2].replace(ref.path, "{path}"))}


KINDS: dict[str, tuple[tuple[PolicyCall, ...], Callable[[Request, Reference], set[tuple[str, str]]]]] = {
    "aws, field": (AWS, _aws),
    "aws-ssm, field": (SSM, _ssm),
    "gcp-sm, field": (GCP, _gcp),
    "azure-kv, field": (AZURE, _azure),
    "k8s": (K8S, _k8s),
    "vault": (VAULT, _vault),
    "conjur": (CONJUR, _conjur),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Iterator[tuple[StoreWorld, str]]:
    for world in WORLDS[request.param](request):
        yield world, request.param


def test_a_whole_life_makes_the_calls_of_the_table(kind: tuple[StoreWorld, str]) -> None:
    world, name = kind
    table, of = KINDS[name]
    old, new = key(), key()
    ref = world.place(old)
    if isinstance(world, VaultWorld):  # so that there is a timer to lift
        world.server_metadata(ref, delete_version_after="30h")
    with proxy(world.upstream) as way, world.through(way.address):
        live(world, ref, old, new)
        if isinstance(world, AzureWorld):  # the same once more, in a vault that purges nothing
            world.twin.level = "Recoverable"
            world.write(ref, old)
            for _ in range(2):
                live(world, ref, old, new)
        made = {call for request in way.seen for call in of(request, ref)}
    told = {(call.right, call.on) for call in table}
    assert made - told == set(), "calls that no policy would allow"
    assert told - made == set(), "rights that nothing needs"


def live(world: StoreWorld, ref: Reference, old: object, new: object) -> None:
    world.make(ref).stage(OTHER, new)  # type: ignore[arg-type]  # keys of this test
    store = world.make(ref)
    store.check_write(INCIDENT)
    found = store.pending(INCIDENT)
    store.incidents()
    store.left(INCIDENT)
    if found is not None:
        store.drop(found)
    store.keep(INCIDENT, "old", old)  # type: ignore[arg-type]  # see above
    getattr(store, "prove_write", lambda _incident: None)(INCIDENT)
    store.stage(INCIDENT, new)  # type: ignore[arg-type]  # see above
    store.promote(INCIDENT, new, expected=store.read().version)  # type: ignore[arg-type]  # see above
    store.undo(INCIDENT, old, new)  # type: ignore[arg-type]  # see above
    store.fetch(INCIDENT, "old")
    store.discard(INCIDENT)
    store.discard(OTHER)
    if ref.scheme == "vault":
        with suppress(PortError):
            world.make(parse(f"vault://{MOUNT}/nothing/here#x")).read()
