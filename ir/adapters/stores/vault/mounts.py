"""Explain why nothing was found at a reference, from the mounts that Vault shows our token."""

from collections.abc import Mapping
from typing import Any

from ir.core.errors import Missing, PortError, Rejected
from ir.core.reference import Reference

_OF_THE_API = ("data/", "metadata/")


def hindrance(rows: Mapping[str, Any], ref: Reference, namespace: str) -> PortError | None:
    """The fault of the reference, None when the mounts do not tell.

    Args:
        rows: mounts that our token may see something of, `name/` → type and options (`sys/internal/ui/mounts`).
        ref: what was asked for.
        namespace: "" for the root.
    """
    own = rows.get(f"{ref.host}/")
    if own is not None:
        return _version_1(own, ref) or _path_of_the_api(ref)
    whole = f"{ref.host}/{ref.path}"
    longer = max((name for name in rows if whole.startswith(name)), key=len, default="")
    if longer:
        there = Reference(ref.scheme, longer.rstrip("/"), whole.removeprefix(longer), ref.field)
        return Missing(f"{ref.object}: the mount there is called `{longer.rstrip('/')}`", next_step=f"write it as {there}")
    where = f"in the namespace {namespace}" if namespace else "in the root namespace (VAULT_NAMESPACE is not set)"
    shown = ", ".join(name.rstrip("/") for name in sorted(rows) if _holds_secrets(rows[name])) or "none"
    said = f"{ref.object}: Vault shows our token no mount `{ref.host}` {where}; mounts for secrets that it shows there: {shown}"
    return Missing(said, next_step="correct the mount, or VAULT_NAMESPACE")


def no_namespace(ref: Reference, namespace: str) -> PortError:
    """There is none of that name."""
    return Missing(f"{ref.object}: Vault has no namespace `{namespace}`", next_step="correct VAULT_NAMESPACE")


def _version_1(row: Any, ref: Reference) -> PortError | None:
    if not _holds_secrets(row) or (row.get("options") or {}).get("version", "1") == "2":
        return None
    return Rejected(
        f"the mount {ref.host} is KV version 1, which has no versions and no check-and-set",
        next_step=f"upgrade it: vault kv enable-versioning {ref.host}",
    )


def _path_of_the_api(ref: Reference) -> PortError | None:
    for part in _OF_THE_API:
        if ref.path.startswith(part):
            there = Reference(ref.scheme, ref.host, ref.path.removeprefix(part), ref.field)
            said = f"{ref.object}: nothing is there; `{part}` is part of Vault's API, not of a path"
            return Missing(said, next_step=f"write it as {there}")
    return None


def _holds_secrets(row: Any) -> bool:
    return isinstance(row, dict) and row.get("type") in ("kv", "generic")
