"""What the engine asks of the outside world. The docstring is the contract; `tests/contract/` holds each to it.

Rules for every adapter:

* Only `PortError` leaves (and `Waiting` from a guided adapter). Never a vendor's exception or its text.
* A time-out, 429, 5xx or torn answer is `Unknown`. The caller looks again; the adapter never guesses.
* Every write is idempotent and guarded by an expected version; doing it twice equals doing it once.
* Nothing that is returned may hold a secret, except where the type says `Secret`.
* All calls are bounded in time (`timeout` of the adapter) and safe to make from several threads.
"""

from ir.ports.comparison import Comparison, Holder
from ir.ports.deliveries import Deliveries, Sent
from ir.ports.issuer import Containment, Issuer, Minted, MintOrder, Rotation, Target
from ir.ports.listing import Listed, Lister, Listing
from ir.ports.people import Clock, Irreversible, Notifier, Operator
from ir.ports.review import KeyUse, LeftBehind, LoggedCalls, RefusedCall, Reviewed, Reviewer, ReviewRequest
from ir.ports.service import Check, Expected, Reloader, Verifier
from ir.ports.store import STAGED, Held, Left, Pending, Permission, Store

__all__ = [
    "STAGED",
    "Check",
    "Clock",
    "Comparison",
    "Containment",
    "Deliveries",
    "Expected",
    "Held",
    "Holder",
    "Irreversible",
    "Issuer",
    "KeyUse",
    "Left",
    "LeftBehind",
    "Listed",
    "Lister",
    "Listing",
    "LoggedCalls",
    "MintOrder",
    "Minted",
    "Notifier",
    "Operator",
    "Pending",
    "Permission",
    "RefusedCall",
    "Reloader",
    "ReviewRequest",
    "Reviewed",
    "Reviewer",
    "Rotation",
    "Sent",
    "Store",
    "Target",
    "Verifier",
]
