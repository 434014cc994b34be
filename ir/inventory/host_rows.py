"""The rows about hosts that keep keys: an address other than the usual one, and the login, by reference."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from ir.core.urls import in_the_clear
from ir.inventory.terms import STRICT, Argv, Name, Ref, Url

HOSTS = ("k8s", "vercel", "github-actions", "gcp-sm", "azure-kv")
"""Schemes of stores that a `hosts:` row may be about."""


class Host(BaseModel):
    """How one host is reached. Without a row, the host is reached as its own tools reach it.

    Attributes:
        context: of the kubeconfig (k8s), or name of a vault (azure-kv); a row without one is for every one.
        api_base: the API's address, https or on loopback.
        token: what stands after `Bearer`.
        team: id or name of the team whose the projects are (vercel only).
        program: what prints a login, word by word as the kubeconfig's `exec:` says (k8s only). env: variables that it needs.
    """

    model_config = STRICT

    name: Literal["k8s", "vercel", "github-actions", "gcp-sm", "azure-kv"]
    context: str = ""
    api_base: Url | None = None
    token: Ref | None = None
    team: str = ""
    program: Argv | None = None
    env: list[str] = []

    @model_validator(mode="after")
    def _safe(self) -> "Host":
        if self.api_base and in_the_clear(self.api_base):
            raise ValueError(f"`api_base: {self.api_base}` is plain http to another machine: a token and keys would go there in the clear")
        if self.program and self.name != "k8s":
            raise ValueError("`program` is for k8s alone")
        if self.context and self.name not in ("k8s", "azure-kv"):
            raise ValueError("`context` is for k8s and azure-kv alone")
        if self.team and self.name != "vercel":
            raise ValueError("`team` is for vercel alone")
        return self


class VercelDeploy(BaseModel):
    """A new build of the commit that serves now, so that it takes up changed variables."""

    model_config = STRICT

    project: Name
    target: Literal["production", "preview"] = "production"

    def __str__(self) -> str:
        return f"{self.project} to {self.target}"


class Rollout(BaseModel):
    """Pods that are replaced, so that they take up a changed environment; before that, External Secrets may read its store again.

    Attributes:
        deployment, statefulset, daemonset: the workload's name, one of them at most.
        external_secret: name of the ExternalSecret that writes what the workload reads.
    """

    model_config = STRICT

    context: Annotated[str, Field(min_length=1)]
    namespace: Name
    deployment: Name | None = None
    statefulset: Name | None = None
    daemonset: Name | None = None
    external_secret: Name | None = None

    @model_validator(mode="after")
    def _something(self) -> "Rollout":
        if len(self._workloads) > 1 or not (self._workloads or self.external_secret):
            raise ValueError("needs one of `deployment`, `statefulset`, `daemonset`, or `external_secret`, or both")
        return self

    @property
    def _workloads(self) -> list[tuple[str, str]]:
        rows = (("deployment", self.deployment), ("statefulset", self.statefulset), ("daemonset", self.daemonset))
        return [(kind, name) for kind, name in rows if name]

    @property
    def workload(self) -> tuple[str, str]:
        """Kind and name, both "" without one."""
        return self._workloads[0] if self._workloads else ("", "")

    def __str__(self) -> str:
        kind, name = self.workload
        parts = [f"ExternalSecret {self.external_secret}" if self.external_secret else "", f"{kind} {name}" if kind else ""]
        return f"{' and '.join(filter(None, parts))} in {self.namespace} of `{self.context}`"
