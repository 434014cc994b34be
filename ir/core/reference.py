"""References to places where a key is held; secrets themselves never stand in files.

    aws-sm://eu-west-1/prod/payments#api_key     region, secret name or ARN, JSON field (none: whole string)
    aws-ssm://eu-west-1/prod/stripe              region, parameter name (`/prod/stripe`), JSON field (none: whole value)
    gcp-sm://shop-prod/stripe                    project, secret, JSON field (none: whole value)
    azure-kv://shop-prod/stripe                  vault, secret, JSON field (none: whole value)
    vault://secret/payments#api_key              KV v2 mount, path, field
    conjur://acme/prod/stripe                    account, variable id
    k8s://prod/payments/stripe#api_key           context of the kubeconfig, namespace, Secret, key of its data
    vercel://shop/STRIPE_SECRET_KEY              project, environment variable, target (none: production)
    github-actions://acme/shop/STRIPE_KEY        owner, repository, secret, environment (none: the repository's own)
    dotenv://./.env#STRIPE_SECRET_KEY            file (three slashes: absolute), variable
    command://NAME                               a program declared under `commands:`
    env://NAME                                   an environment variable, read only
    manual://NAME                                a human does it: a hosting platform's setting, a CI secret

A field without `/` is a top-level JSON field, with `/` a JSON pointer.
"""

from dataclasses import dataclass
from urllib.parse import unquote

from ir.core.secret import excerpt
from ir.core.store_kind import SCHEMES, Promises


@dataclass(frozen=True, order=True)
class Reference:
    """A parsed reference.

    Attributes:
        scheme: one of `store_kind.SCHEMES`.
        host: region, mount or account; empty for the other schemes.
        path: secret name, path, variable id, file name or free name.
        field: JSON field or pointer, variable name; empty when the whole value is the key.
    """

    scheme: str
    host: str
    path: str
    field: str = ""

    def __str__(self) -> str:
        return self.object + (f"#{self.field}" if self.field else "")

    @property
    def promises(self) -> Promises:
        """What the place can do."""
        return SCHEMES[self.scheme].promises

    @property
    def object(self) -> str:
        """The thing that is locked and written as one: the reference without its field."""
        path = _escaped(self.path, "%#")
        return f"{self.scheme}://{_escaped(self.host, '%#/')}/{path}" if self.host else f"{self.scheme}://{path}"


def other_field(ref: Reference, name: str) -> Reference:
    """Another field of the same object, a top-level one under its bare name: `#/api_key` is `#api_key`."""
    head, mark, rest = name.partition("/")
    bare = mark and not head and "/" not in rest
    return Reference(ref.scheme, ref.host, ref.path, rest.replace("~1", "/").replace("~0", "~") if bare else name)


def plain(ref: Reference) -> Reference:
    """The same place, however its field is written."""
    return other_field(ref, ref.field)


def parse(text: str) -> Reference:
    """Read one reference. `%` escapes are understood before `#` (`%23` for a `#`, `%2F` for a `/` in a mount's name).

    Raises:
        ValueError: with a sentence that says what is wrong and how it should look; a key pasted by mistake is not repeated.
    """
    scheme, mark, rest = text.partition("://")
    if not mark or scheme not in SCHEMES:
        raise ValueError(f"`{_shown(text)}` is not a reference; it starts with one of {', '.join(s + '://' for s in SCHEMES)}")
    place, _, field = rest.partition("#")
    host = ""
    known = SCHEMES[scheme]
    if known.host:
        host, _, place = place.partition("/")
        if not host or not place:
            raise ValueError(f"`{_shown(text)}` needs a {known.host} and a path: {scheme}://{known.host}/path#field")
    if not place:
        raise ValueError(f"`{_shown(text)}` names no {known.place}")
    if known.field and not field:
        raise ValueError(f"`{_shown(text)}` needs a field after `#`")
    try:
        found = Reference(scheme, unquote(host, errors="strict"), unquote(place, errors="strict"), field)
    except UnicodeDecodeError:
        raise ValueError(f"`{_shown(text)}` has `%` escapes that are not UTF-8") from None
    if not (found.host + found.path + found.field).isprintable():
        raise ValueError("a reference must not contain control characters")
    return found


def _escaped(part: str, marks: str) -> str:
    return "".join(f"%{ord(c):02X}" if c in marks else c for c in part)


def _shown(text: str) -> str:
    return excerpt(text, 60)
