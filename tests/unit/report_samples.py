"""Incidents as the actions write them, built entry by entry, for the tests of report and bundle.

One small builder, eight stories. Fingerprints are computed from keys that are made at run time and forgotten.
"""

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

from ir.core.model import Debt, Did, Item, Json, Outcome, Policy
from ir.core.secret import fingerprint
from ir.evidence.hash_chain import chained
from ir.incident.folding import fold
from ir.incident.record import Incident

START = datetime(2026, 11, 23, 2, 41, 7, tzinfo=UTC)
OLD, NEW = (fingerprint("sk_" + "test_" + secrets.token_hex(24)) for _ in range(2))
AWS = "aws-sm://eu-west-1/prod/payments#api_key"
VAULT = "vault://secret/payments#api_key"
MANUAL = "manual://vercel-production"
STORES = (AWS, VAULT, MANUAL)
SERVICES = {
    "checkout": ("canary", "payments-oncall", AWS),
    "billing-worker": ("main", "payments-oncall", VAULT),
    "subscriptions": ("main", "growth", AWS),
    "storefront": ("edge", "web-platform", MANUAL),
}
_EXPOSED = ("preflight", "triage", "custody", "mint", "check", "stage", "canary.canary", "waves.main", "waves.edge", "verify", "quiet")
_END = ("retire", "prove", "sweep", "watch", "report")
_ACTIONS = {"triage": "review", "canary.canary": "wave", "waves.main": "wave", "waves.edge": "wave"}
_WRITES = ("custody", "mint", "stage", "wave", "contain")


@dataclass
class Builder:
    """Writes the entries of one incident; time moves with `later`."""

    policy: Policy = Policy.EXPOSED
    options: Json = field(default_factory=dict)
    exposed_minutes_before: float | None = 95.0
    steps: tuple[str, ...] = (*_EXPOSED, *_END)
    at: datetime = START
    entries: list[Json] = field(default_factory=list)
    id: str = "INC-20261123-7f3a"
    actor: str = "mara@oncall-laptop"

    def __post_init__(self) -> None:
        options: Json = {
            "dry_run": False,
            "reason": "key found in a public repository",
            "leaked_via": "repo",
            "drill": False,
            **self.options,
        }
        facts: Json = {"opened_at": self.at.timestamp()}
        if self.exposed_minutes_before is not None:
            facts["exposed_at"] = (self.at - timedelta(minutes=self.exposed_minutes_before)).timestamp()
        plan: Json = {"playbook": f"stripe-{self.policy.value}", "policy": self.policy.value, "key": "payments", "notes": []}
        rows = [
            {"id": s, "action": _ACTIONS.get(s, s), "danger": _danger(s), "params": _params(s), "approval": s == "retire"}
            for s in self.steps
        ]
        self.write("opened", body={"plan": {**plan, "steps": rows}, "options": options, "facts": facts, "version": "1.0.0"})

    def later(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    @property
    def now(self) -> float:
        return self.at.timestamp()

    def write(self, kind: str, *, body: Json, step: str = "", actor: str = "") -> None:
        last = self.entries[-1] if self.entries else None
        at = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.entries.append(chained(last, at=at, incident=self.id, kind=kind, step=step, actor=actor or self.actor, body=body))

    def step(self, id_: str, outcome: Outcome, *, took: float = 1.0, attempt: int = 1) -> None:
        started = self.at.isoformat()
        self.later(took)
        body = {"action": _ACTIONS.get(id_, id_), "attempt": attempt, "started": started, "outcome": outcome.to_json()}
        self.write("step", step=id_, body=body)

    def end(self, status: str, code: int, said: str) -> None:
        self.later(0.4)
        self.write(
            "ended",
            body={"status": status, "exit_code": code, "said": said, "debts": [asdict(debt) for debt in self.incident.debts.values()]},
        )

    @property
    def incident(self) -> Incident:
        return fold(self.entries)


def _danger(step: str) -> str:
    if step == "retire":
        return "irreversible"
    return "reversible" if _ACTIONS.get(step, step) in _WRITES else "read"


def _params(step: str) -> Json:
    return {"budget": 60.0} if step == "triage" else {"budget": 0.0} if step == "review" else {}


# ── steps, as the actions write them ──


def preflight(b: Builder, *, liveness: str = "alive") -> None:
    stores: Json = {ref: {"guided": False, "permission": "capabilities allow it", "permission_proven": True} for ref in (AWS, VAULT)}
    stores[AWS] |= {
        "siblings": ["webhook_secret", "statement_descriptor"],
        "before": {"version": "3f2a9c1e-77aa-4d0c-9d7c-5a1f0e2b6c11", "fingerprint": OLD},
    }
    stores[VAULT] |= {"siblings": [], "before": {"version": "17", "fingerprint": OLD}}
    stores[MANUAL] = {"guided": True}
    services: Json = {
        name: {
            "wave": wave,
            "owner": owner,
            "store": store,
            "before": OLD,
            "healthy_before": True,
            "accepted": {"unverified": "", "unhealthy": ""},
        }
        for name, (wave, owner, store) in SERVICES.items()
    }
    dead = liveness in ("expired", "invalid")
    old: Json = {
        "fingerprint": OLD,
        "id": "mk_1SZleaked",
        "kind": "restricted",
        "mode": "live",
        "account": "acct_1AbCdEfGhIjK",
        "liveness": liveness,
    }
    old |= {
        "seen_alive": not dead,
        "found_in_store": True,
        "last_used": b.now - 40,
        "permissions": ["payment_intent_write", "charge_read"],
        "deadline": 0.0,
    }
    items = tuple(Item(name, Did.DONE, "answers with the expected fingerprint", {"proves": "holds-key"}) for name in SERVICES)
    said = (
        "the key is dead already: the services are brought back on a replacement"
        if dead
        else "the key answers, 3 stores, 4 services looked at"
    )
    b.step(
        "preflight", Outcome(Did.DONE, said, {"stores": stores, "services": services, "old": old, "dead_on_arrival": dead}, items), took=2.1
    )


def triage(b: Builder, *, id_: str = "triage", misuse: bool = False, hours: bool = False) -> None:
    told = _reviewed(b, misuse=misuse)
    if hours:
        told["hours"] = [
            {"at": b.now - (48 - h) * 3600, "requests": 40 + (h * 37) % 29 + (900 if h in (45, 46) else 0), "usual": 52} for h in range(48)
        ]
    verdicts = told["verdicts"]
    said = f"misuse of writes: {verdicts['writes']}, of reads: {verdicts['reads']}; {len(told['findings'])} findings"
    debts = tuple(Debt("leftover", row["id"], f"{row['kind']}: {row['why']}", row["undo"]) for row in told["leftovers"])
    b.step(id_, Outcome(Did.DONE, said, {id_: told, "review": told}, debts=debts), took=38.0)


def _reviewed(b: Builder, *, misuse: bool) -> Json:
    start = b.now - 30 * 86400
    blind = "requests that no event shows: all reads"
    coverage = [
        {"source": "Stripe events", "from": start, "to": b.now, "rows": 48213, "gaps": [], "blind_to": "reads leave no event"},
        {"source": "own egress logs", "from": start, "to": b.now, "rows": 1204551, "gaps": [[b.now - 7200, b.now - 5400]], "blind_to": ""},
        {"source": "request log export", "from": None, "to": None, "rows": 0, "gaps": [], "blind_to": blind},
    ]
    if not misuse:
        verdicts = {"writes": "none seen within coverage", "reads": "cannot tell", "account": "none seen within coverage"}
        return {
            "verdict": "cannot tell",
            "verdicts": verdicts,
            "score": 0.1,
            "findings": [],
            "coverage": coverage,
            "blast_radius": {},
            "leftovers": [],
            "timeline": [],
        }
    verdicts = {"writes": "confirmed", "reads": "cannot tell", "account": "suspected"}
    findings = [
        _finding(
            b,
            "S-01",
            "critical",
            "Ghost refunds to a card never charged here",
            9,
            [{"currency": "eur", "amount": 184250}, {"currency": "jpy", "amount": 90000}],
        ),
        _finding(b, "S-04", "high", "Payout destination changed outside office hours", 1, []),
        _finding(b, "S-09", "medium", "New API client (python-requests/2.32) on a Node-only account", 61, []),
    ]
    blast: Json = {"customers_written": 9, "customers_read_at_most": None, "read_requests": None, "requests": 71}
    blast["objects"] = {"refund": {"created": 9}, "bank_account": {"changed": 1}}
    blast["money"] = [
        {"what": "refund", "currency": "eur", "amount": 184250, "count": 7, "shown": "1,842.50 EUR", "reversible": "only while pending"},
        {"what": "refund", "currency": "jpy", "amount": 90000, "count": 2, "shown": "90,000 JPY", "reversible": "only while pending"},
    ]
    blast |= {"card_fingerprints": 1, "connected_accounts": 0}
    left = {
        "kind": "webhook endpoint",
        "id": "we_1SZevil",
        "created": b.now - 2600,
        "severity": "high",
        "why": "created after the exposure",
    }
    left["undo"] = "disable it: Workbench → Webhooks → we_1SZevil"
    told = {"verdict": "confirmed", "verdicts": verdicts, "score": 0.94, "findings": findings, "coverage": coverage}
    return {**told, "blast_radius": blast, "leftovers": [left], "timeline": []}


def _finding(b: Builder, rule: str, severity: str, title: str, count: int, money: list[Json]) -> Json:
    seen = {"first_seen": int(b.now - 3100), "last_seen": int(b.now - 900), "count": count}
    evidence = [f"evt_1SZ{rule.replace('-', '')}{n:04d}" for n in range(count)]
    why = "nine requests whose ids our own egress logs never saw, within 6 minutes"
    told: Json = {"rule": rule, "severity": severity, "title": title, "why": why, "usual": "2 refunds a day (median of 720 baseline hours)"}
    return {**told, **seen, "evidence": evidence, "money": money, "next_action": "cancel what is pending, then list the affected customers"}


def mint(b: Builder) -> None:
    b.step("custody", Outcome(Did.DONE, "the old key is backed up", {"old": {"custody": f"{AWS}@ir-{b.id}"}}), took=0.6)
    new = {"n": 1, "id": "mk_1SZfresh", "fingerprint": NEW, "kind": "restricted", "created": b.now, "custody": f"{AWS}@ir-{b.id}-new-1"}
    b.step("mint", Outcome(Did.DONE, "a replacement was minted and kept", {"new": new, "minted_at": b.now + 1.8}), took=1.8)
    facts = {"new": {"liveness": "alive", "probed_at": b.now, "mode": "live"}}
    b.step("check", Outcome(Did.DONE, "the replacement answers (alive), same account, same mode", facts), took=0.3)
    staged = {AWS: {"staged": "9d1c77aa-0b1e-4e55-8a53-0d7b7fd1c9aa"}, VAULT: {"staged": "1"}}
    items = (Item(AWS, Did.DONE, "staged"), Item(VAULT, Did.DONE, "staged"), Item(MANUAL, Did.SKIPPED, "a human sets it at its turn"))
    b.step("stage", Outcome(Did.DONE, "the replacement is staged in 2 stores", {"stores": staged}, items), took=0.9)


def wave(b: Builder, id_: str, names: list[str], *, failed: str = "") -> None:
    versions = {AWS: "9d1c77aa-0b1e-4e55-8a53-0d7b7fd1c9aa", VAULT: "18", MANUAL: ""}
    refs = {SERVICES[name][2] for name in names}
    stores = {ref: {"after": {"version": versions[ref], "fingerprint": NEW}} for ref in refs}
    b.later(11.0)
    services: Json = {}
    items = [Item(ref, Did.DONE, "promoted and read back", stores[ref]) for ref in sorted(refs)]
    for name in names:
        moved = name != failed
        services[name] = {"after": NEW if moved else "", "proves": "holds-key" if moved else "", "moved_at": b.now if moved else 0.0}
        said = "3 of 3 instances answer with the new fingerprint" if moved else "1 of 3 instances still answers with the old fingerprint"
        items.append(Item(name, Did.DONE if moved else Did.FAILED, said, {"proves": "holds-key", "instances": [3 if moved else 1, 3]}))
    facts = {"stores": stores, "services": services, "promoted_at": b.now}
    if failed:
        debt = Debt(
            "service-behind",
            failed,
            f"{failed}: 1 of 3 instances still answers with the old fingerprint",
            f"fix {failed}, then: ir resume {b.id}",
        )
        b.step(
            id_,
            Outcome(Did.FAILED, f"1 of {len(names)} services do not hold the replacement: {failed}", facts, tuple(items), (debt,)),
            took=61.0,
        )
        return
    b.step(id_, Outcome(Did.DONE, f"{len(names)} services hold the replacement", facts, tuple(items), paid=tuple(names)), took=3.2)


def waves(b: Builder) -> None:
    wave(b, "canary.canary", ["checkout"])
    wave(b, "waves.main", ["billing-worker", "subscriptions"])
    wave(b, "waves.edge", ["storefront"])


def verify(b: Builder) -> None:
    items = tuple(
        Item(name, Did.DONE, "3 of 3 instances answer with the new fingerprint", {"proves": "holds-key", "instances": [3, 3]})
        for name in SERVICES
    )
    b.step("verify", Outcome(Did.DONE, "4 services hold the replacement", {"verified_at": b.now}, items), took=0.8)


def kill(b: Builder, *, proven: bool = True) -> None:
    b.later(24)
    b.write(
        "signal",
        body={"kind": "approve", "id": 1, "step": "retire", "plan": "5d3f" * 16, "until": "2026-11-23T03:41:07Z"},
        actor="jonas@oncall-laptop",
    )
    items = tuple(
        Item(name, Did.DONE, "3 of 3 instances answer with the new fingerprint", {"proves": "holds-key", "instances": [3, 3]})
        for name in SERVICES
    )
    b.step("retire", Outcome(Did.DONE, "asked Stripe to expire mk_1SZleaked", {"retire_asked_at": b.now + 0.7}, items), took=0.9)
    if not proven:
        debt = Debt("key-unproven", OLD, "after 600 polls it still answers alive (control key: alive)", f"ir resume {b.id} looks again")
        b.step(
            "prove",
            Outcome(Did.FAILED, "not proven dead: after 600 polls it still answers alive", debts=(debt,), todo=debt.todo),
            took=615.0,
        )
        return
    first = b.now + 47
    proof = {"polls": 63, "from": first, "to": first + 15.2, "code": "expired", "control": NEW}
    facts = {"proof": proof, "dead_at": first, "old": {"liveness": "expired"}}
    b.step(
        "prove",
        Outcome(Did.DONE, "proven dead: expired on every poll for 15 s while a control key answered", facts, paid=(OLD,)),
        took=62.3,
    )


def finish(b: Builder, *, leftovers: bool = False) -> None:
    facts: Json = {"sweep": {"checked": True, "leftovers": []}}
    b.step(
        "sweep",
        Outcome(Did.DONE, "nothing was left behind that we can see" if not leftovers else "1 thing was left behind", facts),
        took=4.0,
    )
    b.step("watch", Outcome(Did.DONE, "4 services stayed on the replacement", {"watch": {"until": b.now + 30, "failing": []}}), took=30.0)
    b.step("report", Outcome(Did.DONE, "the report is in report.html"), took=0.2)


# ── stories ──


def overlap() -> Builder:
    b = Builder()
    preflight(b)
    triage(b, hours=True)
    mint(b)
    waves(b)
    verify(b)
    b.step(
        "quiet", Outcome(Did.SKIPPED, "not checked: no source shows who still uses the old key", {"quiet": {"checked": False}}), took=0.1
    )
    kill(b)
    finish(b)
    b.end("done", 0, "done")
    return b


def exploited() -> Builder:
    steps = ("preflight", "contain", "money", "custody", "mint", "check", "stage", "canary.canary", "waves.main", "waves.edge", "verify")
    b = Builder(Policy.EXPLOITED, steps=(*steps, *_END[:-1], "review", "report"), exposed_minutes_before=61.0)
    preflight(b)
    contained = {
        "how": "narrowed",
        "said": "all permissions but one harmless read were taken away",
        "before": ["payment_intent_write", "charge_read"],
    }
    b.step(
        "contain",
        Outcome(
            Did.DONE,
            "contained; a probe is now refused (narrow)",
            {"containment": contained, "contained_at": b.now + 1.4, "old": {"liveness": "narrow"}},
        ),
        took=1.6,
    )
    moving = [
        {
            "id": "po_1SZlast",
            "kind": "instant payout",
            "why": "4,100.00 EUR to a bank account added 31 min ago",
            "undo": "cancel it under Balances → Payouts → po_1SZlast",
        }
    ]
    b.step("money", Outcome(Did.DONE, "1 movement of money can still be stopped", {"money": {"checked": True, "moving": moving}}), took=3.0)
    mint(b)
    waves(b)
    verify(b)
    kill(b)
    b.step("sweep", Outcome(Did.SKIPPED, "not swept: Stripe gave no answer", {"sweep": {"checked": False}}), took=9.0)
    b.step("watch", Outcome(Did.DONE, "4 services stayed on the replacement", {"watch": {"until": b.now + 30, "failing": []}}), took=30.0)
    triage(b, id_="review", misuse=True, hours=True)
    b.later(600)
    b.write(
        "signal",
        body={"kind": "classify", "id": 2, "facts": {"classified_at": b.now, "classified_by": "Dr. Aydin (DPO)"}},
        actor="aydin@legal",
    )
    b.step("report", Outcome(Did.DONE, "the report is in report.html"), took=0.2)
    b.end("debt", 5, "1 thing is still to do")
    return b


def debt() -> Builder:
    b = Builder(
        options={
            "accept_unverified": {"storefront": "hosted elsewhere, only `up` can be asked"},
            "accept_unreachable": {VAULT: "sealed since Friday, INFRA-112"},
        }
    )
    preflight(b)
    triage(b)
    mint(b)
    waves(b)
    verify(b)
    kill(b, proven=False)
    facts: Json = {"watch": {"until": b.now, "failing": ["billing-worker"]}}
    owed = Debt("service-behind", "billing-worker", "answers 500 since the kill", f"fix billing-worker, then: ir resume {b.id}")
    item = Item("billing-worker", Did.FAILED, "answers 500 since the kill", {"proves": "", "instances": [0, 0]})
    b.step("watch", Outcome(Did.FAILED, "billing-worker: answers 500 since the kill", facts, (item,), (owed,)), took=30.0)
    b.end("debt", 5, "2 things are still to do")
    return b


def rolled_back() -> Builder:
    b = Builder()
    preflight(b)
    triage(b)
    mint(b)
    wave(b, "canary.canary", ["checkout"], failed="checkout")
    owed = Debt("key-alive", OLD, "the leaked key mk_1SZleaked lives", "ir rotate stripe payments, or ir contain payments")
    items = (
        Item(AWS, Did.DONE, "the old key was put back"),
        Item("checkout", Did.DONE, "3 of 3 instances answer with the old fingerprint", {"proves": "holds-key"}),
    )
    b.step(
        "undo",
        Outcome(Did.DONE, "rolled back: stores and services are on the old key", {"rolled_back_at": b.now}, items, (owed,), ("checkout",)),
        took=8.0,
    )
    b.end("rolled back", 6, "rolled back because: 1 of 1 services do not hold the replacement")
    return b


def aborted() -> Builder:
    b = Builder()
    preflight(b)
    mint(b)
    b.later(70)
    b.write("signal", body={"kind": "abort", "id": 1, "reason": "wrong key, the leak is in the other account"}, actor="mara@oncall-laptop")
    b.later(0.4)
    owed = {
        "kind": "key-alive",
        "about": OLD,
        "why": "the leaked key mk_1SZleaked lives; on it: checkout, billing-worker",
        "todo": "ir rotate stripe payments",
    }
    body = {"status": "aborted", "exit_code": 5, "said": "given up; nothing more is done", "debts": [owed]}
    b.write("ended", body=body)
    return b


def dry_run() -> Builder:
    b = Builder(options={"dry_run": True})
    preflight(b)
    triage(b)
    b.step("custody", Outcome(Did.SKIPPED, f"would keep the old key ({OLD})"), took=0.1)
    b.step("mint", Outcome(Did.SKIPPED, f"would mint a key through Stripe's API, under the name ir-{b.id}-1"), took=0.1)
    items = (
        Item(AWS, Did.SKIPPED, "would make the replacement current"),
        Item("checkout", Did.SKIPPED, "would reload by `systemctl reload checkout`"),
    )
    b.step(
        "canary.canary",
        Outcome(Did.SKIPPED, "would promote in 1 stores and reload 1 services", {"stores": {AWS: {"rehearsed": True}}}, items),
        took=0.1,
    )
    b.step("retire", Outcome(Did.SKIPPED, "would look again, then expire the old key mk_1SZleaked: this cannot be undone"), took=0.1)
    b.end("done", 0, "done")
    return b


def waiting() -> Builder:
    b = Builder(exposed_minutes_before=None)
    preflight(b)
    triage(b)
    b.step("custody", Outcome(Did.DONE, "the old key is backed up"), took=0.6)
    todo = (
        "open https://dashboard.stripe.com/apikeys, create a restricted key named ir-INC-20261123-7f3a-1, then: ir resume INC-20261123-7f3a"
    )
    b.step("mint", Outcome(Did.WAITING, "a human has to create the replacement in the Dashboard", todo=todo), took=0.2)
    return b


def dead_on_arrival() -> Builder:
    b = Builder(options={"drill": True})
    preflight(b, liveness="expired")
    mint(b)
    waves(b)
    verify(b)
    b.step("quiet", Outcome(Did.SKIPPED, "there is no overlap in which to listen"), took=0.1)
    b.step("retire", Outcome(Did.DONE, "the old key answers as dead already", {"retire_asked_at": b.now}), took=0.3)
    proof = {"polls": 16, "from": b.now, "to": b.now + 15, "code": "expired", "control": NEW}
    b.step(
        "prove",
        Outcome(Did.DONE, "proven dead: expired on every poll for 15 s", {"proof": proof, "dead_at": b.now}, paid=(OLD,)),
        took=15.0,
    )
    finish(b)
    b.end("done", 0, "done")
    return b


STORIES: dict[str, Callable[[], Builder]] = {
    story.__name__: story for story in (overlap, exploited, debt, rolled_back, aborted, dry_run, waiting, dead_on_arrival)
}
