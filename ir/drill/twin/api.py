"""From a request to a reply: authentication, limits, idempotency, work, fate, record."""

import threading
from dataclasses import dataclass, field, replace
from email.utils import formatdate

import orjson

from ir.core.model import Json
from ir.drill.twin import api_keys, authentication, error_answers, v1, v2
from ir.drill.twin.call import Call
from ir.drill.twin.call_log import Use, Uses
from ir.drill.twin.error_answers import ApiError
from ir.drill.twin.faults import Decide, Fate, What
from ir.drill.twin.http_server import Reply, response
from ir.drill.twin.idempotency import Replays
from ir.drill.twin.limits import RateLimiter
from ir.drill.twin.message import Answer, Request
from ir.drill.twin.world import API_VERSION, World

_JSON = "application/json"
_HTML = b"<html><body>Bad gateway</body></html>"


@dataclass
class Api:
    """All endpoints over one world.

    Attributes:
        decides: asked in order, the first fate wins.
        lock: held while a request is worked on and while a test changes the world.
    """

    world: World
    uses: Uses
    decides: list[Decide] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._replays = Replays()
        limits = self.world.settings.limits
        self._limiter = RateLimiter(limits) if limits else None

    def handle(self, request: Request) -> Reply:
        """See `http_server.Handler`."""
        with self.lock:
            fate = next((found for decide in self.decides if (found := decide(request))), None)
            request_id = f"req_{self.world.text(14)}"
            if fate is None:
                answer = self._answer(request, request_id)
                self._record(request, request_id, answer.status, "")
                return Reply(self._payload(answer, request_id, request))
            return self._doomed(request, request_id, fate)

    def _doomed(self, request: Request, request_id: str, fate: Fate) -> Reply:
        answer = Answer(0, {})
        if fate.acted:
            answer = self._answer(request, request_id)
        if fate.what is What.TWICE:
            # As if the key had been forgotten between the two.
            headers = {name: value for name, value in request.headers.items() if name != "idempotency-key"}
            answer = self._answer(replace(request, headers=headers), request_id)
        if fate.what in (What.TOO_MANY, What.BROKEN):
            refused = fate.what is What.TOO_MANY
            answer = _refusal(error_answers.too_many(fate.reason) if refused else error_answers.broken(fate.should_retry))
        self._record(request, request_id, answer.status, fate.what)
        return self._spoiled(fate, answer, request_id, request)

    def _spoiled(self, fate: Fate, answer: Answer, request_id: str, request: Request) -> Reply:
        if fate.what is What.REFUSED:
            return Reply(b"", close=True, reset=True)
        if fate.what is What.HANG:
            return Reply(None)
        if fate.what is What.LOST:
            return Reply(b"", close=True)
        if fate.what is What.WRONG_TYPE:
            return Reply(response(200, {"Content-Type": "text/html", "Request-Id": request_id, **self._date()}, _HTML))
        whole = self._payload(answer, request_id, request)
        if fate.what is What.TORN:
            start = whole.index(b"\r\n\r\n") + 4
            return Reply(whole[: start + (len(whole) - start) // 2], close=True)
        return Reply(whole, delay=fate.seconds)

    def _payload(self, answer: Answer, request_id: str, request: Request) -> bytes:
        version = request.headers.get("stripe-version", API_VERSION)
        headers = {"Content-Type": _JSON, "Request-Id": request_id, "Stripe-Version": version} | self._date() | answer.headers
        return response(answer.status, headers, orjson.dumps(answer.body))

    def _date(self) -> dict[str, str]:
        """By the world's clock, as `last_used` and `created` are."""
        return {"Date": formatdate(self.world.now(), usegmt=True)}

    def _answer(self, request: Request, request_id: str) -> Answer:
        try:
            return self._work(request, request_id)
        except ApiError as refusal:
            return _refusal(refusal)

    def _work(self, request: Request, request_id: str) -> Answer:
        caller = authentication.authenticate(self.world, request)
        mode, now = caller.key.mode, self.world.now()
        v1_path = request.path.startswith("/v1/")
        if self._limiter:
            where = v1.endpoint(request.path) if v1_path else v2.endpoint(request.path)
            self._limiter.admit(caller.account, mode, f"{request.method} {where}", now)
        call = Call(self.world, self.world.book(caller.account, mode), caller, request, request.params(), request_id)
        if not v1_path and not request.path.startswith("/v2/"):
            raise error_answers.unknown_url(request.method, request.path)
        run = v1.answer if v1_path else v2.answer
        scope = f"{caller.account} {mode}"
        return self._replays.once(request, scope, now, request_id, lambda: Answer(200, run(call)), self._refresh)

    def _refresh(self, body: Json) -> Json:
        return api_keys.replayed(self.world, body)

    def _record(self, request: Request, request_id: str, status: int, fate: str) -> None:
        key = self.world.keys.by_token(request.credential())
        get = request.headers.get
        self.uses.add(
            Use(
                at=self.world.now(),
                key_id=key.id if key else "",
                account=key.account if key else "",
                method=request.method,
                path=request.path,
                status=status,
                request_id=request_id,
                user_agent=get("user-agent", ""),
                ip=request.ip,
                idempotency_key=get("idempotency-key", ""),
                fate=fate,
            )
        )


def _refusal(refusal: ApiError) -> Answer:
    return Answer(refusal.status, {"error": refusal.error}, refusal.headers)
