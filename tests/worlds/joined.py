"""Every adapter joins the store contract with one line here."""

from collections.abc import Callable, Iterator

import pytest

from ir.drill.hosts.azure_twin import AzureTwin
from ir.drill.hosts.gcp_twin import GcpTwin
from ir.drill.hosts.k8s_twin import K8sTwin
from tests.worlds import aws, azure, conjur, gcp, k8s, ssm, vault
from tests.worlds.command import CommandWorld
from tests.worlds.dotenv import DotenvWorld
from tests.worlds.stores import StoreWorld
from tests.worlds.surroundings import environment

Entry = Callable[[pytest.FixtureRequest], Iterator[StoreWorld]]


def _aws(field: str) -> Entry:
    def enter(request: pytest.FixtureRequest) -> Iterator[StoreWorld]:
        address = request.getfixturevalue("aws_address")
        with environment(**aws.settings(address)):
            yield aws.AwsWorld(address, request.getfixturevalue("strict_aws"), field)

    return enter


def _ssm(field: str) -> Entry:
    def enter(request: pytest.FixtureRequest) -> Iterator[StoreWorld]:
        address = request.getfixturevalue("aws_address")
        with environment(**ssm.settings(address)):
            yield ssm.ParameterWorld(address, request.getfixturevalue("strict_aws"), field)

    return enter


def _vault(field: str) -> Entry:
    def enter(request: pytest.FixtureRequest) -> Iterator[StoreWorld]:
        server = request.getfixturevalue("openbao")
        with environment(**vault.settings(server.address, server.token)):
            yield vault.VaultWorld(server, field)

    return enter


def _dotenv(request: pytest.FixtureRequest) -> Iterator[StoreWorld]:
    yield DotenvWorld(request.getfixturevalue("tmp_path"))


def _command(request: pytest.FixtureRequest) -> Iterator[StoreWorld]:
    yield CommandWorld(request.getfixturevalue("tmp_path"))


def _conjur(field: str, *, companion: bool = True) -> Entry:
    def enter(request: pytest.FixtureRequest) -> Iterator[StoreWorld]:
        fake = request.getfixturevalue("conjur_fake")
        with environment(**conjur.settings(fake)):
            yield conjur.ConjurWorld(fake, field, companion=companion)

    return enter


def _k8s(*, keeps: bool) -> Entry:
    def enter(request: pytest.FixtureRequest) -> Iterator[StoreWorld]:
        with K8sTwin() as twin:
            yield k8s.K8sWorld(twin, keeps=keeps)

    return enter


def _gcp(field: str) -> Entry:
    def enter(request: pytest.FixtureRequest) -> Iterator[StoreWorld]:
        with GcpTwin() as twin:
            yield gcp.GcpWorld(twin, field)

    return enter


def _azure(field: str) -> Entry:
    def enter(request: pytest.FixtureRequest) -> Iterator[StoreWorld]:
        with AzureTwin() as twin:
            yield azure.AzureWorld(twin, field)

    return enter


WORLDS: dict[str, Entry] = {
    "aws, field": _aws("api_key"),
    "aws, whole": _aws(""),
    "aws-ssm, whole": _ssm(""),
    "aws-ssm, field": _ssm("api_key"),
    "vault": _vault("/stripe/api_key"),
    "conjur": _conjur(""),
    "conjur, field": _conjur("api_key"),
    "conjur, no companion": _conjur("", companion=False),
    "gcp-sm, whole": _gcp(""),
    "gcp-sm, field": _gcp("api_key"),
    "azure-kv, whole": _azure(""),
    "azure-kv, field": _azure("api_key"),
    "k8s": _k8s(keeps=True),
    "k8s, no companion": _k8s(keeps=False),
    "dotenv": _dotenv,
    "command": _command,
}
