"""Recognise values shaped like Stripe's keys in stores, and the other tools that keep the same place. Pure.

Values of any other shape are passed over and never copied.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ir.core import untrusted_json
from ir.core.key_kind import kind_of, paste_fault
from ir.core.reference import Reference
from ir.core.secret import Secret, fingerprint

_SHAPE = re.compile(r"(?:(?:sk|rk)_(?:org_)?(?:live|test)_|rkcs_test_)[A-Za-z0-9_]{10,300}|whsec_[A-Za-z0-9+/=_-]{10,300}")
_ASSIGNED = re.compile(rf"^[ \t\ufeff]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*[\"'`]?(?:{_SHAPE.pattern})", re.MULTILINE)
_CODED = re.compile(r"(?:c2tf|cmtf|cmtj|d2hzZWNf)[A-Za-z0-9+/_-]{12,500}")
"""The same in base64, as the header of HTTP's basic authentication has it: `KEY:`."""
_PLAIN = str.maketrans("-_", "+/")
_KEEPERS = (
    (("managed-by", "managed_by", "managedby", "app.kubernetes.io/managed-by"), "managed by {}"),
    (("terraform", "terraformed", "tf-workspace", "terraform_workspace"), "Terraform ({})"),
    (("aws:cloudformation:stack-name",), "CloudFormation stack {}"),
    (("pulumi:project", "pulumi"), "Pulumi ({})"),
)
"""Tags by which tools mark the places that they write: Terraform, CloudFormation, Pulumi and External Secrets restore their own value."""


@dataclass(frozen=True)
class FoundKey:
    """One place that holds a value shaped like a key.

    Attributes:
        keepers: the other writers of that place, by tags and settings, such as `managed by external-secrets`.
    """

    ref: Reference
    value: Secret = field(repr=False)
    keepers: tuple[str, ...] = ()

    @property
    def rotatable(self) -> bool:
        """Whether this tool rotates it: a whole `sk_` or `rk_` key."""
        return kind_of(self.value).rotatable and not paste_fault(self.value)


@dataclass(frozen=True)
class SearchResult:
    """The result of searching one store; `unread` is `place: why` for each place that could not be read."""

    found_keys: tuple[FoundKey, ...]
    unread: tuple[str, ...] = ()
    places: int = 0


def in_text(text: str) -> Iterator[tuple[str, Secret]]:
    """Fields of a text value that hold a key: "" for the whole of it, else a name or a pointer into its JSON."""
    if _SHAPE.fullmatch(text.strip()):
        yield "", Secret(text.strip())
        return
    try:
        data = untrusted_json.loads(text)
    except ValueError:
        return
    if isinstance(data, dict):
        yield from in_fields(data)


def in_fields(data: Mapping[str, Any]) -> Iterator[tuple[str, Secret]]:
    """As `in_text`, for fields that are parsed already."""
    for path, value in _leaves(data, ()):
        if _SHAPE.fullmatch(value):
            yield _field(path), Secret(value)


def prints(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Each field that holds a key-shaped string, alone or within a longer text, plain or in base64, and the key's fingerprint."""
    return tuple((_field(path), fingerprint(key)) for path, value in _leaves(data, ()) for key in _keys(value))


def _keys(text: str) -> Iterator[str]:
    yield from (hit.group() for hit in _SHAPE.finditer(text))
    for coded in _CODED.finditer(text):
        whole = coded.group().translate(_PLAIN)
        plain = base64.b64decode(whole[: len(whole) - (len(whole) % 4 == 1)] + "==").decode("latin-1")
        if (hit := _SHAPE.match(plain)) is not None:
            yield hit.group()


def holds_any(text: str) -> bool:
    """Whether any field of a JSON text may hold a key-shaped string; an escape can hide one."""
    return "\\" in text or _SHAPE.search(text) is not None or _CODED.search(text) is not None


def assigned(text: str) -> set[str]:
    """Names of the env file's variables whose value begins like a key."""
    return {hit.group(1) for hit in _ASSIGNED.finditer(text)}


def _leaves(data: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each string, and where it stands, however deep: below a limit would be keys that nothing is compared with."""
    left = [(path, data)]
    while left:
        path, data = left.pop()
        if isinstance(data, str):
            yield path, data
        elif isinstance(data, dict):
            left += [((*path, str(name)), value) for name, value in reversed(data.items())]
        elif isinstance(data, list):
            left += [((*path, str(number)), value) for number, value in reversed(list(enumerate(data)))]


def _field(path: tuple[str, ...]) -> str:
    if len(path) == 1 and "/" not in path[0]:
        return path[0]
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def keepers(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Tools that keep a place, told by its tags or custom metadata."""
    lower = {name.lower(): value for name, value in tags.items()}
    return tuple(words.format(lower[name] or name) for names, words in _KEEPERS for name in names if name in lower)
