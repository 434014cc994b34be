"""A whole rotation with every host's stand-in, under traffic: in both directions of the policy, and with a person at the Dashboard."""

from pathlib import Path

import pytest

from ir.core.model import Policy
from ir.drill.embedded.options import DrillOptions, Waits
from ir.drill.embedded.run import Watch, conduct
from ir.drill.embedded.store_choice import HOSTED, StoreKind
from tests.worlds.started import start_of_drill

pytestmark = pytest.mark.server


@pytest.mark.parametrize(("policy", "managed"), [(Policy.EXPOSED, True), (Policy.EXPLOITED, False)])
def test_a_drill_at_hosts_loses_no_payment_and_tells_no_host_a_key(
    policy: Policy, managed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IR_HOME", str(tmp_path / "state"))
    said: list[str] = []
    kinds = frozenset({*HOSTED, StoreKind.AWS, StoreKind.SSM, StoreKind.ENV})
    waits = Waits(soak=0.3, quiet=0.5, grace=0.5, watch=0.5, window=2.0)
    options = DrillOptions(seed=11, services=len(kinds), policy=policy, managed=managed, waits=waits, death=0.6, stores=kinds)
    result = conduct(options, Watch(said.append, lambda chunk: said.append(chunk.decode(errors="replace")), 0), start=start_of_drill)
    assert result.problems == (), "".join(said)
    assert {row.store.partition("://")[0] for row in result.services} == {
        "k8s",
        "gcp-sm",
        "azure-kv",
        "vercel",
        "github-actions",
        "aws-sm",
        "aws-ssm",
        "dotenv",
    }
    assert result.strays == () and (result.failed == 0 or policy is Policy.EXPLOITED)
