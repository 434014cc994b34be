"""The faults that `mutants` plants in our own code: each is one that somebody could make, and that a test has to notice."""

from dataclasses import dataclass

COURSE = ("tests/course/test_course.py", "tests/course/test_keys_of_our_own.py", "tests/hardening/test_state_machine.py")
CANARY = ("tests/hardening/test_canary.py::test_a_run_and_everything_that_can_be_asked_about_it",)
PAGE = ("tests/drill/test_keys_page.py",)
CONSENT, BUNDLE, EDGE = (
    ("tests/hardening/test_consent.py",),
    ("tests/unit/test_bundle.py",),
    ("tests/contract/test_http_edge_contract.py",),
)
PROPOSED = ("tests/unit/test_review_proposed.py",)


@dataclass(frozen=True)
class Mutant:
    """One fault: in `file`, `old`, which stands there once, becomes `new`; `tests` are what should notice."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = COURSE


MUTANTS = (
    Mutant(
        "mint without looking in custody",
        "ir/actions/mint.py",
        "    if found is not None:\n        return",
        "    if False:\n        return",
    ),
    Mutant("take from custody what was expired", "ir/actions/replacement.py", "if str(n) not in spoilt", ""),
    Mutant(
        "take from custody what the provider lists no more", "ir/actions/mint.py", "and not replacement.listed_still(", "and False and ("
    ),
    Mutant(
        "doubt the replacement of a lost machine",
        "ir/actions/replacement.py",
        ' or record.facts.get("adopted"):',
        ":",
        ("tests/course/test_adoption.py",),
    ),
    Mutant("mint without looking for strays", "ir/actions/mint.py", "    if strays:\n", "    if False:\n"),
    Mutant("drop the custody write", "ir/actions/successor.py", 'address = world.custody.keep(f"new-{n}", secret)', 'address = ""'),
    Mutant("burn no name after an unanswered mint", "ir/actions/successor.py", "n = tried + 1 if anew", "n = max(tried, 1) if anew"),
    Mutant("retire before the last look", "ir/actions/retire.py", "if why_not and world.plan", "if False and world.plan"),
    Mutant(
        "retire though a service was not seen", "ir/actions/retire.py", "bad += [item for item in services", "[item for item in services"
    ),
    Mutant(
        "retire though the replacement is dead",
        "ir/actions/retire.py",
        "    if liveness.answers or liveness is Liveness.BLOCKED:",
        "    if True:",
    ),
    Mutant(
        "leave doubles alive",
        "ir/actions/retire.py",
        "else own_keys.expire_others(world, told)",
        "else ({}, ())",
    ),
    Mutant("mint blind though another began", "ir/actions/replacement.py", "return world.fresh and not", "return not"),
    Mutant("mint blind a second time", "ir/actions/replacement.py", 'and int(record.facts["mint"]["n"]) == 1', ""),
    Mutant("owe a double and never expire it", "ir/actions/retire.py", "if only and not record.debts", "if only"),
    Mutant(
        "take two of a name for one",
        "ir/adapters/issuers/stripe_managed.py",
        "return ids == [kept]",
        "return True",
        ("tests/contract/test_issuer_managed.py",),
    ),
    Mutant("expire a key whose row is ambiguous", "ir/actions/own_keys.py", "if len(rows) == 1:", "if rows:"),
    Mutant(
        "take 403 for dead",
        "ir/core/model.py",
        "return self in (Liveness.EXPIRED, Liveness.INVALID)",
        "return self in (Liveness.EXPIRED, Liveness.INVALID, Liveness.NARROW)",
        ("tests/unit/test_model.py",),
    ),
    Mutant(
        "take a time-out for dead",
        "ir/core/model.py",
        "return self in (Liveness.EXPIRED, Liveness.INVALID)",
        "return self in (Liveness.EXPIRED, Liveness.INVALID, Liveness.UNKNOWN)",
        ("tests/unit/test_model.py",),
    ),
    Mutant("believe one poll", "ir/actions/death.py", "seen.seconds >= window.seconds", "True"),
    Mutant(
        "prove without a control key",
        "ir/actions/death.py",
        "if not dead or not seen.control.answers:",
        "if not dead:",
        ("tests/course", "tests/hardening/test_proof.py"),
    ),
    Mutant(
        "call a guided rotation reversible",
        "ir/incident/reversibility.py",
        "return Way.ROTATION if replaces and not made else Way.KILL",
        "return Way.POLICY",
        ("tests/unit/test_reversibility.py",),
    ),
    Mutant(
        "ask for a second key after a guided rotation",
        "ir/actions/mint.py",
        'mint.get("spoilt", {}):\n        return _rotated(',
        'mint.get("spoilt", {}) and False:\n        return _rotated(',
        ("tests/course/test_guided_rotation.py",),
    ),
    Mutant(
        "contain and look at no service",
        "ir/actions/contain.py",
        'None if "wave" in later else outage.look(world, now)',
        "None",
        ("tests/course/test_guided_rotation.py",),
    ),
    Mutant(
        "take any key that works for the new one",
        "ir/adapters/issuers/paste_check.py",
        "doubt = expect.holder(paste) or expect.older(paste)",
        'doubt = ""',
        ("tests/contract/test_issuer_dashboard.py",),
    ),
    Mutant("roll back over a dead old key", "ir/actions/undo.py", "    if not liveness.answers:", "    if False:"),
    Mutant(
        "kill the replacement before the services are back",
        "ir/actions/undo.py",
        "world, facts, old))\n    if still := _not_back(world, items):",
        "world, facts, old))\n    if still := None:",
    ),
    Mutant(
        "undo by an old answer of the store",
        "ir/actions/undo.py",
        "        store.undo(incident, old, new)",
        "        if store.guided or store.read().value != old:\n            store.undo(incident, old, new)",
    ),
    Mutant("accept another plan's approval", "ir/engine/approvals.py", 'signal.get("plan") == asked.plan', "True"),
    Mutant(
        "go on after a failed wave",
        "ir/engine/workflow.py",
        "            self._roll_back(outcome.said)\n        if step.action",
        "            pass\n        if step.action",
    ),
    Mutant("forget debts at the end", "ir/engine/workflow.py", "while self.record.debts and not", "while False and not"),
    Mutant(
        "record who acts anew on replay",
        "ir/engine/workflow.py",
        "body=ran, at=at, actor=by)",
        "body=ran, at=at, actor=self.world.operator.name)",
    ),
    Mutant("do not read stores after the kill", "ir/actions/watch.py", "list(world.stores.values()) if last else []", "[]"),
    Mutant(
        "skip the lease check",
        "ir/storage/incident_store.py",
        '                if row["executor"] != holder.executor and self.alive(row, now):',
        "                if False:",
        ("tests/unit/test_ledger.py",),
    ),
    Mutant(
        "let another incident take a held key",
        "ir/storage/incident_store.py",
        'if row["incident"] != incident and not',
        "if False and not",
        ("tests/unit/test_ledger.py",),
    ),
    Mutant(
        "overwrite a stranger's value",
        "ir/adapters/stores/env/dotenv_store.py",
        "if held.version != expected and",
        "if False and",
        ("tests/contract/test_dotenv.py", "tests/contract/test_store_contract.py"),
    ),
    Mutant(
        "drop the sync of an env file",
        "ir/adapters/stores/private_file.py",
        "            os.fsync(fd)",
        "            pass",
        ("tests/hardening/test_power_loss.py",),
    ),
    Mutant(
        "drop the sync of a folder",
        "ir/adapters/stores/private_file.py",
        "raise\n            os.fsync(self._fd)\n        return True",
        "raise\n        return True",
        ("tests/hardening/test_power_loss.py",),
    ),
    Mutant(
        "write an env file in place",
        "ir/adapters/stores/private_file.py",
        "self._write_scratch(scratch, data, before)",
        "os.write(os.open(name, os.O_WRONLY | os.O_TRUNC, dir_fd=self._fd), data); before = None if before is None else self.read(name); "
        "self._write_scratch(scratch, data, before)",
        ("tests/hardening/test_power_loss.py",),
    ),
    Mutant(
        "show a key when it is printed",
        "ir/core/secret.py",
        "def __repr__(self) -> str:\n",
        "def __repr__(self) -> str:\n        return self.reveal()\n",
        ("tests/unit/test_secret.py",),
    ),
    Mutant(
        "tell a key on the screen",
        "ir/actions/successor.py",
        "def keep(world: World, n: int, secret: Secret) -> str:\n",
        "def keep(world: World, n: int, secret: Secret) -> str:\n    __import__('sys').stderr.write(secret.reveal())\n",
        CANARY,
    ),
    Mutant(
        "record a key as a fact",
        "ir/actions/custody.py",
        'facts = {"old": {"custody": address}} if address else {}',
        'facts = {"old": {"custody": old.reveal()[::-1]}}',
        CANARY,
    ),
    Mutant(
        "log a key",
        "ir/clients/stripe_api.py",
        "        client = _client(self.base, self.timeout, self._way)\n",
        '        logging.getLogger("ir").warning("as %s", key.reveal())\n        client = _client(self.base, self.timeout, self._way)\n',
        ("tests/contract/test_issuer_stripe_api.py", "tests/contract/test_issuer_contract.py"),
    ),
    Mutant(
        "give a child the whole environment",
        "ir/clients/program.py",
        "if k in ENVIRONMENT or k.startswith",
        "if True or k.startswith",
        ("tests/unit/test_child.py",),
    ),
    Mutant(
        "a dry run whose ports write",
        "ir/runtime/write_guard.py",
        "        def asked(*args: object, **kwargs: object) -> object:\n            self._ask()\n",
        "        def asked(*args: object, **kwargs: object) -> object:\n",
        ("tests/course", "tests/hardening/test_guard.py"),
    ),
    Mutant(
        "retry a revoke by itself",
        "ir/clients/stripe_api.py",
        "max_network_retries=0",
        "max_network_retries=2",
        ("tests/contract/test_issuer_stripe_api.py", "tests/contract/test_issuer_managed.py"),
    ),
    Mutant(
        "excuse a failed revoke without a look",
        "ir/adapters/issuers/stripe_managed.py",
        "if not key_id or not self._gone(key_id):",
        "if not key_id:",
        ("tests/contract/test_issuer_managed.py",),
    ),
    Mutant(
        "ask Vault without check-and-set",
        "ir/adapters/stores/vault/kv.py",
        "cas=expected,",
        "cas=None,",
        ("tests/contract/test_vault.py",),
    ),
    Mutant(
        "take Vault's silence for a no",
        "ir/adapters/stores/vault/client.py",
        'failed = Unknown(f"Vault did not answer in time',
        'failed = Rejected(f"Vault did not answer in time',
        ("tests/contract/test_store_contract.py",),
    ),
    Mutant(
        "take AWS's silence for a no",
        "ir/adapters/stores/aws/client.py",
        'return Unknown(f"AWS did not answer',
        'return Rejected(f"AWS did not answer',
        ("tests/contract/test_store_contract.py",),
    ),
    Mutant(
        "forget the neighbours of a field",
        "ir/adapters/stores/value_field.py",
        "text[: spot.start] + spot.lead + json.dumps(value.reveal()) + text[spot.end :]",
        'json.dumps({field.rpartition("/")[2]: value.reveal()})',
        ("tests/contract/test_store_contract.py",),
    ),
    Mutant(
        "follow a redirect with the token",
        "ir/adapters/stores/vault/client.py",
        "allow_redirects=False",
        "allow_redirects=True",
        ("tests/contract/test_vault.py",),
    ),
    Mutant(
        "chain entries to nothing",
        "ir/evidence/hash_chain.py",
        'previous["hash"] if previous else GENESIS',
        "GENESIS",
        ("tests/unit/test_evidence.py",),
    ),
    Mutant(
        "escape nothing in a report",
        "ir/report/__init__.py",
        "return _environment(autoescape=True)",
        "return _environment(autoescape=False)",
        ("tests/unit/test_report_hostile.py",),
    ),
    Mutant(
        "send keys to any host",
        "ir/core/stripe_address.py",
        'and _loopback(parts.hostname or "")',
        "",
        ("tests/unit/test_stripe_api.py",),
    ),
    Mutant(
        "take a state folder that others planted",
        "ir/storage/state_folder.py",
        "        _refuse_planted(base)\n    return base",
        "        pass\n    return base",
        ("tests/hardening/test_state_folder.py",),
    ),
    Mutant(
        "record a failed write as the end of an incident",
        "ir/engine/dbos_runner.py",
        "        raise _HandedBack from None\n    finally",
        "        raise\n    finally",
        ("tests/hardening/test_full_disk.py",),
    ),
    Mutant(
        "take a hotel's page for AWS's answer",
        "ir/adapters/stores/aws/client.py",
        "if not isinstance(found, dict) or needed not in found:",
        "if not isinstance(found, dict):",
        ("tests/contract/test_bad_answers.py",),
    ),
    Mutant(
        "take an ended login for a closed place",
        "ir/adapters/stores/vault/sibling.py",
        "            self._kv.perhaps(self._beside)\n            return None",
        "            return None",
        ("tests/contract/test_bad_answers.py",),
    ),
    Mutant(
        "take a namesake's process for our own machine's",
        "ir/storage/process_identity.py",
        "or where != machine():",
        "or False:",
        ("tests/unit/test_ledger.py",),
    ),
    Mutant(
        "send a secret header in the clear",
        "ir/clients/http_client.py",
        "if references and place.scheme",
        "if False and place.scheme",
        EDGE,
    ),
    Mutant(
        "look at the last four bytes only",
        "ir/clients/http_resolver.py",
        "*(number.teredo or ())",
        "*()",
        ("tests/unit/test_http_address.py",),
    ),
    Mutant(
        "run unasked what reads a store", "ir/cli/terminal/option_values.py", "unread and consent.may(", "unread and (True or ", CONSENT
    ),
    Mutant(
        "rehearse unasked",
        "ir/cli/rotate.py",
        "        consent.ask((consents.rehearsal if",
        "        list((consents.rehearsal if",
        CONSENT,
    ),
    Mutant(
        "begin what another inventory pins",
        "ir/cli/terminal/consent_prompt.py",
        "    if pin.lower() not in",
        "    if False and pin not in",
        CONSENT,
    ),
    Mutant("yes agrees for ever", "ir/cli/terminal/consent_prompt.py", "if finished is None and self._yes", "if self._yes", CONSENT),
    Mutant(
        "believe the sums",
        "ir/evidence/bundle_verifier.py",
        '        if sha256_of(path) != digest:\n            raise Broken(f"edited: {name} was changed after',
        '        if False:\n            raise Broken(f"edited: {name} was changed after',
        BUNDLE,
    ),
    Mutant(
        "believe any signer",
        "ir/evidence/bundle_verifier.py",
        "    if wanted and signer not in wanted:\n        raise",
        "    if False:\n        raise",
        BUNDLE,
    ),
    Mutant(
        "mention whom a stranger names", "ir/core/chat_text.py", "text.translate(_LOOKALIKES)", "text", ("tests/unit/test_chat_text.py",)
    ),
    Mutant(
        "take a proxy's refusal for Stripe's",
        "ir/clients/stripe_answer.py",
        "return self.error is not None and bool(self.request_id)",
        "return self.error is not None",
        ("tests/contract/test_way_out.py",),
    ),
    Mutant(
        "send what goes to this machine through a proxy",
        "ir/clients/way_out.py",
        "or is_loopback(place.host) ",
        "",
        ("tests/contract/test_way_out.py", "tests/unit/test_http_address.py"),
    ),
    Mutant(
        "take old news for news",
        "ir/adapters/stores/old_news.py",
        "        if not is_old(found):\n",
        "        if True:\n",
        ("tests/contract/test_old_news.py",),
    ),
    Mutant(
        "put at AWS what cannot be taken away",
        "ir/adapters/stores/aws/secrets_manager.py",
        "            self._versions.prove_move(current.id)\n",
        "",
        ("tests/contract/test_aws_secrets_manager.py",),
    ),
    Mutant("take a form twice", "ir/drill/hands/door.py", "                del self._forms[known]\n", "                pass\n", PAGE),
    Mutant("take a form of another page", "ir/drill/hands/door.py", 'header("Origin") == self.origin and', "", PAGE),
    Mutant("answer to any name of this machine", "ir/drill/hands/door.py", 'header("Host") == self._host', 'bool(header("Host"))', PAGE),
    Mutant("let an invitation in twice", "ir/drill/hands/door.py", 'self._invitations.discard(known or "")', "pass", PAGE),
    Mutant(
        "ask for no cookie", "ir/drill/hands/door.py", "return found is not None and _same(found.value, self.pass_)", "return True", PAGE
    ),
    Mutant(
        "show the value of a key again",
        "ir/drill/hands/keys_page.py",
        "found, self._value = self._value, None",
        "found = self._value",
        PAGE,
    ),
    Mutant("write what was typed as it is", "ir/drill/hands/keys_page.py", "autoescape=True", "autoescape=False", PAGE),
    Mutant("keep a key that was typed into a form", "ir/drill/hands/clicks.py", "if key_shaped(text):", "if False:", PAGE),
    Mutant(
        "act on behind a command that was interrupted",
        "ir/cli/__init__.py",
        'if "dbos" in sys.modules:',
        "if False:",
        ("tests/e2e/test_safe_hands.py::test_ctrl_c_before_anybody_follows_the_incident_ends_the_process_all_the_same",),
    ),
    Mutant(
        "name approve where resume is enough",
        "ir/incident/standing.py",
        "'resume' if state == 'waiting for you' else 'approve'",
        "'approve'",
        ("tests/unit/test_standing.py",),
    ),
    Mutant(
        "kill the old key though the replacement died",
        "ir/actions/retire.py",
        "if (died := _replacement_died(world, record)) is not None:\n        return died",
        "if _replacement_died(world, record) is not None:\n        pass",
        ("tests/e2e/test_wrong_row.py",),
    ),
    Mutant(
        "take our own last write for somebody else's",
        "ir/actions/wave.py",
        'if after.get("fingerprint", new.fingerprint) != new.fingerprint else',
        "if False else",
        ("tests/e2e/test_wrong_row.py",),
    ),
    Mutant(
        "let a proposed time confirm",
        "ir/review/judge/verdict.py",
        "{area: min(told, SUSPECTED, key=RANKS.index) for area, told in proposed",
        "{area: told for area, told in proposed",
        PROPOSED,
    ),
    Mutant(
        "count all that is new about a proposed group",
        "ir/review/judge/proposing.py",
        "if hit.rule.id not in NOVELTY and ",
        "if ",
        PROPOSED,
    ),
    Mutant(
        "say none seen while a group is open",
        "ir/review/judge/verdict.py",
        "worst((undated.verdicts[area], capped[area], CANNOT))",
        "worst((undated.verdicts[area], capped[area]))",
        PROPOSED,
    ),
    Mutant(
        "excuse a stranger by a deploy of ours",
        "ir/review/detect/change_points.py",
        "            if left > 0:\n",
        "            if True:\n",
        PROPOSED,
    ),
    Mutant(
        "open an incident again on a proposed time",
        "ir/cli/review_watch.py",
        " if not one.proposed]",
        "]",
        ("tests/course/test_reopened.py",),
    ),
)
