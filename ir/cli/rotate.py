"""`ir rotate stripe`: the main job."""

import sys
from dataclasses import replace
from functools import partial
from typing import NoReturn

from ir import inventory
from ir.cli import adopt as adopt_command
from ir.cli import campaign_start, emergency, permissions_file, propose_policy, roll_out, same_key
from ir.cli import discard_pending as discard_command
from ir.cli.alerts import Taken, take
from ir.cli.rotate_options import LEAKED_VIA, ManyKeys, OneKey
from ir.cli.terminal import exceptions, follow, inventory_source
from ir.cli.terminal.consent_prompt import Consent
from ir.cli.terminal.operator import SOURCES, Terminal, read_key
from ir.cli.terminal.option_groups import takes_also
from ir.cli.terminal.option_values import choose_policy
from ir.cli.terminal.screen import Screen
from ir.core.errors import AlreadyRunning, ExitCode, Refused, UsageError
from ir.core.model import Did, Json, Outcome, Policy
from ir.core.secret import Secret
from ir.engine.dry_run import run_dry
from ir.incident import playbook, reversibility
from ir.incident.context import ACCEPTS, Options
from ir.incident.plan import Plan, clearing, compile_plan
from ir.inventory import consent as consents
from ir.inventory.opened import Opened
from ir.runtime import following, lifecycle, which_key, wiring, worlds
from ir.runtime.app_state import State, actor, open_state
from ir.runtime.emergency import under_way
from ir.runtime.incident_spec import Setting, opening_entry


@takes_also(OneKey, ManyKeys)
def stripe(one: OneKey, many: ManyKeys) -> None:
    """Take a leaked key to proven dead, with every service on its replacement and the report written; many keys: ir campaign start."""
    screen = Screen(as_json=one.as_json)
    operator = Terminal(screen, name=actor(), yes=one.yes, new_key_from=one.new_key_from)
    if many.chosen:  # the same as `ir campaign start`
        one.refuse_many()
        campaign_start.begin(many, operator)
    one.refuse_unchosen("say --policy exposed or --policy exploited")
    consent_for = partial(Consent, open_state, operator, yes=one.yes, pin=one.inventory_sha256)
    leaked = leaked_key(one.leaked_key_from, screen)
    taken = take(screen, one.alert, one.key, one.inventory_file, operator, leaked, consent_for) if one.alert else Taken(leaked)
    opened, leaked = taken.opened, taken.leaked
    if opened is None:
        opened, leaked = inventory_source.read_or_make(one.inventory_file, leaked, operator, name=one.key, api_base=one.api_base)
    kept, consent = open_state(), consent_for(opened)
    row = which_key.identify(consent, one.key, leaked, operator)
    options = _options(one, taken, row, opened.source)
    control = read_key(one.control_key_from, "Another live key of the account", screen) if one.control_key_from else None
    setting = _planned(one, consent, row, options, kept, operator, leaked)
    carry_out(setting, kept, operator, leaked, control, consent)


def _options(one: OneKey, taken: Taken, row: inventory.Key, source: inventory.Inventory) -> Options:
    """What was said, with what an alert tells and the inventory lists."""
    via = taken.via if one.leaked_via == "unknown" else one.leaked_via
    said = {name: getattr(one, name) for name in ACCEPTS}
    given, options = exceptions.options(source, said), one.options()
    return replace(
        options,
        reason=options.reason or taken.reason,
        leaked_via=one_of("--leaked-via", via, LEAKED_VIA),
        source=source_of_leak(one.leaked_from, via, row, source),
        exposed_at=options.exposed_at or taken.exposed_at,
        accept_unverified=given["accept_unverified"],
        accept_unhealthy=given["accept_unhealthy"],
        accept_unreachable=given["accept_unreachable"],
        accept_owner=given["accept_owner"],
    )


def _planned(
    one: OneKey, consent: Consent, row: inventory.Key, options: Options, kept: State, operator: Terminal, leaked: Secret | None
) -> Setting:
    """Choose the policy, take in what holds the same key, and make the plan."""
    opened = consent.opened

    def of(planning: Opened, plan: Plan) -> Setting:
        return Setting(one.adopt, planning.text, planning.name, planning.base, row.name, plan, options)

    def look() -> str:
        consent.ask(consents.dry_run(opened.source, row))
        return propose_policy.propose(partial(of, opened), opened.source, row, kept, operator, leaked)

    book = one.checked(playbook.load(one.playbook_name or f"stripe-{choose_policy(one.policy, operator, look)}"))
    planning, also = opened, tuple[str, ...]()
    if book.policy is not Policy.EXPLOITED and not one.adopt:  # containment waits for no look
        planning, also = same_key.taken_in(consent, row, operator, leaked, options)
    plan = compile_plan(book, planning.source, planning.source.key(row.name), replaces=not options.no_replacement, also=also)
    plan = permissions_file.given(plan, one.permissions, opened.source.account(row.account), row)
    return of(planning, clearing(plan) if options.discard_pending else plan)


def carry_out(
    setting: Setting, kept: State, operator: Terminal, leaked: Secret | None, control: Secret | None, consent: Consent
) -> NoReturn:
    """Show the plan; ask for consent; then run it without writes, or ask once more and run it."""
    plan, options, source = setting.plan, setting.options, inventory.loads(setting.text, setting.name)
    taken = "" if setting.incident else under_way(kept, setting, leaked)
    if taken:
        emergency.take_over(kept, taken, operator, leaked, options, consent.opened)
    operator.screen.plan(plan)
    row = source.key(setting.key)
    if plan.key_alone:
        consent.ask(consents.containment(source, row))
        leaked = leaked or which_key.stored(consent, row, operator)
        setting.options = replace(options, unagreed=_left_out(plan, row, consent))
    else:
        consent.ask((consents.dry_run if options.dry_run else consents.destinations)(source, row))
        setting.options = replace(options, agreed=consent.agreed(consents.others(source, row)))
    if options.dry_run:
        _run_dry(setting, kept, operator, leaked, control, _first_facts(setting, kept, operator, leaked))
    found = _first_facts(setting, kept, operator, leaked)
    if not options.yes and not operator.confirm(f"Start? {plan.reversibility}"):
        raise Refused("not confirmed", safe="nothing was changed", next_step="say --yes, or run it in a terminal")
    _start(setting, kept, operator, leaked, control, found)


def _left_out(plan: Plan, row: inventory.Key, consent: Consent) -> list[str]:
    """The parts that the red button leaves out: checks without consent (it asks for none), and stores in which the new key may not wait."""
    source = consent.opened.source
    checks = {place for service in source.services_of(row.name) for check in service.verify for place in consents.of_check(source, check)}
    stores = consents.custody(row)
    made = reversibility.way(source.account(row.account), replaces=True) is reversibility.Way.ROTATION
    if made and consent.unagreed(stores):
        consent.may(stores, "Keep the new key there until its services have it (n: it stays in this process)?")
    return consent.unagreed(checks | stores)


def _first_facts(setting: Setting, kept: State, operator: Terminal, leaked: Secret | None) -> Json:
    """Facts before the run begins: what others left that it may clear, and what an adopted incident has done already."""
    found = discard_command.show(setting, kept, operator) if setting.options.discard_pending else {}
    return adopt_command.adopt(setting, kept, operator, leaked, found) if setting.incident else found


def _start(setting: Setting, kept: State, operator: Terminal, leaked: Secret | None, control: Secret | None, found: Json) -> NoReturn:
    """Lease first, then the durable incident, then its id on the screen, then the first change."""
    from ir.engine.dbos_runner import Runner

    runner = Runner(kept.engine, kept.me, kept.leases, kept.signals)
    world = lifecycle.begin(setting, kept, runner, follow.given(operator, leaked, control), found)
    operator.screen.say(f"incident {setting.incident}")
    follow.drive(runner, kept, world, operator, then=partial(roll_out.offer, setting, world, operator) if setting.plan.key_alone else None)


def _run_dry(setting: Setting, kept: State, operator: Terminal, leaked: Secret | None, control: Secret | None, found: Json) -> NoReturn:
    setting.incident = setting.incident or "INC-rehearsal"
    source = inventory.loads(setting.text, setting.name)
    for name in (setting.key, *setting.plan.also):
        _refuse_if_busy(kept, f"key {source.account(source.key(setting.key).account).id}/{name}")

    def claim(fingerprint: str) -> None:
        _refuse_if_busy(kept, worlds.key_itself(fingerprint))

    say = operator.screen.progress
    world = worlds.read_only(setting, kept, operator, leaked=leaked, control=control, say=say, claim=claim)

    def emitted(entry: Json) -> None:
        if entry["kind"] == "step":
            operator.screen.step(entry["step"], Outcome.from_json(entry["body"]["outcome"]), dry_run=True)

    at = wiring.SystemClock().now().isoformat()
    record = run_dry(world, opening_entry(setting, at, operator.name, {"opened_at": world.now(), **found}), emitted)
    if operator.screen.as_json:
        operator.screen.document(following.document(record, record.exit_code))
    operator.screen.hush()
    refused = [run for run in record.runs if run.outcome.did in (Did.REFUSED, Did.FAILED, Did.UNKNOWN)]
    if not operator.screen.as_json:
        operator.screen.say("dry run: refused, nothing was changed" if refused else "dry run: no problem was found, nothing was changed")
    sys.exit(int(ExitCode.REFUSED if record.exit_code is ExitCode.REFUSED else ExitCode.DONE))


def _refuse_if_busy(kept: State, resource: str) -> None:
    holder = kept.leases.busy([resource])
    if holder is not None:
        raise AlreadyRunning(holder.blocks, incident=holder.incident)


def leaked_key(source: str, screen: Screen) -> Secret | None:
    """The key that the operator gives; None: no source was named. Raises UsageError: the source has none."""
    if not source:
        return None
    found = read_key(source, "The leaked key", screen)
    if found is None:
        if source == "prompt" and not sys.stdin.isatty():
            rest = SOURCES.removeprefix("prompt | ")
            raise UsageError("there is no terminal to type the leaked key at", next_step=f"--leaked-key-from takes {rest}")
        raise UsageError("no leaked key was given", next_step=f"--leaked-key-from takes {SOURCES}")
    return found


def source_of_leak(named: str, via: str, row: inventory.Key, source: inventory.Inventory) -> str:
    """The listed store or service that leaked."""
    stores = [str(ref) for ref in row.stored_in]
    known = [*stores, *(s.name for s in source.services_of(row.name))]
    if named and named not in known:
        raise UsageError(f"--leaked-from {named} is not a listed store or service", next_step=f"one of {', '.join(known)}")
    if named or via not in ("store", "host"):
        return named
    if via == "store" and len(stores) == 1:
        return stores[0]
    raise UsageError(f"--leaked-via {via}: which one?", next_step=f"--leaked-from one of {', '.join(known)}")


def one_of(flag: str, value: str, allowed: tuple[str, ...]) -> str:
    """`value`, if it is allowed. Raises UsageError."""
    if value not in allowed:
        raise UsageError(f"{flag} {value}: not known", next_step=f"one of {', '.join(allowed)}")
    return value
