"""Send one message through apprise, in a process of its own: an order on standard input, the result on standard output.

Order `{url, title, body, urgent, seconds}`, answer `{places, delivered, status}` (HTTP status of a failure, 0 = none known),
both JSON. Apprise writes no log here, keeps nothing on disk, follows no redirects and loads no plug-ins of others.
"""

import json
import logging
import os
import re
import sys
from typing import Any

import apprise

from ir.clients import way_out
from ir.core import process_life

_STATUS = re.compile(r"error=(\d{3})\b")
"""The words in which apprise's services name the HTTP status of an answer."""


def deliver(order: dict[str, Any]) -> dict[str, Any]:
    """Send it; returns the answer. Nothing in it comes from the URL."""
    os.environ.update(way_out.for_requests())
    logger = logging.getLogger("apprise")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    post = apprise.Apprise(asset=_asset(float(order["seconds"])))
    if not post.add(str(order["url"])):
        return {"places": 0, "delivered": False, "status": 0}
    for service in post:
        _fit(service)
    kind = apprise.NotifyType.WARNING if order["urgent"] else apprise.NotifyType.INFO
    result = post.notify(body=order["body"], title=order["title"], notify_type=kind, body_format=apprise.NotifyFormat.TEXT)
    statuses = [int(hit.group(1)) for entry in result.logs() for hit in _STATUS.finditer(str(entry.message))]
    delivered = result.status == apprise.AppriseResultStatus.SUCCESS
    return {"places": len(post), "delivered": delivered, "status": statuses[-1] if statuses and not delivered else 0}


def _fit(service: Any) -> None:
    """Shorten a text that the service would refuse as a whole, unless the URL says how to send it (`overflow=split`)."""
    if service.overflow_mode == apprise.OverflowMode.UPSTREAM:
        service.overflow_mode = apprise.OverflowMode.TRUNCATE


def _asset(seconds: float) -> apprise.AppriseAsset:
    return apprise.AppriseAsset(
        app_id="ir",
        app_desc="incident response for Stripe keys",
        app_url="",
        secure_logging=True,
        http_redirects=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        service_timeout=max(seconds - 1.0, 1.0),
        allow_templates=False,
        interpret_emojis=False,
        pgp_autogen=False,
        pem_autogen=False,
    )


if __name__ == "__main__":
    ending = process_life.begin()
    sys.stdout.write(json.dumps(deliver(json.load(sys.stdin))))
    ending.code = 0
