"""Access to the page of a rehearsal: an invitation that works once, then a cookie; and each form is taken at most once."""

import hmac
import threading
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from secrets import token_urlsafe

_MOST_FORMS = 500
_HOST = "127.0.0.1"


class Door:
    """The only address is `http://127.0.0.1:PORT`, by that name: another name may have been pointed here by a stranger's page.

    Attributes:
        pass_: the cookie's value; the text form has it from a private file.
    """

    def __init__(self, port: int) -> None:
        self.origin = f"http://{_HOST}:{port}"
        self._host, self.cookie = f"{_HOST}:{port}", f"rehearsal_{port}"  # cookies of one host are shared by all its ports
        self.pass_ = token_urlsafe(24)
        self._lock = threading.Lock()
        self._invitations: set[str] = set()
        self._forms: dict[str, None] = {}

    def invite(self) -> str:
        """The first address: it opens the page once."""
        invitation = token_urlsafe(12)
        with self._lock:
            self._invitations.add(invitation)
        return f"{self.origin}/?invitation={invitation}"

    def admits(self, invitation: str) -> bool:
        """Whether it is an invitation; from now on it is none."""
        with self._lock:
            known = next((one for one in self._invitations if _same(one, invitation)), None)
            self._invitations.discard(known or "")
        return known is not None

    def knows(self, header: Callable[[str], str]) -> bool:
        """Whether the request brings the cookie."""
        try:
            found = SimpleCookie(header("Cookie")).get(self.cookie)
        except CookieError:
            return False
        return found is not None and _same(found.value, self.pass_)

    def rightly_named(self, header: Callable[[str], str]) -> bool:
        """Whether the request is for this address and no other name of it."""
        return header("Host") == self._host

    def from_here(self, header: Callable[[str], str]) -> bool:
        """Whether a form was sent by a page of ours; browsers say so in two headers."""
        return header("Origin") == self.origin and header("Sec-Fetch-Site") in ("", "same-origin")

    def form(self) -> str:
        """The mark of a new form."""
        mark = token_urlsafe(18)
        with self._lock:
            self._forms[mark] = None
            while len(self._forms) > _MOST_FORMS:
                del self._forms[next(iter(self._forms))]
        return mark

    def takes(self, fields: Mapping[str, str]) -> bool:
        """Whether a form is one of ours, sent for the first time."""
        with self._lock:
            known = next((one for one in self._forms if _same(one, fields.get("form", ""))), None)
            if known is not None:
                del self._forms[known]
        return known is not None


def _same(ours: str, theirs: str) -> bool:
    return hmac.compare_digest(ours.encode(), theirs.encode(errors="replace"))
