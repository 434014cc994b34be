"""The surroundings of a drill: a private folder, the servers on loopback, and the environment of its processes."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import ir
from ir.drill.embedded.hosted import Hosted, hosts
from ir.drill.embedded.openbao_server import OpenBao, openbao
from ir.drill.embedded.store_choice import StoreChoice, StoreKind
from ir.drill.embedded.stores import LOGIN, REGION, AwsShelf, DotenvShelf, ParameterShelf, Shelf, VaultShelf
from ir.drill.hosts.aws_twin import AwsTwin
from ir.drill.hosts.server import TOKEN, HostTwin

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TERM", "COLORTERM", "NO_COLOR", "COLUMNS", "LINES", "TZ", "PYTHONPATH")


@dataclass(frozen=True)
class Folder:
    """The drill's folder, 0700.

    Attributes:
        state: `IR_HOME` of the run.
        stores: what a store keeps on disk; keys belong there.
        keys: files that hand a key over; written by the drill itself.
        logs: egress logs, standard error of the services.
    """

    root: Path

    @property
    def state(self) -> Path:
        """See above."""
        return self.root / "state"

    @property
    def stores(self) -> Path:
        """See above."""
        return self.root / "stores"

    @property
    def keys(self) -> Path:
        """See above."""
        return self.root / "keys"

    @property
    def logs(self) -> Path:
        """See above."""
        return self.root / "logs"


@dataclass(frozen=True)
class Servers:
    """The servers on loopback; None: that kind of store is left out.

    Attributes:
        aws: address of the server; `secrets` and `parameters` say what of it is used.
        hosts: places at stand-ins of hosts, which take `token`.
        stand_ins: every stand-in that serves here.
    """

    aws: str | None
    vault: OpenBao | None
    env_file: bool = True
    secrets: bool = True
    parameters: bool = False
    hosts: tuple[Hosted, ...] = ()
    stand_ins: tuple[HostTwin, ...] = ()
    token: str = field(default="", repr=False)

    def shelves(self, folder: Folder) -> list[Shelf]:
        """One empty shelf in each store that there is."""
        found: list[Shelf] = [DotenvShelf(folder.stores / "payments.env", folder.root)] if self.env_file else []
        if self.vault is not None:
            found.append(VaultShelf(self.vault, "payments"))
        if self.aws is not None and self.secrets:
            found.append(AwsShelf(self.aws, "prod/payments"))
        if self.aws is not None and self.parameters:
            found.append(ParameterShelf(self.aws, "prod/payments/stripe"))
        found += self.hosts
        return found


@contextmanager
def folder(*, keep: bool) -> Iterator[Folder]:
    """A new folder that only its owner may enter; removed at the end unless it is to be kept."""
    made = Folder(Path(tempfile.mkdtemp(prefix="ir-drill-")).resolve())
    for inner in (made.stores, made.keys, made.logs, made.root / "home", made.root / "tmp"):
        inner.mkdir(mode=0o700)
    try:
        yield made
    finally:
        if not keep:
            shutil.rmtree(made.root, ignore_errors=True)


@contextmanager
def servers(choice: StoreChoice) -> Iterator[Servers]:
    """Start the servers of the chosen stores, and end them again.

    Raises:
        RuntimeError: one of them does not start.
    """
    with ExitStack() as stack:
        wanted = choice.running
        aws = stack.enter_context(_aws()) if {StoreKind.AWS, StoreKind.SSM} & set(wanted) else None
        vault = stack.enter_context(openbao(wanted[StoreKind.VAULT].program)) if StoreKind.VAULT in wanted else None
        token = f"host-{secrets.token_hex(16)}"
        places = stack.enter_context(hosts(frozenset(wanted), token))
        yield Servers(
            aws.address if aws is not None else None,
            vault,
            env_file=StoreKind.ENV in wanted,
            secrets=StoreKind.AWS in wanted,
            parameters=StoreKind.SSM in wanted,
            hosts=places,
            stand_ins=(*([aws] if aws is not None else []), *(place.twin for place in places)),
            token=token,
        )


@contextmanager
def _aws() -> Iterator[AwsTwin]:
    """A stand-in of AWS that takes the drill's login."""
    with AwsTwin() as twin:
        twin.tokens[LOGIN] = frozenset({"*"})
        yield twin


def environment(place: Folder, running: Servers) -> dict[str, str]:
    """For the services and for `ir`: nothing of the operator's own clouds, and no key."""
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    source = str(Path(ir.__file__).resolve().parent.parent)
    passed["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([*passed.get("PYTHONPATH", "").split(os.pathsep), source])).strip(os.pathsep)
    own = {
        "HOME": str(place.root / "home"),
        "TMPDIR": str(place.root / "tmp"),
        "IR_HOME": str(place.state),
        "IR_DRILL": "1",
    }
    if running.aws is not None:
        own |= {
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": running.aws,
            "AWS_ENDPOINT_URL_SSM": running.aws,
            "AWS_ACCESS_KEY_ID": LOGIN,
            "AWS_SECRET_ACCESS_KEY": LOGIN,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    if running.hosts:
        own[TOKEN] = running.token
    if running.vault is not None:
        own |= {"VAULT_ADDR": running.vault.address, "VAULT_TOKEN": running.vault.token}
    return passed | own
