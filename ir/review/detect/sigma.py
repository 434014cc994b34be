"""Stateless rules as Sigma rules (specification 2.1). What needs a baseline, a join or order has no Sigma form."""

import uuid
from collections.abc import Iterable

from ir.review.detect.rules import Rule

_NAMESPACE = uuid.UUID("6d1c1e58-8d0f-5e0c-9d3c-2f3f1f5f7a10")


def export(rules: Iterable[Rule]) -> tuple[str, list[str]]:
    """YAML documents of the rules that carry a `sigma` detection, and the ids of those that do not."""
    import yaml

    documents, left_out = [], []
    for rule in rules:
        if not rule.sigma:
            left_out.append(rule.id)
            continue
        documents.append(
            {
                "title": rule.title,
                "id": str(uuid.uuid5(_NAMESPACE, rule.id)),
                "name": rule.id.lower().replace("-", "_"),
                "status": rule.status,
                "description": rule.question,
                "logsource": rule.logsource,
                "detection": rule.sigma,
                "falsepositives": rule.falsepositives,
                "level": rule.level,
                "tags": rule.tags,
            }
        )
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=120), left_out
