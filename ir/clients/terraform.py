"""What Terraform or OpenTofu writes, read from a state file and its configuration: which places, and whether it puts its value back.

A state (format version 4: `resources`, each with `mode`, `type`, `name`, `module` and `instances` with `attributes`) holds values in the
clear: of a resource nothing is taken but what names its place. `ignore_changes` is in the configuration alone. A write-only argument
(`…_wo`, Terraform 1.11) is sent only when its `…_wo_version` changes. Sources: a format 4 state of Terraform 1.7 and the schemas of the
providers aws 6.71, google, azurerm, vault, kubernetes, github, vercel and local, read 2026-11-30.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ir.clients import terraform_config
from ir.core import untrusted_json
from ir.core.errors import Missing, PortError, Rejected
from ir.core.model import Json
from ir.core.ownership import Owner, word
from ir.core.reference import Reference

_LARGEST = 128 * 1024 * 1024
_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}\Z")


@dataclass(frozen=True)
class _Place:
    """A place that a resource writes; "" and () = it does not tell. `fields`: those alone."""

    scheme: str
    host: str
    path: str
    fields: tuple[str, ...] = ()

    def holds(self, ref: Reference) -> bool:
        host = not self.host or self.host == ref.host
        return self.scheme == ref.scheme and host and _named(ref) == self.path and (not self.fields or ref.field in self.fields)


@dataclass(frozen=True)
class _Type:
    """A kind of resource: which place it writes, and the attributes that bring the value."""

    place: Callable[[Json], _Place]
    values: tuple[str, ...]


def _named(ref: Reference) -> str:
    """A reference's path as a state spells it."""
    if ref.scheme in ("aws-sm", "aws-ssm") and ref.path.startswith("arn:"):
        return _of_arn(ref.path)[1]
    if ref.scheme == "k8s" or ref.scheme == "vault":
        return ref.path.strip("/")
    return ref.path.lstrip("/") if ref.scheme == "aws-ssm" else ref.path


def _of_arn(arn: str) -> tuple[str, str]:
    """Region and name of an ARN of either service; no ARN is a name of any region."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return "", arn.lstrip("/")
    if parts[2] == "ssm":
        return parts[3], parts[5].removeprefix("parameter").lstrip("/")
    return parts[3], _SUFFIX.sub("", parts[5].removeprefix("secret:"))


def _aws_sm(row: Json) -> _Place:
    return _Place("aws-sm", *_of_arn(_text(row, "secret_id") or _text(row, "arn")))


def _aws_ssm(row: Json) -> _Place:
    return _Place("aws-ssm", _of_arn(_text(row, "arn"))[0], _text(row, "name").lstrip("/"))


def _gcp(row: Json) -> _Place:
    found = re.fullmatch(r"projects/([^/]+)/secrets/([^/]+)", _text(row, "secret"))
    project, name = found.groups() if found else ("", _text(row, "secret"))
    return _Place("gcp-sm", "" if project.isdigit() else project, name)


def _azure(row: Json) -> _Place:
    found = re.search(r"/vaults/([^/]+)$", _text(row, "key_vault_id"))
    return _Place("azure-kv", found[1] if found else "", _text(row, "name"))


def _vault_v2(row: Json) -> _Place:
    return _Place("vault", _text(row, "mount").strip("/"), _text(row, "name").strip("/"))


def _vault(row: Json) -> _Place:
    mount, _, path = _text(row, "path").strip("/").partition("/")
    return _Place("vault", mount, path.removeprefix("data/"))


def _k8s(row: Json) -> _Place:
    about: Json = next(iter(row.get("metadata") or []), {})
    return _Place("k8s", "", f"{_text(about, 'namespace') or 'default'}/{_text(about, 'name')}")


def _k8s_data(row: Json) -> _Place:
    return _Place("k8s", "", _k8s(row).path, tuple(map(str, row.get("data") or {})) or ("",))


def _github(row: Json) -> _Place:
    environment = (_text(row, "environment"),) if row.get("environment") else ("",)
    return _Place("github-actions", "", f"{_text(row, 'repository')}/{_text(row, 'secret_name')}", environment)


def _vercel(row: Json) -> _Place:
    targets = tuple(map(str, row.get("target") or []))
    return _Place("vercel", "", _text(row, "key"), (*targets, *(("",) if "production" in targets else ())))


def _file(row: Json) -> _Place:
    return _Place("dotenv", "", _text(row, "filename"))


_KV = ("data_json", "data_json_wo_version")
_TYPES: Mapping[str, _Type] = {
    "aws_secretsmanager_secret_version": _Type(_aws_sm, ("secret_string", "secret_binary", "secret_string_wo_version")),
    "aws_ssm_parameter": _Type(_aws_ssm, ("value", "insecure_value", "value_wo_version")),
    "google_secret_manager_secret_version": _Type(_gcp, ("secret_data", "secret_data_wo_version")),
    "azurerm_key_vault_secret": _Type(_azure, ("value", "value_wo_version")),
    "vault_kv_secret_v2": _Type(_vault_v2, _KV),
    "vault_kv_secret": _Type(_vault, _KV),
    "vault_generic_secret": _Type(_vault, _KV),
    "kubernetes_secret": _Type(_k8s, ("data", "binary_data", "data_wo_revision")),
    "kubernetes_secret_v1": _Type(_k8s, ("data", "binary_data", "data_wo_revision")),
    "kubernetes_secret_v1_data": _Type(_k8s_data, ("data",)),
    "github_actions_secret": _Type(_github, ("plaintext_value", "encrypted_value", "value", "value_encrypted")),
    "github_actions_environment_secret": _Type(_github, ("plaintext_value", "encrypted_value", "value", "value_encrypted")),
    "vercel_project_environment_variable": _Type(_vercel, ("value",)),
    "local_file": _Type(_file, ("content", "sensitive_content", "content_base64")),
    "local_sensitive_file": _Type(_file, ("content", "content_base64")),
}
"""What puts a value into a place of ours."""


@dataclass(frozen=True)
class _Written:
    place: _Place
    owner: Owner


class TerraformState:
    """One state file.

    Args:
        state: the file, as `terraform state pull` prints it.
        config: folder of the configuration, whose `ignore_changes` count; by default the state's own folder.

    Raises:
        Missing: there is no such file. Rejected: it is no state of format 4.
    """

    def __init__(self, state: Path, config: Path | None = None) -> None:
        self._state = state
        self._ignored = terraform_config.ignored(config or state.parent)
        rows = _resources(state)
        projects = [at for row in rows if row.get("type") == "vercel_project" for at in _attributes(row)]
        self._projects = {_text(row, "id"): _text(row, "name") for row in projects}
        self._written = [found for row in rows for found in self._of(row)]

    def owners(self, ref: Reference, base: Path) -> tuple[Owner, ...]:
        """The resources that write a place; `base`: the folder that paths of a reference start from."""
        if ref.scheme == "dotenv":
            here = (base / ref.path).resolve()
            files = [row for row in self._written if row.place.scheme == "dotenv"]
            rows = [row for row in files if (self._state.parent / row.place.path).resolve() == here]
        else:
            rows = [row for row in self._written if row.place.holds(ref)]
        return tuple({row.owner.name: row.owner for row in rows}.values())

    def _of(self, row: Json) -> Iterator[_Written]:
        kind, name = str(row.get("type")), str(row.get("name"))
        known = _TYPES.get(kind)
        if known is None or row.get("mode") != "managed":
            return
        module = f"{word(row['module'])}." if row.get("module") else ""
        ignored = self._ignored(kind, name)
        for attributes in _attributes(row):
            brings = {field for field in known.values if attributes.get(field) not in (None, "", {}, 0)}
            why = _why_not(brings, ignored)
            title = f"Terraform {module}{word(kind)}.{word(name)} ({word(self._state.name)})"
            todo = f"change the value in its configuration and apply it, or put `ignore_changes = [{known.values[0]}]` there"
            place = known.place(attributes)
            if place.scheme == "vercel":
                project = _text(attributes, "project_id")
                place = replace(place, host=self._projects.get(project, "" if project.startswith("prj_") else project))
            yield _Written(place, Owner(title, todo, why_not=why))


def _why_not(brings: set[str], ignored: frozenset[str] | None) -> str:
    """Why a resource does not put its value back, "" when it does. `ignored` None: everything."""
    if ignored is None:
        return "its `ignore_changes` is `all`"
    plain = {name for name in brings if "_wo_" not in name}
    if plain and plain <= ignored:
        return f"its `ignore_changes` has {', '.join(f'`{name}`' for name in sorted(plain))}"
    if brings and not plain:
        return "a write-only argument, which is sent only when its version in the configuration changes"
    return ""


def _resources(state: Path) -> list[Json]:
    try:
        with state.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except OSError as error:
        raise Missing(f"it cannot be read ({error.strerror})") from None
    try:
        found = untrusted_json.loads(data) if len(data) <= _LARGEST else None
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("version") != 4 or not isinstance(found.get("resources"), list):
        raise Rejected("it is not a state of format 4", next_step=f"terraform state pull > {state.name}")
    return [row for row in found["resources"] if isinstance(row, dict)]


def _attributes(row: Json) -> Iterator[Json]:
    """Of each instance of a resource."""
    for instance in row.get("instances") or []:
        found = instance.get("attributes") if isinstance(instance, dict) else None
        if isinstance(found, dict):
            yield found


def _text(row: Any, name: str) -> str:
    found = row.get(name) if isinstance(row, dict) else None
    return found if isinstance(found, str) else ""


def unreadable(state: Path, error: PortError) -> Owner:
    """What stands for a state that was named and cannot be read: it may write any place."""
    todo = error.next_step or "name a file that can be read"
    return Owner(f"the Terraform state {word(state.name)}", todo, unread=f"tells nothing: {error.what}")
