"""The facts of an incident: what its actions have established, in the form of its record.

Recorded as JSON and merged in order (`incident.folding.merge`); free of secrets. Times are epoch seconds, by our clock where nothing else
is said; `fingerprint` is that of a key, `REF` a store's reference as text. A fact is absent until an action has established it, and every
reader has to say what that means: absent is *not looked at*, never *no*.
"""

from typing import Any, TypedDict

Row = dict[str, Any]
"""A row of evidence whose shape its reader knows: a finding, a line of a table."""


class Old(TypedDict, total=False):
    """The leaked key. `probed_at`, `last_used`, `deadline`: by the provider's clock, 0 = it does not tell, or none.

    `row_read`: the provider's row of it was read, so that no permissions and no age mean what they say.
    """

    fingerprint: str
    id: str
    kind: str
    mode: str
    account: str
    liveness: str
    seen_alive: bool
    found_in_store: bool
    probed_at: float
    last_used: float
    permissions: list[str]
    created: float
    row_read: bool
    deadline: float
    custody: str


class New(TypedDict, total=False):
    """The replacement. `n`: the number of the try that made it; `rotated`: a rotation at the provider made it; `alone`: no key like it.

    `permissions`: what it was asked for with, where the provider mints; `expires`: when it dies by itself, as was asked for.
    """

    fingerprint: str
    id: str
    kind: str
    mode: str
    custody: str
    n: int
    created: float
    pasted: float
    because: str
    permissions: list[str]
    expires: float
    rotated: bool
    alone: bool
    made_by: str
    liveness: str
    probed_at: float


class Mint(TypedDict, total=False):
    """The order for a replacement. `spoilt`: number of a try → why its key is not taken; `again`: another try is needed."""

    n: int
    name: str
    idempotency_key: str
    spoilt: dict[str, str]
    again: bool


class Version(TypedDict, total=False):
    """One version of a store's object. `version` is the store's own word for it."""

    version: str
    fingerprint: str


class Stage(TypedDict, total=False):
    """A replacement that another incident staged in a store and left there."""

    owner: str
    since: float
    version: str
    incident: str


class StoreFacts(TypedDict, total=False):
    """One store. `left_out`, `later`: why nothing is done there; `leftover`: the incident that left a stage and is over.

    write_only: no look tells its value; `settled`, `unsettled`, `by_hand` are then what its marks came to (`actions.unread`).
    `owners`: programs that write it by themselves, in words (`core.ownership`); `filled_from`: the stores that one takes it from.
    `holds`: fingerprint that it was seen to hold when the incident was given up.
    """

    guided: bool
    permission: str
    permission_proven: bool
    accepted: str
    before: Version
    staged: str
    after: Version
    siblings: list[str]
    pending: Stage
    holds: str
    leftover: str
    unknown: list[str]
    left_out: bool
    later: str
    rehearsed: bool
    write_only: bool
    settled: str
    unsettled: str
    by_hand: bool
    owners: list[str]
    filled_from: list[str]


class AcceptedFacts(TypedDict, total=False):
    """Exceptions of one service that a person accepted: the reasons, "" = none."""

    unverified: str
    unhealthy: str


class Pair(TypedDict, total=False):
    """The two keys of an earlier incident of the same key, by fingerprint."""

    old: str
    new: str


class ServiceFacts(TypedDict, total=False):
    """One service. `before`, `after`: fingerprints that it was seen to hold; `proves`: how that was seen.

    `lacked`: permissions that Stripe refused it for want of while it was on the old key; it does not use those.
    """

    wave: str
    owner: str
    store: str
    before: str
    after: str
    holds: str
    proves: str
    moved_at: float
    healthy_before: bool
    accepted: AcceptedFacts
    tries: int
    lacked: list[str]


class Right(TypedDict, total=False):
    """A permission that was added to the replacement, or that a person said yes to. `told_by`: services that were refused without it.

    `at`: from when on it holds; `how`: by API, or in the Dashboard; `by`: who said yes, "" = who clicked is not known.
    """

    by: str
    at: float
    how: str
    told_by: list[str]


class Rights(TypedDict, total=False):
    """Permissions that the replacement lacked. `lacking`: rows `{name, told_by}` of what is lacking now, a name "" = it is not told.

    `agreed`, `granted`: by name; what is agreed to is added next. `silent`: services that tell nothing of refused calls.
    """

    lacking: list[Row]
    agreed: dict[str, Right]
    granted: dict[str, Right]
    silent: list[str]


class ContainmentFacts(TypedDict, total=False):
    """How the leaked key was made useless. `before`: what was changed at the key, as it was; `undone`: it was put back."""

    how: str
    said: str
    before: list[str]
    unseen: bool
    undone: bool


class Attestation(TypedDict, total=False):
    """A person's word in place of a look."""

    by: str
    reason: str
    at: float


class RotationFacts(TypedDict, total=False):
    """A containment by rotating at the provider. `value`: taken | open | lost, of the key that it makes."""

    told_at: float
    value: str
    attested: Attestation
    rehearsed: bool


class HolderFacts(TypedDict, total=False):
    """Who else holds the leaked value, outside of the plan. `key`: the inventory's name of the key that it is listed for."""

    name: str
    kind: str
    about: str
    key: str


class Unread(TypedDict, total=False):
    """What could not be compared, and why."""

    name: str
    why: str


class Elsewhere(TypedDict, total=False):
    """The look for the leaked value outside of the plan."""

    holders: list[HolderFacts]
    unread: list[Unread]


class UsersFacts(TypedDict, total=False):
    """Who was seen to use the old key, in words."""

    ours: list[str]
    strangers: list[str]


class Quiet(TypedDict, total=False):
    """The wait for the last use of the old key. `used_at`: by the provider's clock."""

    checked: bool
    used_at: float
    users: UsersFacts
    attested: Attestation


Proof = TypedDict("Proof", {"polls": int, "from": float, "to": float, "code": str, "control": str}, total=False)
"""Of the death: number of refusals, from when to when, Stripe's code, and the key that answered on the same path meanwhile."""


class Review(TypedDict, total=False):
    """What a review found (`report.schema`); its rows are the review's own."""

    verdict: str
    verdicts: dict[str, str]
    reasons: dict[str, list[str]]
    score: float
    score_parts: Row
    complete: bool
    exposed: bool
    proposed_at: float
    proposed: list[Row]
    regular: list[Row]
    began: float
    affected: str
    findings: list[Row]
    coverage: list[Row]
    blast_radius: Row
    leftovers: list[Row]
    timeline: list[Row]
    hours: list[Row]
    request_ids: list[str]
    sdks: list[Row]


class Money(TypedDict, total=False):
    """Payouts and transfers on their way when the key was contained."""

    checked: bool
    moving: list[Row]


class Sweep(TypedDict, total=False):
    """The look for what an attacker left behind."""

    checked: bool
    looked: list[str]
    leftovers: list[Row]


class WatchFacts(TypedDict, total=False):
    """The watch after the kill. `failing`: names of services."""

    until: float
    failing: list[str]


class Emergency(TypedDict, total=False):
    """Who ended the grace of a scheduled rotation, and why."""

    by: str
    at: float
    reason: str


class Grace(TypedDict, total=False):
    """The wait before a scheduled kill. `last_used`: of the old key when it began, by the provider's clock."""

    last_used: float


class DeliveryFacts(TypedDict, total=False):
    """The delivery that proves a signing secret. `floor`: deliveries older than it prove nothing, by Stripe's clock."""

    at: float
    event: str
    floor: int
    how: str
    refused: int


class Undelivered(TypedDict, total=False):
    """Events that no endpoint has accepted. `left`: their ids."""

    seen: int
    left: list[str]


class Forged(TypedDict, total=False):
    """The look for events that a service processed and Stripe never made."""

    looked: bool
    why: str
    since: float
    window: str
    processed: int
    count: int
    ids: list[str]


class Removal(TypedDict, total=False):
    """An old endpoint that is deleted later."""

    id: str
    at: float


class Approval(TypedDict, total=False):
    """What the approvals of one step came to."""

    granted: bool
    needs: int
    people: list[Row]
    not_counted: list[Row]
    broken_glass: Row
    said: str


class AdoptedStore(TypedDict, total=False):
    """What a store still told of an incident whose record is lost."""

    roles: list[str]
    holds: str
    trouble: str


class Signed(TypedDict, total=False):
    """The farthest checkpoint that was signed of a record that is lost."""

    size: int
    head_hash: str
    ts: float


class Adopted(TypedDict, total=False):
    """What the world still told of an incident whose record is lost."""

    at: float
    owner: str
    since: float
    stores: dict[str, AdoptedStore]
    keys: dict[str, str]
    dead: list[str]
    signed_before: Signed


class KeptAlive(TypedDict, total=False):
    """A living key that a person keeps."""

    why: str
    reason: str
    by: str


class DebtRow(TypedDict, total=False):
    """A debt as it is recorded (`model.Debt`)."""

    kind: str
    about: str
    why: str
    todo: str


class Closed(TypedDict, total=False):
    """What a person's word ended, and what it could not."""

    accepted: dict[str, KeptAlive]
    attested: list[DebtRow]
    needs_custody: bool


class ClockSkew(TypedDict, total=False):
    """Seconds by which our clock was ahead of the provider's when the replacement was checked."""

    ahead: float


class Past(TypedDict, total=False):
    """What earlier incidents of the key saw, when this one began (`incident.earlier`). left: incident → fingerprint."""

    dead: dict[str, str]
    left: dict[str, str]


class Facts(TypedDict, total=False):
    """All facts of one incident.

    stores, services: by reference, by name. seen: fingerprint → what was looked at of keys that a person gave. strays: id → what became of
    it. pending: strangers' stages that the operator was shown; cleared: REF → reason. accepted: option → name → reason. took_over:
    incident → its debts; earlier: incident → its keys; past: what all earlier ones saw. elsewhere: outside of the plan. warnings: what
    preflight left for later.
    """

    exposed_at: float
    opened_at: float
    minted_at: float
    promoted_at: float
    verified_at: float
    contained_at: float
    retire_asked_at: float
    retire_told_at: float
    dead_at: float
    removed_at: float
    rolled_back_at: float
    wake_at: float
    classified_at: float
    classified_by: str
    classified_because: str
    personal_data_breach: bool
    dead_on_arrival: bool
    forward_only: str
    old: Old
    new: New
    mint: Mint
    clock: ClockSkew
    rotation: RotationFacts
    stores: dict[str, StoreFacts]
    services: dict[str, ServiceFacts]
    elsewhere: Elsewhere
    containment: ContainmentFacts
    review: Review
    triage: Review
    evidence: dict[str, Row]
    proof: Proof
    emergency: Emergency
    grace: Grace
    quiet: Quiet
    money: Money
    sweep: Sweep
    watch: WatchFacts
    delivery: DeliveryFacts
    undelivered: Undelivered
    forged: Forged
    removal: Removal
    rights: Rights
    approvals: dict[str, Approval]
    pending: dict[str, Stage]
    cleared: dict[str, str]
    accepted: dict[str, dict[str, str]]
    seen: dict[str, Row]
    strays: dict[str, str]
    past: Past
    took_over: dict[str, list[DebtRow]]
    earlier: dict[str, Pair]
    closed: Closed
    adopted: Adopted
    warnings: list[str]


def of_role(facts: Facts, role: str) -> Old | New:
    """The facts of the leaked key (`old`) or of the replacement (`new`), {} where none are known."""
    return facts.get("old", {}) if role == "old" else facts.get("new", {})
