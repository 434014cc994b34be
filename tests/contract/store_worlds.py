"""Every adapter joins the store contract with one line here."""

from collections.abc import Callable, Iterator

import pytest

from tests.worlds import aws
from tests.worlds.stores import StoreWorld
from tests.worlds.surroundings import environment

Entry = Callable[[pytest.FixtureRequest], Iterator[StoreWorld]]


def _aws(field: str) -> Entry:
    def enter(request: pytest.FixtureRequest) -> Iterator[StoreWorld]:
        address = request.getfixturevalue("aws_address")
        with environment(**aws.settings(address)):
            yield aws.AwsWorld(address, request.getfixturevalue("strict_aws"), field)

    return enter


WORLDS: dict[str, Entry] = {
    "aws, field": _aws("api_key"),
    "aws, pointer": _aws("/stripe/api_key"),
    "aws, whole": _aws(""),
}
