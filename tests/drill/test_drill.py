"""Whole drills, each with the real command line, real servers on loopback and services under traffic."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest

from ir.core.model import Mode, Policy
from ir.core.secret import key_shaped, scrub
from ir.drill.embedded import sandbox, setup, stripe_account
from ir.drill.embedded.options import DrillOptions, Waits
from ir.drill.embedded.result import DrillResult
from ir.drill.embedded.run import Watch, conduct
from ir.drill.embedded.sandbox import Servers
from ir.drill.embedded.shifted_clock import BentClock
from ir.drill.simulated.faults import Fate
from ir.drill.twin import StripeTwin
from tests.worlds.started import Started, start_of_drill

pytestmark = pytest.mark.server
SHORT = Waits(soak=0.3, quiet=0.5, grace=0.5, watch=0.5, window=2.0)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IR_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


Drill = Callable[..., tuple[DrillResult, str]]


@pytest.fixture
def drill(drill_servers: Servers) -> Drill:
    """A short drill, and what stood on the screen. Its command is forked: what the kernel would show of it is looked at here."""

    def run(**options: object) -> tuple[DrillResult, str]:
        screen, shown = bytearray(), list[str]()
        servers_token = drill_servers.vault.token if drill_servers.vault else ""  # OpenBao's, which other tests hold as a secret

        def start(args: Sequence[str], env: Mapping[str, str], cwd: Path, output: int) -> Started:
            shown.extend([*args, *(value for value in env.values() if value != servers_token)])
            return start_of_drill(args, env, cwd, output)

        said = Watch(lambda text: screen.extend(text.encode() + b"\n"), screen.extend, 0)
        wanted = DrillOptions(**{"services": 3, "waits": SHORT, "death": 0.6, **options})  # type: ignore[arg-type]  # the tests name fields
        result = conduct(wanted, said, start=start, servers=lambda _choice: nullcontext(drill_servers))
        shown_keys = [line for line in scrub(screen.decode()).splitlines() if "[secret" in line]
        assert not key_shaped(screen.decode()), f"a key of the drill stands on the screen: {shown_keys}"
        assert shown and not key_shaped("\n".join(shown)), "a key of the drill stands in an argument or in the environment"
        return result, screen.decode()

    return run


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"seed": 1}, id="exposed-managed-test"),
        pytest.param({"seed": 2, "mode": Mode.LIVE, "managed": False}, id="exposed-dashboard-live"),
        pytest.param({"seed": 3, "policy": Policy.SCHEDULED, "mode": Mode.LIVE}, id="scheduled-managed-live"),
    ],
)
def test_an_overlap_loses_no_payment(drill: Drill, options: dict[str, object], tmp_path: Path) -> None:
    result, screen = drill(**options)
    assert not result.problems, screen
    assert result.payments > 20
    assert result.failed == 0
    assert result.strays == ()
    assert result.dead is not None
    assert result.contained is not None
    assert result.contained <= result.dead + 0.5, "the witness looks a little later than a service pays"
    assert {row.key for row in result.services} == {result.services[0].key}
    assert all(row.ok > 0 for row in result.services)
    assert result.exit_codes[-1] == 0
    assert (
        result.last_line == f"payments {result.payments}, failed 0, strays 0, contained {result.contained:.1f} s, dead {result.dead:.1f} s"
    )
    assert Path(result.report).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir()] == ["state"], "the drill's folder is gone"


@pytest.mark.parametrize("policy", [Policy.EXPOSED, Policy.EXPLOITED])
def test_a_replacement_that_lacks_a_right_fails_the_canary_alone(drill: Drill, policy: Policy) -> None:
    result, screen = drill(seed=8, policy=policy, faults=frozenset({Fate.LACKS_RIGHT}))
    assert not result.problems, screen
    assert "lacks `payment_intent_write`" in screen and "--grant payment_intent_write" in screen
    if policy is Policy.EXPOSED:
        first, *others = result.services
        assert first.failed > 0 and sum(row.failed for row in others) == 0
        assert result.exit_codes == (4, 5, 0), "it waits for a person's word; what was added is to be confirmed; done"
    assert result.exit_codes[-1] == 0


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"seed": 4, "managed": True}, id="managed"),
        pytest.param({"seed": 6, "managed": False}, id="dashboard"),
        pytest.param({"seed": 5, "managed": False}, id="dashboard-mistaken"),
        pytest.param({"seed": 7, "managed": False}, id="dashboard-lost"),
    ],
)
def test_contain_first_takes_the_key_away_at_once_and_names_what_was_left_behind(drill: Drill, options: dict[str, object]) -> None:
    result, screen = drill(policy=Policy.EXPLOITED, **options)
    assert not result.problems, screen
    assert result.contained is not None
    assert result.dead is not None
    assert result.contained <= result.dead + 0.5, "the witness looks a little later than a service pays"
    assert result.exit_codes[-2:] == (5, 0), "debt for what a stranger left, paid once a human removed it"
    for left in ("webhook_endpoint", "coupon", "payout"):
        assert f"still to do: {left}" in screen


def test_a_key_that_is_dead_on_arrival_brings_the_services_back(drill: Drill) -> None:
    result, screen = drill(seed=6, dead_on_arrival=True)
    assert not result.problems, screen
    assert result.failed > 0
    assert result.dead is not None and result.dead < 1.0, "a service meets the dead key before the tool asks"
    assert all(row.key.startswith("new") for row in result.services)


def test_the_same_seed_makes_the_same_world(tmp_path: Path) -> None:
    worlds = []
    for seed in (7, 7, 8):
        options, clock = DrillOptions(seed=seed, services=5), BentClock()
        with sandbox.folder(keep=False) as folder, StripeTwin(seed=seed, clock=clock, settings=stripe_account.settings(options)) as twin:
            world = setup.build(options, folder, sandbox.Servers(None, None), twin, clock)
            worlds.append((world.readers, world.account.leaked.id, [row["amount"] for row in twin.objects("charges")]))
    assert worlds[0] == worlds[1]
    assert worlds[0] != worlds[2]


@pytest.mark.parametrize("whole_group", [False, True], ids=["polite kill", "ctrl-c"])
def test_an_interrupted_drill_leaves_nothing_behind(tmp_path: Path, *, whole_group: bool) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "ir.cli", "drill", "stripe", "--seed", "8", "--services", "2", "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "IR_HOME": str(tmp_path / "state"), "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    assert child.stderr is not None
    try:
        for line in child.stderr:
            if line.startswith(b"incident INC-"):
                break
        if whole_group:
            os.killpg(child.pid, signal.SIGINT)
        else:
            child.terminate()
        out, said = child.communicate(timeout=30)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    assert child.returncode == 130
    assert out == b"" and b"nothing outside of it was touched" in said
    assert not list(tmp_path.glob("ir-drill-*"))
    assert not _processes_that_know(tmp_path)


def _processes_that_know(folder: Path) -> list[str]:
    """Command lines of living processes whose environment names the folder, this one aside; a moment is given to end."""
    until = time.monotonic() + 5
    while True:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if int(process.name) != os.getpid() and str(folder).encode() in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.1)
