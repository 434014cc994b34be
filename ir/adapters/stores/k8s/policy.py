"""Roles for Kubernetes, from the table of calls: one per namespace."""

from collections import defaultdict
from collections.abc import Sequence

import yaml

from ir.adapters.stores.k8s.calls import CALLS
from ir.core.reference import Reference
from ir.ports.policy import Line, PolicyLanguage

_GROUPS = {"selfsubjectaccessreviews": "authorization.k8s.io"}


def _object(ref: Reference, on: str) -> str:
    """Namespace, and the Secret's name; the incident's part of a name is not known in advance, and RBAC knows no patterns."""
    namespace, _, name = ref.path.partition("/")
    return f"{namespace}/" + ("" if "{incident}" in on else on.format(path=name))


def _text(lines: Sequence[Line]) -> str:
    rules: dict[str, dict[tuple[str, str], set[str]]] = defaultdict(lambda: defaultdict(set))
    for line in lines:
        namespace, _, name = line.on.partition("/")
        verb, _, resource = line.right.partition(" ")
        if resource not in _GROUPS:  # every login may ask for its own rights
            rules[namespace][resource, name].add(verb)
    return "---\n".join(yaml.safe_dump(_role(namespace, found), sort_keys=False) for namespace, found in rules.items())


def _role(namespace: str, found: dict[tuple[str, str], set[str]]) -> dict[str, object]:
    rules = []
    for (resource, name), verbs in found.items():
        row: dict[str, object] = {"apiGroups": [""], "resources": [resource], "verbs": sorted(verbs)}
        rules.append({**row, **({"resourceNames": [name]} if name else {})})
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role"}
    return {**kind, "metadata": {"name": "ir", "namespace": namespace}, "rules": rules}


RBAC = PolicyLanguage(
    "Kubernetes: a Role for each namespace; bind it to the user or service account that `ir` comes as",
    CALLS,
    _object,
    _text,
    (
        "RBAC knows no patterns of names: to keep a key beside a Secret takes these verbs on all of the namespace; else use an escrow",
        "a rollout takes `get` and `patch` on the workload and `list` on pods, External Secrets `get` and `patch` on externalsecrets",
        "to know what an ExternalSecret reads takes `get` on externalsecrets, secretstores and clustersecretstores",
    ),
)
