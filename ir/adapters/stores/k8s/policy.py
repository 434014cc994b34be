"""Roles for Kubernetes, from the table of calls: one per namespace, to be bound to the login of the kubeconfig."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import yaml

from ir.adapters.stores.k8s.calls import CALLS
from ir.core.reference import Reference
from ir.ports.policy import Line, PolicyLanguage

_ALL = "*"


def _secret(ref: Reference, on: str) -> str:
    """`CONTEXT/NAMESPACE/SECRET`. RBAC knows no beginnings of names, so what is kept beside a Secret is all of its namespace."""
    namespace, _, name = ref.path.partition("/")
    return f"{ref.host}/{namespace}/{name if on == '{path}' else _ALL}"


def _text(lines: Sequence[Line]) -> str:
    found: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        context, namespace, name = line.on.split("/", 2)
        verb, _, resource = line.right.partition(" ")
        if resource == "secrets" and verb not in found[context, namespace][name]:
            found[context, namespace][name].append(verb)
    return "---\n".join(_role(context, namespace, names) for (context, namespace), names in found.items())


def _role(context: str, namespace: str, names: dict[str, list[str]]) -> str:
    everywhere = names.get(_ALL, [])
    rules = [_rule(everywhere)] if everywhere else []
    for name, verbs in names.items():
        more = [verb for verb in verbs if verb not in everywhere]
        if name != _ALL and more:
            rules.append({**_rule(more), "resourceNames": [name]})
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "ir", "namespace": namespace},
        "rules": rules,
    }
    return f"# kubectl --context {context} apply -f -\n{yaml.safe_dump(role, sort_keys=False)}"


def _rule(verbs: list[str]) -> dict[str, Any]:
    return {"apiGroups": [""], "resources": ["secrets"], "verbs": list(verbs)}


ROLES = PolicyLanguage(
    "Kubernetes: a Role per namespace, for the login that the kubeconfig or the inventory names",
    CALLS,
    _secret,
    _text,
    (
        "RBAC knows no beginnings of names: where `ir` stages it may do this to all Secrets of the namespace; give these one of their own",
        "a reload by rollout takes get and patch of that workload and list of pods; of an ExternalSecret get and patch",
    ),
)
