"""Answers by idempotency key.

v1 keeps status and body, failures of the work included, and replays them as they were. v2 keeps successes only and
answers a replay with the object as it is now, without its secret.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from ir.core.model import Json
from ir.drill.twin.error_answers import ApiError, bad_request, other_params
from ir.drill.twin.message import Answer, Request

_DAY = 86_400.0
_V1_KEEPS, _V2_KEEPS = _DAY, 30 * _DAY


@dataclass(frozen=True)
class _Kept:
    at: float
    digest: bytes
    answer: Answer
    request_id: str


class Replays:
    """Answers that were given, by scope and idempotency key."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}

    def once(
        self,
        request: Request,
        scope: str,
        now: float,
        request_id: str,
        work: Callable[[], Answer],
        refresh: Callable[[Json], Json],
    ) -> Answer:
        """Do the work, or replay what came of it.

        `scope` is account and mode: the same key elsewhere is another key. `refresh` makes, for v2, of a kept object
        what it is now.

        Raises:
            ApiError: what the work raises; 400 when the same key comes with other parameters or is too long.
        """
        name = request.headers.get("idempotency-key", "")
        if not name or request.method == "GET":
            return work()
        if len(name) > 255:
            raise bad_request("Idempotency keys must be 255 characters or less.")
        v2 = request.path.startswith("/v2/")
        digest = hashlib.sha256(b"\n".join((request.method.encode(), request.path.encode(), request.body))).digest()
        kept = self._kept.get((scope, name))
        if kept and now - kept.at <= (_V2_KEEPS if v2 else _V1_KEEPS):
            if kept.digest != digest:
                raise other_params(name)
            headers = {"Idempotent-Replayed": "true", "Original-Request": kept.request_id}
            body = refresh(kept.answer.body) if v2 else kept.answer.body
            return Answer(kept.answer.status, body, headers)
        answer = self._work(work, v1=not v2)
        self._kept[scope, name] = _Kept(now, digest, answer, request_id)
        return answer

    @staticmethod
    def _work(work: Callable[[], Answer], *, v1: bool) -> Answer:
        try:
            return work()
        except ApiError as refusal:
            # A card that was declined is a result; a parameter that was wrong is not.
            if v1 and refusal.status == 402:
                return Answer(refusal.status, {"error": refusal.error}, refusal.headers)
            raise
