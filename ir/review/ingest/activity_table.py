"""Activity-log entries (API, S3 stream, security-history export) → the `activity` table, as one DuckDB SELECT."""

from ir.review.sql.schema import TABLES

PATHS = {
    "id": "$.id",
    "type": "$.type",
    "created": "$.created",
    "grp": "$.details.type",
    "actor_type": "$.actor.type",
    "email": "$.actor.user.email",
    "actor_key": "$.actor.api_key.id",
    "request": "$.request.id",
    "related": "$.related_object.id",
    "key": "$.details.api_key.id",
    "new_key": "$.details.api_key.new_key",
    "key_name": "$.details.api_key.name",
    "allow_list": "$.details.api_key.ip_allowlist",
    "invited": "$.details.user_invite.user_email",
    "roles_user": "$.details.user_roles.user_email",
    "new_roles": "$.details.user_roles.new_roles",
    "ip": "$.details.user_access.network.ip_address",
    "country": "$.details.user_access.network.country",
}
_OUT = {
    "ts": "ir_time(created)",
    "id": "ir_text(id)",
    "type": "ir_text(type)",
    "grp": "ir_text(COALESCE(grp, ''))",
    "actor_type": "ir_text(actor_type)",
    "actor": "ir_person(ir_text(COALESCE(email, actor_key)))",
    "request_id": "ir_text(request)",
    "object_id": "COALESCE(ir_text(COALESCE(key, related)), '') || CASE WHEN key IS NULL AND related IS NULL "
    "THEN ir_person(ir_text(COALESCE(invited, roles_user))) ELSE '' END",
    "ip": "ir_ip(ip)",
    "country": "ir_text(country)",
    # Names of people are personal data; names that an incident asked for tell its own keys.
    "changed": "CASE WHEN new_key IS NOT NULL THEN 'new_key ' || ir_text(new_key) "
    "WHEN type = 'api_key_created' AND regexp_matches(key_name, '^ir-INC-[0-9]{8}-[0-9a-z]{4,12}-[0-9]{1,4}$') THEN 'named ' || key_name "
    "WHEN allow_list = '[]' AND type = 'api_key_updated' THEN 'ip_allowlist empty' "
    "WHEN allow_list LIKE '[_%]' THEN 'ip_allowlist set' WHEN new_roles IS NOT NULL THEN 'roles ' || ir_text(new_roles) ELSE '' END",
}


def activity_sql(relation: str) -> str:
    """A SELECT of the normalised columns plus `file` and `bad` over `relation`, which has `j` (JSON) and `filename`."""
    paths = "[" + ", ".join(f"'{path}'" for path in PATHS.values()) + "]"
    unpacked = ", ".join(f"v[{i + 1}] AS {name}" for i, name in enumerate(PATHS))
    return _select(_OUT, f"(SELECT {unpacked}, filename FROM (SELECT json_extract_string(j, {paths}) AS v, filename FROM {relation}))")


def flat_activity_sql(columns: dict[str, str], relation: str) -> str:
    """The same from flat columns (column → SQL text expression)."""
    outputs = {name: f"ir_text({columns[name]})" for name in columns if name not in ("ts", "type", "ip")}
    for name, macro in (("actor", "ir_person"), ("object_id", "ir_person"), ("changed", "ir_note")):
        if name in columns:
            outputs[name] = f"{macro}({outputs[name]})"
    outputs["ts"] = f"ir_time({columns['ts']})" if "ts" in columns else "0"
    kind = columns.get("type", "''")
    outputs["type"] = f"regexp_replace(lower(ir_text({kind})), '[^a-z0-9]+', '_', 'g')"
    if "ip" in columns:
        outputs["ip"] = f"ir_ip({columns['ip']})"
    outputs.setdefault("id", "''")
    return _select(outputs, relation, bad=" AND ".join(f"{e} IS NULL" for e in columns.values()))


def _select(outputs: dict[str, str], relation: str, bad: str = "id IS NULL OR type IS NULL") -> str:
    cells = []
    for column in TABLES["activity"]:
        empty = "''" if column.type == "VARCHAR" else "0"
        cells.append(f"CAST(COALESCE({outputs.get(column.name, empty)}, {empty}) AS {column.type}) AS {column.name}")
    return f"SELECT {', '.join(cells)}, filename AS file, CASE WHEN {bad} THEN 1 ELSE 0 END AS bad FROM {relation}"
