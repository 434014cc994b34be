"""Search every secret of a region in AWS Secrets Manager for values shaped like keys. Reads only."""

from typing import TYPE_CHECKING, Any

from ir.adapters.stores.aws import client as aws_client
from ir.core.errors import PortError
from ir.core.key_search import FoundKey, SearchResult, in_text, keepers
from ir.core.reference import Reference

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


def look(region: str, *, timeout: float = 10.0) -> SearchResult:
    """All current values. A replica is skipped, since it is written where its primary is.

    Raises:
        PortError: the list itself cannot be had.
    """
    client = aws_client.client(region, timeout)
    what = f"the secrets of {region}"
    rows = aws_client.ask(lambda: all_rows(client, what), what)
    found_keys: list[FoundKey] = []
    unread: list[str] = []
    for row in rows:
        name = str(row["Name"])
        if row.get("PrimaryRegion", region) != region:
            unread.append(f"{name}: a replica of {row['PrimaryRegion']}, look there")
            continue
        try:
            text = current_text(client, name)
        except PortError as error:
            unread.append(f"{name}: {error.what}")
            continue
        found_keys += [FoundKey(Reference("aws-sm", region, name, field), value, kept_by(row)) for field, value in in_text(text)]
    return SearchResult(tuple(found_keys), tuple(unread), len(rows))


def kept_by(row: Any) -> tuple[str, ...]:
    """The other tools that write a secret, by AWS's metadata."""
    tags = {str(tag.get("Key", "")): str(tag.get("Value", "")) for tag in row.get("Tags") or []}
    service = (f"AWS service {row['OwningService']}",) if row.get("OwningService") else ()
    rotation = ("its own rotation in AWS",) if row.get("RotationEnabled") else ()
    return (*service, *rotation, *keepers(tags))


def all_rows(client: "SecretsManagerClient", what: str) -> list[Any]:
    """What AWS says of every secret of the region. Raises PortError."""
    pages = client.get_paginator("list_secrets").paginate()
    return [row for page in pages for row in aws_client.answer(page, what, "SecretList")["SecretList"]]


def current_text(client: "SecretsManagerClient", name: str) -> str:
    """The current string; "" for a binary one."""
    got = aws_client.ask(lambda: client.get_secret_value(SecretId=name, VersionStage="AWSCURRENT"), name)
    return str(aws_client.answer(got, name, "ARN").get("SecretString") or "")
