"""Faults planted in our own code, one by one, each in a copy of the tree: `python -m tests.hardening.mutants [NAME…]`.

Prints a table; exit 1 when a fault slips past the tests that should catch it, or when its place in the code is gone.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_COURSE = ("tests/course/test_course.py", "tests/hardening/test_state_machine.py")
_CONSENT, _BUNDLE, _EDGE = (
    ("tests/hardening/test_consent.py",),
    ("tests/unit/test_bundle.py",),
    ("tests/contract/test_http_edge_contract.py",),
)
_SIDE_BY_SIDE = 2


@dataclass(frozen=True)
class Mutant:
    """One fault: in `file`, the first `old` becomes `new`; `tests` are what should notice."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = _COURSE


MUTANTS = (
    Mutant("mint without looking in custody", "ir/actions/mint.py", "    if found is not None:\n", "    if False:\n"),
    Mutant("mint without looking for strays", "ir/actions/mint.py", "    if strays:\n", "    if False:\n"),
    Mutant("drop the custody write", "ir/actions/mint.py", 'address = world.custody.keep(f"new-{n}", secret)', 'address = ""'),
    Mutant("burn no name after an unanswered mint", "ir/actions/mint.py", "else tried + 1", "else max(tried, 1)"),
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
        "asked, debts = ours.expire_others(",
        "asked, debts = ({}, ()) if True else ours.expire_others(",
    ),
    Mutant("expire a key whose row is ambiguous", "ir/actions/ours.py", "if len(rows) == 1:", "if rows:"),
    Mutant(
        "take 403 for dead",
        "ir/model.py",
        "return self in (Liveness.EXPIRED, Liveness.INVALID)",
        "return self in (Liveness.EXPIRED, Liveness.INVALID, Liveness.NARROW)",
    ),
    Mutant(
        "take a time-out for dead",
        "ir/model.py",
        "return self in (Liveness.EXPIRED, Liveness.INVALID)",
        "return self in (Liveness.EXPIRED, Liveness.INVALID, Liveness.UNKNOWN)",
    ),
    Mutant("believe one poll", "ir/actions/prove.py", 'watch.seconds >= float(step.params["window"])', "True"),
    Mutant(
        "prove without a control key",
        "ir/actions/prove.py",
        "if not dead or not watch.control.answers:",
        "if not dead:",
        ("tests/course", "tests/hardening/test_proof.py"),
    ),
    Mutant("roll back over a dead old key", "ir/actions/undo.py", "    if not liveness.answers:", "    if False:"),
    Mutant(
        "kill the replacement before the services are back",
        "ir/actions/undo.py",
        "    if bad:\n        debts",
        "    if False:\n        debts",
    ),
    Mutant(
        "undo by an old answer of the store",
        "ir/actions/undo.py",
        "        store.undo(incident, old, new)",
        "        if store.guided or store.read().value != old:\n            store.undo(incident, old, new)",
    ),
    Mutant("accept another plan's approval", "ir/course.py", 'signal.get("plan") == self._plan_hash', "True"),
    Mutant(
        "go on after a failed wave",
        "ir/course.py",
        "            self._roll_back(outcome.said)\n        if step.action",
        "            pass\n        if step.action",
    ),
    Mutant("forget debts at the end", "ir/course.py", "while self.record.debts and not", "while False and not"),
    Mutant(
        "record who acts anew on replay", "ir/course.py", "body=ran, at=at, actor=by)", "body=ran, at=at, actor=self.world.operator.name)"
    ),
    Mutant("do not read stores after the kill", "ir/actions/watch.py", "items += _stores(world, record)", "pass"),
    Mutant(
        "take a namesake's process for our own machine's",
        "ir/processes.py",
        "or where != machine():",
        "or False:",
        ("tests/unit/test_ledger.py",),
    ),
    Mutant(
        "skip the lease check",
        "ir/ledger.py",
        '                if row["executor"] != holder.executor and self.alive(row, now):',
        "                if False:",
        ("tests/unit/test_ledger.py",),
    ),
    Mutant(
        "let another incident take a held key",
        "ir/ledger.py",
        'if row["incident"] != incident and not',
        "if False and not",
        ("tests/unit/test_ledger.py",),
    ),
    Mutant(
        "overwrite a stranger's value",
        "ir/stores/dotenv.py",
        "if found.version != expected and",
        "if False and",
        ("tests/contract/test_dotenv.py", "tests/contract/test_store_contract.py"),
    ),
    Mutant(
        "drop the sync of an env file",
        "ir/stores/dotenv.py",
        "            os.fsync(file.fileno())",
        "            pass",
        ("tests/hardening/test_power_loss.py",),
    ),
    Mutant(
        "write an env file in place",
        "ir/stores/dotenv.py",
        'temporary = path.with_name(f".{path.name}.ir-{os.getpid()}.tmp")',
        "temporary = path",
        ("tests/hardening/test_power_loss.py",),
    ),
    Mutant(
        "show a key when it is printed",
        "ir/secret.py",
        "def __repr__(self) -> str:\n",
        "def __repr__(self) -> str:\n        return self.reveal()\n",
        ("tests/unit/test_secret.py",),
    ),
    Mutant(
        "tell a key on the screen",
        "ir/actions/mint.py",
        "def _keep(world: World, n: int, secret: Secret) -> str:\n",
        "def _keep(world: World, n: int, secret: Secret) -> str:\n    world.say(secret.reveal())\n",
        ("tests/hardening/test_canary.py",),
    ),
    Mutant(
        "record a key as a fact",
        "ir/actions/custody.py",
        'facts = {"old": {"custody": address}} if address else {}',
        'facts = {"old": {"custody": old.reveal()[::-1]}}',
        ("tests/hardening/test_canary.py",),
    ),
    Mutant("send a secret header in the clear", "ir/http_edge.py", "if references and place.scheme", "if False and place.scheme", _EDGE),
    Mutant("look at the last four bytes only", "ir/http_address.py", "*(number.teredo or ())", "*()", ("tests/unit/test_http_address.py",)),
    Mutant("run unasked what reads a store", "ir/cli/choices.py", "unread and consent.may(", "unread and (True or ", _CONSENT),
    Mutant(
        "rehearse unasked",
        "ir/cli/rotate.py",
        "        consent.ask((consents.rehearsal if",
        "        list((consents.rehearsal if",
        _CONSENT,
    ),
    Mutant(
        "begin what another inventory pins", "ir/cli/consenting.py", "    if pin.lower() not in", "    if False and pin not in", _CONSENT
    ),
    Mutant("yes agrees for ever", "ir/cli/consenting.py", "if finished is None and self._yes", "if self._yes", _CONSENT),
    Mutant(
        "believe the sums",
        "ir/evidence_check.py",
        '        if sha256_of(path) != digest:\n            raise Broken(f"edited: {name} was changed after',
        '        if False:\n            raise Broken(f"edited: {name} was changed after',
        _BUNDLE,
    ),
    Mutant(
        "believe any signer",
        "ir/evidence_check.py",
        "    if wanted and signer not in wanted:\n        raise",
        "    if False:\n        raise",
        _BUNDLE,
    ),
    Mutant("mention whom a stranger names", "ir/chat_text.py", "text.translate(_LOOKALIKES)", "text", ("tests/unit/test_chat_text.py",)),
    Mutant("read_only ports that write", "ir/guard.py", "            self._ask()\n", "", ("tests/course", "tests/hardening/test_guard.py")),
)


def tried(mutant: Mutant) -> tuple[str, str]:
    """`caught`, `SURVIVED` or `GONE`, and by which test."""
    with tempfile.TemporaryDirectory(prefix="ir-mutant-") as folder:
        tree = Path(folder)
        for name in ("ir", "tests", "playbooks", "templates", "pyproject.toml", "inventory.example.yaml"):
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, tree / name)
        place = tree / mutant.file
        text = place.read_text(encoding="utf-8")
        if mutant.old not in text:
            return "GONE", ""
        place.write_text(text.replace(mutant.old, mutant.new, 1), encoding="utf-8")
        return _run(tree, mutant.tests)


def _run(tree: Path, tests: tuple[str, ...]) -> tuple[str, str]:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
    settings = {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_PROFILE": "mutants"}
    try:
        ran = subprocess.run(
            command,
            cwd=tree,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=240,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "caught", "(it hangs)"
    if ran.returncode == 1:
        failed = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return "caught", failed[0].partition(" ")[2].partition(" - ")[0].rpartition("::")[2] if failed else "?"
    return ("SURVIVED", "") if ran.returncode == 0 else ("BROKEN", ran.stdout[-200:] + ran.stderr[-200:])


def main(names: list[str]) -> int:
    """Try all mutants, or those whose name holds one of the words."""
    chosen = [m for m in MUTANTS if not names or any(word in m.name for word in names)]
    began = time.monotonic()
    width = max(len(m.name) for m in chosen)
    bad = 0
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        for mutant, (how, by) in zip(chosen, pool.map(tried, chosen), strict=True):
            bad += how != "caught"
            sys.stdout.write(f"{mutant.name:<{width}}  {how:<8}  {by}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen) - bad} of {len(chosen)} caught in {time.monotonic() - began:.0f} s\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
