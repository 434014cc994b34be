"""A place that stores keys: one reference, or everything below a host, an account, a project or a mount.

    vercel://                    all that our login sees there
    vercel://shop                one project
    vercel://shop/STRIPE_KEY     one variable
    vault://secret/prod          everything below a path

A name is never cut in the middle: `vault://secret/prod` does not hold `vault://secret/production#key`.
"""

from dataclasses import dataclass
from urllib.parse import unquote

from ir.core.reference import Reference
from ir.core.secret import excerpt
from ir.core.store_kind import SCHEMES


@dataclass(frozen=True, order=True)
class Place:
    """A parsed place.

    Attributes:
        scheme: one of `store_kind.SCHEMES`.
        host: region, mount, account, context or project, as in a reference; "" = all of them.
        path: what is below it, as in a reference, perhaps only its beginning; "" = everything.
        field: as in a reference; "" = every field.
    """

    scheme: str
    host: str = ""
    path: str = ""
    field: str = ""

    def __str__(self) -> str:
        if self.path:
            return str(Reference(self.scheme, self.host, self.path, self.field))
        return Reference(self.scheme, "", self.host).object if self.host else f"{self.scheme}://"

    def holds(self, ref: Reference) -> bool:
        """Whether a reference lies at or below this place."""
        return (
            ref.scheme == self.scheme
            and (not self.host or ref.host == self.host)
            and (not self.path or ref.path == self.path or ref.path.startswith(f"{self.path.rstrip('/')}/"))
            and (not self.field or ref.field == self.field)
        )


def parse(text: str) -> Place:
    """Read one place. `vercel` alone is `vercel://`; slashes at the end say nothing.

    Raises:
        ValueError: with a sentence that says what is wrong; a key pasted by mistake is not repeated.
    """
    scheme, _, rest = text.strip().partition("://")
    scheme = scheme.removesuffix(":")
    if scheme not in SCHEMES:
        shown = excerpt(text, 60)
        raise ValueError(f"`{shown}` is not a place where keys lie; it starts with one of {', '.join(s + '://' for s in SCHEMES)}")
    where, _, field = rest.partition("#")
    host, path = "", where
    if SCHEMES[scheme].host:
        host, _, path = where.partition("/")
    try:
        found = Place(scheme, unquote(host, errors="strict"), unquote(path, errors="strict"), field)
    except UnicodeDecodeError:
        raise ValueError(f"`{excerpt(text, 60)}` has `%` escapes that are not UTF-8") from None
    if not (found.host + found.path + found.field).isprintable():
        raise ValueError("a place must not contain control characters")
    return Place(found.scheme, found.host, found.path.rstrip("/") or found.path[:1], found.field)
