"""Turn foreign columns into the `requests` table, as one DuckDB SELECT."""

from ir.review.sql.engine import quoted
from ir.review.sql.schema import TABLES


def requests_sql(columns: dict[str, str], relation: str, *, own: int, source: str) -> str:
    """A SELECT of the normalised columns plus `file` (name) and `bad` (1: nothing in the line was readable).

    Args:
        columns: column → SQL text expression over `relation` (VARCHAR, may be NULL); `path` and `agent` are raw.
        relation: what to select from; has a column `filename`.
        own: 1 for our own egress logs.
        source: what to write into the column `source`.
    """
    raw = ", ".join(f"{expression} AS {name}" for name, expression in columns.items())
    inner = f"SELECT *, {_unread(columns)} AS unread FROM (SELECT {raw}, {_bare(columns)} filename FROM {relation})"
    return f"SELECT {_outputs(columns, own, source)}, filename AS file, CASE WHEN unread THEN 1 ELSE 0 END AS bad FROM ({inner})"


def _bare(columns: dict[str, str]) -> str:
    bare = f"ir_bare({columns['path']}) AS bare, " if "path" in columns else ""
    return bare + (f"ir_ip({columns['ip']}) AS address, " if "ip" in columns else "")


def _unread(columns: dict[str, str]) -> str:
    return " AND ".join(f"{name} IS NULL" for name in columns)


def _outputs(columns: dict[str, str], own: int, source: str) -> str:
    made = {name: template.replace("{}", name) for name, template in _TEMPLATES.items() if name in columns}
    made["own"], made["source"] = f"CASE WHEN unread THEN -1 ELSE {own} END", quoted(source)
    if "path" in columns:
        made["endpoint"] = "ir_endpoint(bare)"
        made["expands"] = "CASE WHEN contains(path, 'expand') THEN ir_expands(path) ELSE '' END"
        if not own:
            made["paged"] = "CASE WHEN contains(path, 'starting_after=') OR contains(path, 'page=') THEN 1 ELSE 0 END"
            made["page_size"] = "ir_small(regexp_extract(path, '[?&]limit=([0-9]{1,4})', 1))"
            made.setdefault("object_id", "ir_text(regexp_extract(bare, '/([a-z]{2,6}_[A-Za-z0-9_]{4,})', 1))")
    if "idem" in columns:
        made["idem_format"] = "ir_idem_format(idem)"
    if "agent" in columns:
        made["agent_version"] = "ir_agent_version(agent)"
    if "ip" in columns:
        made["ip"], made["net"] = "address", "ir_net(address)"
    made["verb"] = _verb(columns)
    return ", ".join(f"{_typed(made.get(c.name), c.type)} AS {c.name}" for c in TABLES["requests"])


def _verb(columns: dict[str, str]) -> str:
    if "verb" in columns:
        return "CASE WHEN lower(verb) IN ('read', 'true', 'get') THEN 'read' ELSE 'write' END"
    if "method" in columns:
        return (
            "CASE WHEN method = 'GET' THEN 'read' WHEN method = 'POST' THEN 'write' "
            "WHEN upper(trim(substr(method, 1, 4))) IN ('GET', 'HEAD') THEN 'read' ELSE 'write' END"
        )
    return "''"


def _typed(expression: str | None, kind: str) -> str:
    if expression is None:
        expression = "''" if kind == "VARCHAR" else "0"
    return expression if kind == "VARCHAR" else f"CAST({expression} AS {kind})"


_TEMPLATES = {
    "ts": "ir_time({})",
    "verb": "''",
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
