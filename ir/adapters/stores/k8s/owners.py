"""Who else writes a key of a Secret, by what the cluster tells of it: owner references, marks of GitOps tools, managers of the field.

ExternalSecret: an owner reference (`creationPolicy: Owner`), the labels `reconcile.external-secrets.io/managed` and `created-by`, or a
manager `externalsecrets.external-secrets.io/NAME` of the field (`Merge`): External Secrets 2.8 docs and source, read 2026-11-30. It is
asked what it reads: then the place to write may be listed already. Argo CD: annotation `argocd.argoproj.io/tracking-id`
(`APP:GROUP/KIND:NAMESPACE/NAME`, the default since 3.0), or label `app.kubernetes.io/instance` (the default before, and Helm charts set it,
too): Argo CD 2.9 and 3.3 docs, read 2026-11-30. Flux: labels `kustomize.toolkit.fluxcd.io/name` and `helm.toolkit.fluxcd.io/name`; its
`reconcile: disabled` and `ssa: IfNotPresent` leave the object alone: Flux docs, read 2026-11-30. Helm: annotation
`meta.helm.sh/release-name`. A manager that is gone from a field does not show that the tool lets it be: another's write takes it away.
"""

from collections.abc import Callable, Iterator

from ir.clients.kubernetes import managers
from ir.core.model import Json
from ir.core.ownership import Owner, word

Sources = Callable[[str], tuple[tuple[str, ...], str]]
_ESO = "externalsecrets.external-secrets.io/"
_IN_GIT = "change it where {} takes it from (its Git repository), or take the Secret out of it"
_TOOLS = ("argocd", "kustomize-controller", "helm", "terraform", "hashicorp", "pulumi", "external-secrets", "crossplane", "sealed-secrets")
"""How field managers begin that are programs which put their own value back."""


def owners_of(meta: Json, field: str, sources: Sources = lambda _name: ((), "")) -> tuple[Owner, ...]:
    """Those of one key of a Secret.

    Args:
        meta: of the Secret.
        field: the key of its data.
        sources: what an ExternalSecret of that name reads: references, and in words.
    """
    by = managers(meta, field)
    rows = [*_external(meta, by, sources), *_references(meta), *_gitops(meta)]
    known = " ".join(row.name.lower() for row in rows)
    for manager in by:
        tool = next((name for name in _TOOLS if manager.lower().startswith(name)), "")
        if manager.startswith(_ESO) or (tool and tool[:4] in known.replace(" ", "")):
            continue
        why = "" if tool else "whether it writes again is not known"
        rows.append(Owner(f"field manager {word(manager)}", "change the value there", why_not=why))
    return tuple({row.name: row for row in rows}.values())


def _external(meta: Json, by: list[str], sources: Sources) -> Iterator[Owner]:
    names = [str(row.get("name")) for row in meta.get("ownerReferences") or [] if row.get("kind") == "ExternalSecret"]
    names += [name.removeprefix(_ESO) for name in by if name.startswith(_ESO)]
    for name in dict.fromkeys(names):
        places, said = sources(name)
        yield Owner(f"ExternalSecret {word(name)}", f"change what it reads, and list that place{said and f' ({said})'}", places)
    if not names and (meta.get("labels") or {}).get("reconcile.external-secrets.io/managed") == "true":
        yield Owner("an ExternalSecret", "change what it reads, and list that place")


def _references(meta: Json) -> Iterator[Owner]:
    for row in meta.get("ownerReferences") or []:
        name = f"{word(row.get('kind'))} {word(row.get('name'))}"
        if row.get("kind") == "SealedSecret":
            yield Owner(name, "seal the new value, and apply that")
        elif row.get("kind") != "ExternalSecret":
            why = "" if row.get("controller") else "an owner, and no controller of it"
            yield Owner(name, "change the value where it takes it from", why_not=why)


def _gitops(meta: Json) -> Iterator[Owner]:
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    tracked = notes.get("argocd.argoproj.io/tracking-id")
    app = str(tracked).partition(":")[0] if tracked else labels.get("argocd.argoproj.io/instance")
    if app:
        yield Owner(f"Argo CD application {word(app)}", _IN_GIT.format("Argo CD"))
    release = notes.get("meta.helm.sh/release-name")
    flux = [("Kustomization", labels.get("kustomize.toolkit.fluxcd.io/name")), ("HelmRelease", labels.get("helm.toolkit.fluxcd.io/name"))]
    for kind, name in flux:
        if name:
            yield Owner(f"Flux {kind} {word(name)}", _IN_GIT.format("Flux"), why_not=_let_be(notes))
    if release and not flux[1][1]:
        yield Owner(f"Helm release {word(release)}", "change the value that the release is given, before its next upgrade")
    instance = labels.get("app.kubernetes.io/instance")
    if instance and not (app or release or flux[0][1] or flux[1][1]):
        name = f"Argo CD or Helm, as label app.kubernetes.io/instance {word(instance)} says"
        yield Owner(name, _IN_GIT.format("it"))


def _let_be(notes: Json) -> str:
    """Why Flux leaves an object alone, "" when it does not."""
    found = {name: str(notes.get(f"kustomize.toolkit.fluxcd.io/{name}", "")).lower() for name in ("reconcile", "ssa")}
    kept = found["reconcile"] == "disabled" or found["ssa"] in ("ifnotpresent", "ignore")
    return "its own annotations tell it to leave the object alone" if kept else ""
