"""Verify by asking the service itself over HTTP: status, JSON fields, and all of its instances."""

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle, islice
from typing import Any

from ir.adapters.verifiers import expectation, lacking
from ir.clients import http_resolver
from ir.clients.http_client import HttpEdge, check_headers
from ir.clients.http_connection import HttpResponse
from ir.core import placeholders, urls
from ir.core.errors import Missing, PortError, Rejected, Unknown
from ir.core.secret import Secret, excerpt
from ir.core.urls import NotAsked, ParsedUrl
from ir.ports import Check, Expected, Verifier


class HttpVerifier(Verifier):
    """GETs a URL and compares. Each answer comes over a new connection, so a balancer may choose another instance.

    Where answers name their instance, asks until `instances` distinct instances have answered as expected. Where they do not,
    `instances` answers in a row must. A host with several addresses is asked at each of them. One answer that is not as expected
    ends the check: it has failed. Rights that an answer says the key lacks (`lacking`) are told with it; they fail no check by themselves.

    Args:
        url: where to ask; may hold placeholders in path and query.
        status: expected status.
        json: top-level field or JSON pointer → expected value; strings may hold placeholders.
        headers: header → reference to its value.
        resolve: reads such a reference; may raise any PortError.
        instances: how many there are.
        instance_json: field or pointer by which an answer names its instance; or
        instance_header: the header that does.
        proves: `holds-key`, `key-used` or `up`; empty: `holds-key` if the expectation names the new fingerprint, else `up`.
        timeout: seconds for one answer; a check of several takes at most (2 + instances) times that.
        look_up: name service, as in `HttpEdge`.

    Raises:
        ValueError: a URL, header, placeholder, pointer or `proves` that cannot be.
    """

    read_only = True

    def __init__(
        self,
        *,
        url: str,
        resolve: Callable[[str], Secret],
        status: int = 200,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        instances: int = 1,
        instance_json: str = "",
        instance_header: str = "",
        proves: str = "",
        timeout: float = 10.0,
        look_up: Callable[[ParsedUrl, float], tuple[str, ...]] = http_resolver.look_up,
    ) -> None:
        texts = [url, *(value for value in (json or {}).values() if isinstance(value, str))]
        for text in texts:
            placeholders.check_placeholders(text)
        for where in json or {}:
            expectation.check_field(where)
        check_headers(tuple(headers or ()))
        self._place = urls.parse(placeholders.fill(url, fingerprint="", key_id=""))
        self.proves = expectation.declared(proves, texts)
        self._edge = HttpEdge((self._place.host,), resolve, look_up=look_up)
        self._url, self._headers, self._timeout = url, dict(headers or {}), timeout
        self._status, self._json = status, dict(json or {})
        self._wanted, self._named_by = max(1, instances), _instance_field(instance_json, instance_header)
        self._lacks_at = lacking.field_of(self._json)

    def check(self, expected: Expected) -> Check:
        """Look once, at every instance."""
        seen: set[str] = set()
        lacks: dict[str, float] | None = None
        try:
            for name, answer in self._good_answers(expected):
                seen.add(name)
                lacks = lacking.merged(lacks, lacking.told(answer.body, self._lacks_at))
        except _Unwell as error:
            return self._saw(False, error.what, len(seen), lacking.merged(lacks, error.lacks))
        except (Missing, Rejected) as error:
            # refused, or an answer that must not be taken: not as expected; not asked at all: not known
            return self._saw(None if isinstance(error, NotAsked) else False, error.what, len(seen), lacks)
        except PortError as error:
            return self._saw(None, error.what, len(seen), lacks)
        if len(seen) < self._wanted:
            said = f"only {len(seen)} of {self._wanted} instances answered: {', '.join(sorted(seen))}"
            return self._saw(False, said, len(seen), lacks)
        who = f"{len(seen)} of {self._wanted} instances " if self._wanted > 1 else ""
        return self._saw(True, f"{who}{self._said_of_a_pass()}", len(seen), lacks)

    def _said_of_a_pass(self) -> str:
        return f"answered {self._status}{' as expected' if self._json else ''}"

    def _good_answers(self, expected: Expected) -> Iterator[tuple[str, HttpResponse]]:
        """Instances that answered as expected, each by its name and with its answer, until there are enough.

        Raises:
            Rejected: an answer was not as expected.
            PortError: what `HttpEdge.call` raises; Unknown: the time for the whole check was over.
        """
        url = expectation.filled(self._url, expected)
        deadline = time.monotonic() + self._timeout * (2 + self._wanted)
        first = self._ask(url, "", expected)
        yield self._name(first, 0), first
        seen = {self._name(first, 0)}
        others = self._other_addresses(url, first.address)
        rounds = cycle([*others, first.address])
        for number, address in enumerate(islice(rounds, self._patience(len(others))), start=1):
            if number > len(others) and len(seen) >= self._wanted:
                return
            if time.monotonic() > deadline:
                raise Unknown(f"{len(seen)} of {self._wanted} instances answered before the time was over")
            answer = self._ask(url, address, expected)
            name = self._name(answer, number)
            seen.add(name)
            yield name, answer

    def _patience(self, others: int) -> int:
        """How many further answers to ask for. A balancer that picks at random shows each of N in 12 N with near certainty."""
        return max(others, 12 * self._wanted if self._named_by else self._wanted - 1)

    def _ask(self, url: str, address: str, expected: Expected) -> HttpResponse:
        answer = self._edge.call("GET", url, headers=self._headers, timeout=self._timeout, address=address)
        if answer.status == 429 != self._status:
            raise Unknown(f"answered 429: it is asked too often{_at(address)}")
        wrong = expectation.differences(answer.body, self._json, expected)
        if answer.status != self._status:
            said = f"answered {answer.status}, expected {self._status}{_at(address)}"
            raise _Unwell(said, None if wrong else lacking.told(answer.body, self._lacks_at))
        if wrong:
            raise Rejected(f"{wrong}{_at(address)}")
        return answer

    def _other_addresses(self, url: str, first: str) -> list[str]:
        """The other addresses of the family that answered: the other family is another way to the same instances."""
        found = self._edge.addresses(url, timeout=self._timeout) if first else ()
        return [a for a in found if a != first and http_resolver.family(a) == http_resolver.family(first)]

    def _name(self, answer: HttpResponse, number: int) -> str:
        """The instance that answered; where answers name none, each counts as one."""
        if self._named_by is None:
            return f"answer {number + 1}"
        kind, where = self._named_by
        name = answer.headers.get(where.lower(), "") if kind == "header" else expectation.text_of(answer.body, where)
        if not name:
            raise Rejected(f"the answer does not name its instance: no {kind} `{where}`")
        return excerpt(name, 60)

    def _saw(self, passed: bool | None, said: str, good: int, lacks: dict[str, float] | None = None) -> Check:
        # a host may have more addresses than instances were asked for; the one that failed counts, too
        wanted = max(self._wanted, good if passed else good + 1)
        return Check(passed, self.proves, excerpt(f"{self._place}: {said}"), (good, wanted), lacks)


class _Unwell(Rejected):
    """An answer of another status; `lacks`: what one that holds the expected key tells of rights that the key lacks."""

    def __init__(self, what: str, lacks: dict[str, float] | None) -> None:
        super().__init__(what)
        self.lacks = lacks


def _instance_field(json: str, header: str) -> tuple[str, str] | None:
    if json and header:
        raise ValueError("an instance is named by a JSON field or by a header, not by both")
    if json:
        expectation.check_field(json)
        return "json", json
    return ("header", header) if header else None


def _at(address: str) -> str:
    return f" (at {address})" if address else ""
