"""The place that a key leaked from: it gets no new key until a named person says that it is closed. Pure."""

from collections.abc import Iterable

from ir.core.reference import Reference
from ir.incident.context import Options
from ir.incident.record import Incident
from ir.ports import Store


def open_source(options: Options, record: Incident) -> str:
    """The store or service that leaked, as long as no person has said that it is closed; "" = none, or it is."""
    said = (signal.get("source_closed") for signal in record.signals if signal["kind"] == "approve")
    return "" if options.source_closed_by or options.source in said else options.source


def kept_out(options: Options, record: Incident, stores: Iterable[Store]) -> list[str]:
    """Stores at that place, which keep no new key either: of the same account, mount, cluster …, or the same object where there is none."""
    stores, source = list(stores), open_source(options, record)
    leaked = next((store.ref for store in stores if source and str(store.ref) == source), None)
    return [str(store.ref) for store in stores if leaked is not None and _beside(store.ref, leaked)]


def _beside(ref: Reference, leaked: Reference) -> bool:
    return (ref.scheme, ref.host) == (leaked.scheme, leaked.host) if leaked.host else ref.object == leaked.object


def todo(incident: str, source: str) -> str:
    """What a person does about it."""
    return f"close the leak, then: ir approve {incident} --source-closed {source} --by NAME"
