"""A policy for Conjur, from the table of calls."""

import json
import os
from collections import defaultdict
from collections.abc import Sequence

from ir.adapters.stores.conjur.calls import CALLS
from ir.core.reference import Reference
from ir.ports.policy import Line, PolicyLanguage


def _variable(ref: Reference, on: str) -> str:
    return on.format(path=ref.path)


def _text(lines: Sequence[Line]) -> str:
    privileges: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        privileges[line.on].append(line.right)
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for variable, rights in privileges.items():
        groups[tuple(rights)].append(variable)
    companions = [variable for variable in privileges if variable.endswith("-ir") and variable.removesuffix("-ir") in privileges]
    declared = "".join(f"- !variable {json.dumps(name)}\n" for name in companions)
    return declared + "".join(_permit(rights, variables) for rights, variables in groups.items())


def _permit(rights: Sequence[str], variables: Sequence[str]) -> str:
    resources = "".join(f"    - !variable {json.dumps(name)}\n" for name in variables)
    return f"- !permit\n  role: {_role()}\n  privileges: [{', '.join(rights)}]\n  resources:\n{resources}"


def _role() -> str:
    """The role that `ir` is logged in as."""
    login = os.environ.get("CONJUR_AUTHN_LOGIN", "host/ir")
    host = login.removeprefix("host/")
    return f"!host {json.dumps(host)}" if host != login else f"!user {json.dumps(login)}"


YAML = PolicyLanguage(
    "Conjur: a policy for `conjur policy load -b root`; it declares the companion variables that `ir` keeps keys in, too",
    CALLS,
    _variable,
    _text,
    ("the role is CONJUR_AUTHN_LOGIN, else `host/ir`, which has to exist",),
)
