"""Turn foreign columns into the `requests` table, as one DuckDB SELECT."""

from ir.review.ingest import lookups
from ir.review.ingest.lookups import Usual
from ir.review.sql.engine import quoted
from ir.review.sql.schema import TABLES

_BETWEEN = {"path": ("bare", "ir_bare(path)"), "ip": ("address", "ir_ip(ip)")}
_NOTHING = "CAST('' AS ENUM(''))"
_VERBS = ("CAST('read' AS ENUM('read', 'write'))", "CAST('write' AS ENUM('read', 'write'))")


def requests_sql(columns: dict[str, str], relation: str, *, own: int, source: str, usual: Usual | None = None) -> str:
    """A SELECT of the normalised columns plus `file` (name) and `bad` (1: nothing in the line was readable).

    Args:
        columns: column → SQL text expression over `relation` (VARCHAR, may be NULL); `path` and `agent` are raw.
        relation: what to select from; has a column `filename`.
        own: 1 for our own egress logs.
        source: what to write into the column `source`.
        usual: tables of usual values.
    """
    usual = usual or {}
    inner = (
        f"SELECT *, {lookups.between(_BETWEEN, columns, usual)} {_unread(columns)} AS unread "
        f"FROM ({raw_sql(columns, relation)}) r {lookups.joins(usual)}"
    )
    return f"SELECT {_outputs(columns, own, source, usual)}, filename AS file, CASE WHEN unread THEN 1 ELSE 0 END AS bad FROM ({inner})"


def raw_sql(columns: dict[str, str], relation: str) -> str:
    """A SELECT of the raw columns and `filename`."""
    return f"SELECT {', '.join(f'{expression} AS {name}' for name, expression in columns.items())}, filename FROM {relation}"


def usual_sql(columns: dict[str, str], sample: str, *, own: int) -> dict[str, tuple[tuple[str, ...], str]]:
    """How to make tables of usual values of a sample of raw rows: name → its raw columns, and the SELECT."""
    made = {raw: _cells(several) for raw, several in _by_column(columns, own).items()}
    there = {name: tuple(raw for raw in raws if raw in made) for name, raws in _FEW.items()}
    return {
        name: (raws, lookups.table_sql(name, {raw: made[raw] for raw in raws}, _BETWEEN, sample)) for name, raws in there.items() if raws
    }


def _unread(columns: dict[str, str]) -> str:
    return f"COALESCE({', '.join(columns)}) IS NULL"  # looks at the first column of almost all rows, and at no other


def _outputs(columns: dict[str, str], own: int, source: str, usual: Usual) -> str:
    made = lookups.outputs({raw: _cells(several) for raw, several in _by_column(columns, own).items()}, usual)
    made["own"] = f"CAST(CASE WHEN unread THEN -1 ELSE {own} END AS INTEGER)"
    made["source"] = f"CAST({quoted(source)} AS ENUM({quoted(source)}))"
    return ", ".join(f"{made.get(c.name) or _absent(c.type)} AS {c.name}" for c in TABLES["requests"])


def _cells(several: dict[str, str]) -> dict[str, str]:
    return {
        name: expression if _KINDS[name] == "VARCHAR" else f"CAST({expression} AS {_KINDS[name]})" for name, expression in several.items()
    }


def _absent(kind: str) -> str:
    """What a column that the log lacks holds; a text of one value only is written at a third of the cost as an enumeration."""
    return _NOTHING if kind == "VARCHAR" else f"CAST(0 AS {kind})"


def _by_column(columns: dict[str, str], own: int) -> dict[str, dict[str, str]]:
    """Raw column → what is made of it."""
    made = {name: {name: template.replace("{}", name)} for name, template in _TEMPLATES.items() if name in columns}
    if "path" in columns:
        made.pop("endpoint", None)
        made["path"] = _of_path(own)
        if not own and "object_id" not in columns:
            made["path"]["object_id"] = "ir_text(regexp_extract(bare, '/([a-z]{2,6}_[A-Za-z0-9_]{4,})', 1))"
    if "idem" in columns:
        made["idem"]["idem_format"] = "ir_idem_format(idem)"
    if "agent" in columns:
        made["agent"]["agent_version"] = "ir_agent_version(agent)"
    if "ip" in columns:
        made["ip"] = {"ip": "address", "net": "ir_net(address)"}
    if "method" in columns and "verb" not in columns:
        made["method"]["verb"] = _verb("method = 'GET'", "method = 'POST'", "upper(trim(substr(method, 1, 4))) IN ('GET', 'HEAD')")
    return made


def _of_path(own: int) -> dict[str, str]:
    made = {"endpoint": "ir_endpoint(bare)", "expands": "CASE WHEN contains(path, 'expand') THEN ir_expands(path) ELSE '' END"}
    if not own:
        made["paged"] = "CASE WHEN contains(path, 'starting_after=') OR contains(path, 'page=') THEN 1 ELSE 0 END"
        made["page_size"] = "ir_small(regexp_extract(path, '[?&]limit=([0-9]{1,4})', 1))"
    return made


def _verb(reads: str, writes: str, otherwise: str) -> str:
    read, write = _VERBS
    return f"CASE WHEN {reads} THEN {read} WHEN {writes} THEN {write} WHEN {otherwise} THEN {read} ELSE {write} END"


_TEMPLATES = {
    "ts": "ir_time({})",
    "verb": _verb("lower({}) = 'read'", "lower({}) = 'write'", "lower({}) IN ('true', 'get')"),
    "service": "ir_text({})",
    "request_id": "ir_id({})",
    "method": "CASE WHEN {} IN ('GET', 'POST', 'DELETE') THEN {} ELSE COALESCE(upper(regexp_extract({}, '^[A-Za-z]{3,7}')), '') END",
    "status": "COALESCE(TRY_CAST({} AS SMALLINT), TRY_CAST(TRY_CAST({} AS DOUBLE) AS SMALLINT), 0)",
    "key_id": "ir_key({})",
    "ip": "ir_ip({})",
    "agent": "ir_agent({})",
    "api_version": "ir_version({})",
    "idem": "ir_hash({})",
    "params": "ir_hash({})",
    "error_code": "ir_code(ir_text({}))",
    "decline_code": "ir_code(ir_text({}))",
    "amount": "ir_whole({})",
    "currency": "lower(ir_word({}))",
    "customer": "ir_person(ir_text({}))",
    "card": "ir_text({})",
    "object_id": "ir_text({})",
    "country": "ir_text({})",
    "asn": "ir_text({})",
    "account": "COALESCE(regexp_extract({}, '^acct_[A-Za-z0-9]{1,40}$'), '')",
    "endpoint": "ir_endpoint({})",
}
_KINDS = {c.name: c.type for c in TABLES["requests"]}
_FEW = {"callers": ("service", "key_id", "agent", "api_version", "account"), "addresses": ("ip", "country", "asn"), "paths": ("path",)}
"""Raw columns that together have few values in most logs. To join a table costs as much as to work out one that is not scrubbed."""
