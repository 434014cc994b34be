"""What every listing keeps to: names and never values, nothing of ours; a value is read only where it is asked for, and one at a time."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from ir.adapters.stores import LISTERS, STORES
from ir.clients.host_api import Login
from ir.core import place as places
from ir.core.errors import Denied, Rejected, Unknown
from ir.core.place import Place
from ir.core.reference import Reference
from ir.core.secret import Secret
from ir.core.store_kind import SCHEMES
from ir.drill.embedded.openbao_server import OpenBao
from ir.drill.hosts.azure_twin import AzureTwin
from ir.drill.hosts.gcp_twin import GcpTwin
from ir.drill.hosts.github_twin import GithubTwin
from ir.drill.hosts.k8s_twin import K8sTwin
from ir.drill.hosts.server import HostTwin
from ir.drill.hosts.vercel_twin import VercelTwin
from ir.ports import Lister, Store
from ir.runtime.adapter_registry import load
from tests.worlds import aws, ssm, vault
from tests.worlds.api_description import Description
from tests.worlds.bad_network import silence
from tests.worlds.conjur import settings
from tests.worlds.conjur_fake import ConjurFake, Variable
from tests.worlds.stores import key, unique
from tests.worlds.surroundings import environment

INCIDENT = "INC-20261123-ab12"


@dataclass
class Shelf:
    """A place of one scheme, with the eyes of everybody but the adapter.

    Attributes:
        place: of everything on this shelf.
        put: name and text, as somebody puts it there.
        ref: what a listing calls it.
        settings: what adapters are made with.
        reads: values may be read.
    """

    place: Place
    put: Callable[[str, str], object]
    ref: Callable[[str], Reference]
    settings: dict[str, Any] = field(default_factory=dict)
    reads: bool = True

    def lister(self) -> Lister:
        """The adapter."""
        return cast(Lister, load(LISTERS, self.place.scheme)(**self.settings))

    def store(self, ref: Reference) -> Store:
        """The store's own adapter."""
        return cast(Store, load(STORES, ref.scheme)(ref, **self.settings))


def _login(twin: HostTwin, name: str = "all") -> dict[str, Any]:
    twin.tokens |= {"all": frozenset({"*"})}
    return {"login": Login(api_base=twin.address, token=lambda: Secret(name)), "timeout": 2.0}


def _vercel(_request: pytest.FixtureRequest, stack: ExitStack, _folder: Path) -> Shelf:
    twin = stack.enter_context(VercelTwin())
    twin.put("empty", "X", "x")
    put = lambda name, text: twin.put("shop", name, text, type="plain")  # noqa: E731
    return Shelf(Place("vercel", "shop"), put, lambda name: Reference("vercel", "shop", name), _login(twin))


def _github(_request: pytest.FixtureRequest, stack: ExitStack, _folder: Path) -> Shelf:
    twin = stack.enter_context(GithubTwin())
    twin.put("acme/other", "X", "x")
    place = Place("github-actions", "acme", "shop")
    ref = lambda name: Reference("github-actions", "acme", f"shop/{name}")  # noqa: E731
    return Shelf(place, lambda name, text: twin.put("acme/shop", name, text), ref, _login(twin), reads=False)


def _k8s(_request: pytest.FixtureRequest, stack: ExitStack, _folder: Path) -> Shelf:
    twin = stack.enter_context(K8sTwin())
    twin.put_secret("other", "x", {"x": "x"})
    put = lambda name, text: twin.put_secret("payments", name.lower().replace("_", "-"), {"value": text})  # noqa: E731
    ref = lambda name: Reference("k8s", "prod", f"payments/{name.lower().replace('_', '-')}", "value")  # noqa: E731
    return Shelf(Place("k8s", "prod", "payments"), put, ref, _login(twin))


def _gcp(_request: pytest.FixtureRequest, stack: ExitStack, _folder: Path) -> Shelf:
    twin = stack.enter_context(GcpTwin())
    return Shelf(Place("gcp-sm", "shop"), twin.put, lambda name: Reference("gcp-sm", "shop", name), _login(twin))


def _azure(_request: pytest.FixtureRequest, stack: ExitStack, _folder: Path) -> Shelf:
    twin = stack.enter_context(AzureTwin())

    def put(name: str, text: str) -> None:  # a `_` is no part of a name there
        twin.put(name.replace("_", "-"), text)

    return Shelf(Place("azure-kv", "shop"), put, lambda name: Reference("azure-kv", "shop", name.replace("_", "-")), _login(twin))


def _secrets(request: pytest.FixtureRequest, stack: ExitStack, _folder: Path) -> Shelf:
    address, folder = request.getfixturevalue("aws_address"), unique()
    stack.enter_context(environment(**aws.settings(address)))
    client = aws.client(address)
    client.create_secret(Name=f"{folder}-beside", SecretString="x")
    put = lambda name, text: client.create_secret(Name=f"{folder}/{name}", SecretString=text)  # noqa: E731
    return Shelf(Place("aws-sm", aws.REGION, folder), put, lambda name: Reference("aws-sm", aws.REGION, f"{folder}/{name}"))


def _parameters(request: pytest.FixtureRequest, stack: ExitStack, _folder: Path) -> Shelf:
    address, folder = request.getfixturevalue("aws_address"), unique()
    stack.enter_context(environment(**ssm.settings(address)))
    client = ssm.client(address)
    put = lambda name, text: client.put_parameter(Name=f"/{folder}/{name}", Value=text, Type="SecureString")  # noqa: E731
    return Shelf(Place("aws-ssm", aws.REGION, folder), put, lambda name: Reference("aws-ssm", aws.REGION, f"{folder}/{name}"))


def _vault(request: pytest.FixtureRequest, stack: ExitStack, _folder: Path) -> Shelf:
    server: OpenBao = request.getfixturevalue("openbao")
    stack.enter_context(environment(**vault.settings(server.address, server.token)))
    folder, kv = unique(), vault.client(server).secrets.kv.v2
    write = kv.create_or_update_secret
    put = lambda name, text: write(path=f"{folder}/{name}", secret={"value": text}, mount_point=vault.MOUNT)  # noqa: E731
    return Shelf(Place("vault", vault.MOUNT, folder), put, lambda name: Reference("vault", vault.MOUNT, f"{folder}/{name}"))


def _conjur(request: pytest.FixtureRequest, stack: ExitStack, _folder: Path) -> Shelf:
    fake: ConjurFake = request.getfixturevalue("conjur_fake")
    stack.enter_context(environment(**settings(fake)))
    folder = unique()

    def put(name: str, text: str) -> None:
        fake.variables[f"{folder}/{name}"] = Variable()
        fake.variables[f"{folder}/{name}"].put(text.encode())
        fake.variables[f"{folder}/{name}-ir"] = Variable()

    return Shelf(Place("conjur", fake.account, folder), put, lambda name: Reference("conjur", fake.account, f"{folder}/{name}"))


def _env_files(_request: pytest.FixtureRequest, _stack: ExitStack, folder: Path) -> Shelf:
    def put(name: str, text: str) -> None:
        (folder / "app").mkdir(exist_ok=True)
        (folder / "app" / ".env").touch(0o600)
        with (folder / "app" / ".env").open("a", encoding="utf-8") as file:
            file.write(f"{name}={text}\n")

    ref = lambda name: Reference("dotenv", "", str(folder / "app" / ".env"), name)  # noqa: E731
    return Shelf(Place("dotenv", "", "app"), put, ref, {"base": folder})


SHELVES = {
    "aws-sm": _secrets,
    "aws-ssm": _parameters,
    "azure-kv": _azure,
    "conjur": _conjur,
    "dotenv": _env_files,
    "gcp-sm": _gcp,
    "github-actions": _github,
    "k8s": _k8s,
    "vault": _vault,
    "vercel": _vercel,
}


@pytest.fixture(params=sorted(SHELVES))
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    with ExitStack() as stack:
        yield SHELVES[request.param](request, stack, tmp_path)


def test_every_lister_is_held_to_this() -> None:
    assert set(SHELVES) == set(LISTERS)


def test_all_names_are_told_and_no_value(shelf: Shelf) -> None:
    values = {name: key().reveal() for name in ("STRIPE_KEY", "DATABASE_URL", "OTHER")}
    for name, value in values.items():
        shelf.put(name, value)
    found = shelf.lister().names(shelf.place)
    assert {row.ref for row in found.rows} == {shelf.ref(name) for name in values} and len(found.rows) == 3
    assert all(row.readable is shelf.reads for row in found.rows)
    assert not any(value in repr(found) for value in values.values())


def test_of_one_name_nothing_else_is_told(shelf: Shelf) -> None:
    for name in ("STRIPE_KEY", "STRIPE_KEY_2"):
        shelf.put(name, key().reveal())
    ref = shelf.ref("STRIPE_KEY")
    found = shelf.lister().names(Place(ref.scheme, ref.host, ref.path, ref.field))
    assert [row.ref for row in found.rows] == [ref]


def test_a_value_is_read_where_that_is_asked_for(shelf: Shelf) -> None:
    value = key()
    shelf.put("STRIPE_KEY", value.reveal())
    shelf.put("DATABASE_URL", "postgres-and-no-key")
    lister = shelf.lister()
    rows = lister.names(shelf.place).rows
    if not shelf.reads:
        with pytest.raises(Rejected, match="never tells"):
            lister.keys_in(rows[0])
        return
    found_keys = [find for row in rows for find in lister.keys_in(row)]
    assert [find.value for find in found_keys] == [value]
    assert found_keys[0].ref.object == shelf.ref("STRIPE_KEY").object
    if found_keys[0].ref.promises.reads:
        assert shelf.store(found_keys[0].ref).read().value == value


def test_what_an_incident_keeps_there_is_not_listed(shelf: Shelf) -> None:
    """It is gone when the incident is over."""
    if not SCHEMES[shelf.place.scheme].promises.custody:
        return
    shelf.put("STRIPE_KEY", key().reveal())
    found = shelf.lister().names(shelf.place).rows[0]
    ref = next(iter(shelf.lister().keys_in(found))).ref
    kept = key()
    shelf.store(ref).keep(INCIDENT, "old", kept)
    assert shelf.store(ref).fetch(INCIDENT, "old") == kept
    assert [row.ref for row in shelf.lister().names(shelf.place).rows] == [found.ref]


def test_no_answer_is_not_an_empty_place() -> None:
    places = (Place("vercel"), Place("k8s", "prod"), Place("gcp-sm", "shop"), Place("azure-kv", "shop"))
    for scheme, place in ((place.scheme, place) for place in places):
        with silence() as address, pytest.raises(Unknown):
            load(LISTERS, scheme)(login=Login(api_base=address, token=lambda: Secret("all")), timeout=0.2).names(place)


# ── pages, and what cannot be seen ──


def test_every_page_is_read() -> None:
    with VercelTwin() as vercel, GithubTwin() as github, K8sTwin() as k8s, GcpTwin() as gcp, AzureTwin() as azure:
        vercel.page = 2
        for number in range(5):
            vercel.put(f"shop-{number}", "STRIPE_KEY", "x")
        for number in range(130):
            github.put("acme/shop", f"KEY_{number}", "x")
            github.put(f"acme/repo-{number}", "KEY", "x")
        for number in range(501):
            k8s.put_secret("payments", f"s-{number}", {"a": "x", "b": "x"})
            gcp.put(f"s-{number}", "x")
            azure.put(f"s-{number}", "x")
        looks = ((vercel, "vercel", Place("vercel"), 5), (github, "github-actions", Place("github-actions", "acme"), 260))
        more = ((k8s, "k8s", Place("k8s", "prod"), 1002), (gcp, "gcp-sm", Place("gcp-sm", "shop"), 501))
        vaults = ((azure, "azure-kv", Place("azure-kv", "shop"), 501),)
        for twin, scheme, place, count in (*looks, *more, *vaults):
            assert len(load(LISTERS, scheme)(**_login(twin)).names(place).rows) == count


def test_what_cannot_be_seen_is_said() -> None:
    with VercelTwin() as twin:
        twin.put("shop", "STRIPE_KEY", "x")
        twin.hidden = 3
        twin.shared = [{"key": "SHARED_KEY", "projectId": ["prj_shop", "prj_blog"], "updatedAt": 1_700_000_000_000}]
        found = load(LISTERS, "vercel")(**_login(twin)).names(Place("vercel"))
        assert found.unseen == ("3 variables of project shop, hidden from our token",)
        assert [(row.name, row.ref, row.hints) for row in found.rows] == [("SHARED_KEY", None, ("shared by the team with 2 projects",))]
        assert found.rows[0].updated_at == 1_700_000_000


def test_a_disabled_secret_and_one_of_a_certificate_are_told_apart() -> None:
    with AzureTwin() as twin:
        twin.put("off", "x", attributes={"enabled": False})
        twin.put("tls", "x", managed=True, tags={"managed-by": "terraform"})
        rows = load(LISTERS, "azure-kv")(**_login(twin)).names(Place("azure-kv", "shop")).rows
        assert [(row.name, row.readable) for row in rows] == [("off", False), ("tls", True)]
        assert rows[0].hints == ("is disabled",) and "belongs to a certificate" in rows[1].hints


def test_one_variable_for_several_targets_is_one_row() -> None:
    with VercelTwin() as twin:
        twin.put("shop", "STRIPE_KEY", "x", target=("preview", "production"))
        row = load(LISTERS, "vercel")(**_login(twin)).names(Place("vercel", "shop")).rows[0]
        assert (row.ref, row.also) == (
            Reference("vercel", "shop", "STRIPE_KEY"),
            (Reference("vercel", "shop", "STRIPE_KEY", "preview"),),
        )
        assert not row.readable
        with pytest.raises(Rejected, match="never tells"):
            load(LISTERS, "vercel")(**_login(twin)).keys_in(row)


def test_environments_and_the_organisation_are_listed_with_a_persons_token_and_an_apps() -> None:
    with GithubTwin() as twin:
        twin.put("acme/shop", "KEY", "x")
        twin.put("acme/shop", "KEY", "x", "production")
        twin.put("acme/blog", "KEY", "x")
        twin.put("other/shop", "KEY", "x")
        twin.organisation = ["WIDE_KEY"]
        twin.apps = {"app"}
        twin.tokens |= {"app": frozenset({"*"})}
        for token in ("all", "app"):
            found = load(LISTERS, "github-actions")(**_login(twin, token)).names(Place("github-actions", "acme"))
            assert {str(row.ref or row.name) for row in found.rows} == {
                "github-actions://acme/shop/KEY",
                "github-actions://acme/shop/KEY#production",
                "github-actions://acme/blog/KEY",
                "WIDE_KEY",
            }
            assert found.unseen == ("secrets of Dependabot and Codespaces: they are not asked for",)


def test_a_login_that_may_list_nothing_is_denied() -> None:
    with K8sTwin() as k8s, GcpTwin() as gcp, AzureTwin() as azure:
        looks = ((k8s, Place("k8s", "prod")), (gcp, Place("gcp-sm", "shop")), (azure, Place("azure-kv", "shop")))
        for twin, scheme, place in ((twin, place.scheme, place) for twin, place in looks):
            twin.tokens |= {"reader": frozenset({"get secrets", "secretmanager.versions.access", "getSecret/action"})}
            with pytest.raises(Denied):
                load(LISTERS, scheme)(**_login(twin, "reader")).names(place)


def test_what_is_asked_is_described_by_the_vendors() -> None:
    with VercelTwin() as vercel, GithubTwin() as github, K8sTwin() as k8s, GcpTwin() as gcp, AzureTwin() as azure:
        vercel.put("shop", "STRIPE_KEY", "x", type="plain")
        vercel.shared = [{"key": "SHARED_KEY", "projectId": ["prj_shop"], "updatedAt": 1}]
        github.put("acme/shop", "KEY", "x", "production")
        k8s.put_secret("payments", "stripe", {"a": "x"})
        gcp.put("stripe", "x")
        azure.put("stripe", "x")
        looks: list[tuple[HostTwin, str, str, Place]] = [
            (vercel, "vercel", "vercel", Place("vercel")),
            (github, "github-actions", "github", Place("github-actions")),
            (k8s, "k8s", "kubernetes", Place("k8s", "prod")),
            (gcp, "gcp-sm", "gcp", Place("gcp-sm", "shop")),
            (azure, "azure-kv", "azure", Place("azure-kv", "shop")),
        ]
        for twin, scheme, name, place in looks:
            lister = load(LISTERS, scheme)(**_login(twin))
            rows = lister.names(place).rows
            for row in rows:
                if row.readable:
                    lister.keys_in(row)
            assert twin.calls and Description(name).unknown(twin.calls) == []
        described = Description("vercel")
        for row in vercel.shared:
            assert list(described.undescribed(row, "SharedVariable")) == []


# ── places ──


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vercel", Place("vercel")),
        ("vercel://", Place("vercel")),
        ("vercel:", Place("vercel")),
        ("vercel://shop/", Place("vercel", "shop")),
        ("vercel://shop/KEY#preview", Place("vercel", "shop", "KEY", "preview")),
        ("vault://secret/prod/", Place("vault", "secret", "prod")),
        ("manual://render", Place("manual", "", "render")),
        ("dotenv:///", Place("dotenv", "", "/")),
        ("k8s://a%2Fb/ns", Place("k8s", "a/b", "ns")),
    ],
)
def test_places_are_read(text: str, expected: Place) -> None:
    found = places.parse(text)
    assert found == expected and places.parse(str(found)) == found


@pytest.mark.parametrize("text", ["", "ftp://x", "vercel//x", "https://vercel.com", "vercel://a\x1bb", "vercel://%ff"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"place|reference|UTF-8|control"):
        places.parse(text)


def test_a_name_is_never_cut_in_the_middle() -> None:
    place = places.parse("vault://secret/prod")
    assert place.holds(Reference("vault", "secret", "prod/a", "key")) and place.holds(Reference("vault", "secret", "prod", "key"))
    assert not place.holds(Reference("vault", "secret", "production", "key")) and not place.holds(Reference("vault", "s", "prod", "key"))
    assert places.parse("dotenv:///").holds(Reference("dotenv", "", "/srv/.env", "A"))
