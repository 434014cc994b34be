"""DuckDB macros of the importer: times in any unit, scrubbing, closed vocabularies. Used only while loading.

No text that a stranger may write survives: ids, words and addresses are cut down to their alphabet,
paths lose their query and their ids, user agents become families.
"""

from ir.review.ingest.column_names import REQUEST_SHAPE
from ir.review.ingest.text_times import ZONES

SECRET_SHAPE = r"(sk|rk|pk|ek|rkcs)_(org_)?(live|test|prod)_[A-Za-z0-9*.]{4,}|whsec_[A-Za-z0-9+/=_-]{8,}|\b(c2tf|cmtf)[A-Za-z0-9+/=]{12,}"  # noqa: S105 # a shape, no secret
_SHORTEST = 12  # characters of the shortest secret; a card number has 13
BEYOND = -9_223_372_036_854_775_000
"""Stands for a number beyond 64 bits while a file is loaded."""
CARD_SHAPE = r"\b[0-9](?:[ -]?[0-9]){12,18}\b"
_UNMARKED = CARD_SHAPE + r"|\b(?:c2tf|cmtf)[A-Za-z0-9+/=]{12,}"  # text that no fixed pattern gives away

# Tried on a stamp without weekday, fraction, commas and the words UTC, GMT, Z; a date without a zone is in the session's.
_FORMATS = (
    "['%d/%b/%Y:%H:%M:%S %z', '%d/%b/%Y %H:%M:%S %z', '%d %b %Y %H:%M:%S %z', '%Y-%m-%dT%H:%M:%S%z', "
    "'%Y-%m-%d %H:%M:%S %z', '%Y%m%dT%H%M%S%z', '%Y/%m/%d %H:%M:%S %z', "
    "'%m/%d/%Y %H:%M:%S %z', '%m/%d/%Y %I:%M:%S %p %z', '%Y-%m-%d %I:%M:%S %p %z', "
    "'%d-%b-%y %H:%M:%S %z', '%d-%b-%Y %H:%M:%S %z', '%d.%m.%Y %H:%M:%S %z', '%b %d %H:%M:%S %Y %z', "
    "'%b %d %Y %H:%M:%S %z', '%b %d %Y %I:%M:%S %p %z', "
    "'%b %d %Y %I:%M %p %z', '%Y-%m-%dT%H:%M:%S %z']"
)
_PLAIN_FORMATS = (
    "['%d/%b/%Y:%H:%M:%S', '%d/%b/%Y %H:%M:%S', '%m/%d/%Y %H:%M:%S', '%m/%d/%Y %H:%M', '%m/%d/%Y %I:%M:%S %p', '%m/%d/%Y %I:%M %p', "
    "'%m/%d/%y %I:%M %p', '%d/%m/%Y %H:%M:%S', '%d/%m/%Y %H:%M', '%d.%m.%Y %H:%M:%S', '%d.%m.%Y %H:%M', "
    "'%b %d %Y %I:%M:%S %p', '%b %d %Y %I:%M %p', '%b %d %Y %H:%M:%S', '%b %d %Y %H:%M', '%b %d %H:%M:%S %Y', "
    "'%d %b %Y %H:%M:%S', '%d %b %Y %H:%M', '%d %b %Y %I:%M %p', '%Y/%m/%d %H:%M:%S', '%Y%m%dT%H%M%S', '%Y%m%d%H%M%S', "
    "'%Y-%m-%d %I:%M:%S %p', '%d/%m/%Y %I:%M:%S %p', '%d.%m.%Y %I:%M:%S %p', '%Y/%m/%d %I:%M:%S %p', '%d-%b-%y %H:%M:%S', "
    "'%d-%b-%Y %H:%M:%S', "
    "'%b %d %Y', '%d %b %Y', '%m/%d/%Y']"
)

# How a number's magnitude tells its unit: below 1e11 seconds (until the year 5138), then ms, µs, ns. Whole ones are cut without a
# detour: as a floating-point number, the last nanoseconds of a second belong to the next.
_NUMBER = """CASE WHEN n IS NULL OR n <= 0 OR n >= 4e18 THEN NULL WHEN n >= 1e17 THEN CAST(FLOOR(n / 1e9) AS BIGINT)
  WHEN n >= 1e14 THEN CAST(FLOOR(n / 1e6) AS BIGINT) WHEN n >= 1e11 THEN CAST(FLOOR(n / 1e3) AS BIGINT)
  WHEN n < 1e8 THEN NULL ELSE CAST(FLOOR(n) AS BIGINT) END"""
_WHOLE_NUMBER = """CASE WHEN NOT regexp_full_match(x, '[0-9]{9,19}') THEN NULL WHEN length(x) >= 18 THEN TRY_CAST(x AS BIGINT) // 1000000000
  WHEN length(x) >= 15 THEN TRY_CAST(x AS BIGINT) // 1000000 WHEN length(x) >= 12 THEN TRY_CAST(x AS BIGINT) // 1000
  WHEN TRY_CAST(x AS BIGINT) >= 100000000 THEN TRY_CAST(x AS BIGINT) END"""
# 14 digits that begin with 20 are a date run together, not milliseconds of the year 2612.
_RUN_TOGETHER = "length(x) = 14 AND starts_with(x, '20')"
# .NET's JSON: milliseconds of UTC, whatever offset follows them.
_DATE_OF_NET = r"^/Date[(]([0-9]{10,14})(?:[+-][0-9]{4})?[)]/$"
# JavaScript's dates end with `GMT+0200 (CEST)`.
_TIDY = r"""regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(trim(x),
  ' ?(?:UTC|GMT)([+-][0-9:]+)(?: [(].*[)])?$', ' \1'),
  '^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? ', ''),
  ' ?(?:Z|UTC|GMT|\[[A-Za-z_/+-]+\])$', ''), '(:[0-9]{2}|T[0-9]{6})[,.][0-9]+', '\1'),
  '(?i)([0-9])[ \x{a0}\x{202f}]?([ap])[.]?m\b[.]?', '\1 \2M')"""
_CLEAR = "regexp_matches(x, '(?:UTC|GMT|Z|(?i)[ap][.]?m[.]?)$')"
_LETTERS = "regexp_matches(x, '[0-9M] ?[A-Z]{3,5}$')"
_REGION = "regexp_matches(x, '[0-9] [A-Z][A-Za-z_]+/[A-Za-z_/+-]*[A-Za-z]$')"
_OFFSET = "CASE regexp_extract(x, '([A-Z]{3,5})$', 1) " + " ".join(f"WHEN '{zone}' THEN '{at}'" for zone, at in ZONES.items()) + " END"

_AGENTS = (
    (" ir/", "ir"),
    ("trufflehog", "scanner"),
    ("gitguardian", "scanner"),
    ("ggshield", "scanner"),
    ("gitleaks", "scanner"),
    ("stripe-cli", "stripe-cli"),
    ("mozilla", "browser"),
    ("python-requests", "python-requests"),
    ("python-httpx", "python-httpx"),
    ("aiohttp", "aiohttp"),
    ("curl/", "curl"),
    ("guzzle", "guzzle"),
    ("postman", "postman"),
    ("go-http-client", "go-http-client"),
    ("axios", "axios"),
    ("okhttp", "okhttp"),
)


def _agent() -> str:
    cases = " ".join(f"WHEN contains(x, '{mark}') THEN '{family}'" for mark, family in _AGENTS)
    return f"CASE {cases} ELSE regexp_extract(x, '^[a-z][a-z_.-]{{0,23}}') END"


MACROS: tuple[str, ...] = (
    f"ir_number_time(n) AS {_NUMBER}",
    f"ir_tidy(x) AS replace(replace(replace({_TIDY}, ', ', ' '), ' @ ', ' '), '  ', ' ')",
    f"""ir_stamp(x) AS COALESCE(TRY_CAST(x AS TIMESTAMPTZ), CAST(try_strptime(x, {_FORMATS}) AS TIMESTAMPTZ),
      CAST(try_strptime(x, {_PLAIN_FORMATS}) AS TIMESTAMPTZ))""",
    # Syslog leaves the year out: it is the last such day.
    "ir_dated(x, y) AS try_strptime(concat(y, ' ', x), '%Y %b %d %H:%M:%S')",
    """ir_yearless_named(x) AS CASE WHEN NOT regexp_matches(x, '^[A-Z][a-z]{2} [0-9]{1,2} [0-9:]{8}$') THEN NULL
      WHEN ir_dated(x, year(now())) > now() + INTERVAL 1 DAY THEN CAST(ir_dated(x, year(now()) - 1) AS TIMESTAMPTZ)
      ELSE CAST(ir_dated(x, year(now())) AS TIMESTAMPTZ) END""",
    """ir_yearless(x) AS CASE WHEN regexp_matches(x, '^[0-9]{4} [0-9:]{8}$')
        THEN ir_yearless_named(strftime(try_strptime('2024' || x, '%Y%m%d %H:%M:%S'), '%b %d %H:%M:%S')) ELSE ir_yearless_named(x) END""",
    """ir_region(x) AS CAST(try_strptime(regexp_replace(x, '(:[0-9]{2})[,.][0-9]+', '\\1'),
      ['%d-%b-%Y %H:%M:%S %Z', '%Y-%m-%d %H:%M:%S %Z', '%Y-%m-%dT%H:%M:%S %Z', '%Y/%m/%d %H:%M:%S %Z',
        '%d/%b/%Y:%H:%M:%S %Z']) AS TIMESTAMPTZ)""",
    # `CAST … AS TIMESTAMPTZ` reads letters as a zone, and guesses which: none are left here.
    """ir_calendar(x) AS COALESCE(CAST(FLOOR(epoch(TRY_CAST(x AS TIMESTAMPTZ))) AS BIGINT),
      CAST(FLOOR(epoch(ir_stamp(ir_tidy(x)))) AS BIGINT), CAST(FLOOR(epoch(ir_yearless(ir_tidy(x)))) AS BIGINT))""",
    f"ir_offset(x) AS {_OFFSET}",
    # Letters of a zone become its offset; a region is no text that `ir_calendar` reads.
    f"""ir_zoned(x) AS CASE WHEN {_CLEAR} THEN x
      WHEN {_LETTERS} THEN rtrim(regexp_replace(x, '[A-Z]+$', '')) || ' ' || ir_offset(x)
      WHEN NOT {_REGION} THEN x END""",
    f"""ir_spelled(x) AS CASE WHEN NOT {_CLEAR} AND NOT {_LETTERS} AND {_REGION} THEN CAST(FLOOR(epoch(ir_region(x))) AS BIGINT)
      ELSE list_transform([ir_zoned(x)], lambda y: ir_calendar(y))[1] END""",
    # The zone of `Wed Nov 18 07:00:00 EST 2026` goes to the end.
    """ir_turned(x) AS CASE WHEN regexp_matches(x, ' [A-Z]{3,5} 20[0-9]{2}$')
      THEN regexp_replace(x, '( [A-Z]{3,5})( 20[0-9]{2})$', '\\2\\1') ELSE x END""",
    f"ir_whole_time(x) AS {_WHOLE_NUMBER}",
    # A macro writes its argument wherever it uses it; the lambda has it once, or this text would fill pages.
    f"""ir_any_time(x) AS COALESCE(CASE WHEN {_RUN_TOGETHER} THEN NULL
        WHEN starts_with(x, '/Date(') THEN TRY_CAST(regexp_extract(x, '{_DATE_OF_NET}', 1) AS BIGINT) // 1000
        ELSE COALESCE(ir_whole_time(x), ir_number_time(TRY_CAST(replace(x, ',', '.') AS DOUBLE))) END,
      list_transform([CASE WHEN regexp_matches(x, '[A-Za-z.]$|[A-Z]{{3,5}} 20[0-9]{{2}}$') THEN ir_turned(replace(trim(x), '(', ''))
        WHEN regexp_matches(x, '(?:UTC|GMT)[+-][0-9]')
        THEN ir_tidy(regexp_replace(x, '([+-])([0-9])(:[0-9]{{2}})?$', '\\10\\2\\3')) ELSE x END], lambda z: ir_spelled(z))[1], 0)""",
    # Whole seconds are what most logs have; to look for anything else costs ten times as much.
    # Of ten characters none is a fraction of a second.
    """ir_time(x) AS CASE WHEN length(x) = 10 AND TRY_CAST(x AS BIGINT) >= 100000000 THEN TRY_CAST(x AS BIGINT)
      ELSE ir_any_time(x) END""",
    "ir_word(x) AS COALESCE(regexp_extract(x, '^[A-Za-z0-9_.@+:,/ -]{0,80}'), '')",
    f"""ir_clean(x, n) AS substr(regexp_replace(regexp_replace(regexp_replace(COALESCE(x, ''), '{SECRET_SHAPE}', '[secret]', 'g'),
      '{CARD_SHAPE}', '[card]', 'g'), '[\\x00-\\x1f\\x7f-\\x9f]', ' ', 'g'), 1, n)""",
    # An id of Stripe's: no secret (`whsec_` and what has two `_` are none), no card number, short enough.
    "ir_is_id(x) AS regexp_full_match(x, '[a-z]{2,9}_[A-Za-z0-9]{1,60}') AND NOT starts_with(x, 'whsec_')",
    f"""ir_text(x) AS CASE WHEN x IS NULL OR x = '' THEN ''
      WHEN length(x) < {_SHORTEST} AND NOT regexp_matches(x, '[^A-Za-z0-9_.+:,/ -]') THEN x
      WHEN ir_is_id(x) THEN x WHEN contains(x, '@') THEN ir_word(ir_person(ir_clean(x, 200)))
      WHEN contains(x, '_live_') OR contains(x, '_test_') OR contains(x, '_prod_')
      OR contains(x, 'whsec_') OR regexp_matches(x, '{_UNMARKED}') THEN ir_word(ir_clean(x, 80)) ELSE ir_word(x) END""",
    # Stripe's id, alone or in a text; another one (a map's) only if it is a plain word.
    f"""ir_id(x) AS CASE WHEN x IS NULL THEN ''
      WHEN length(x) <= 40 AND starts_with(x, 'req_') AND NOT regexp_matches(x, '[^A-Za-z0-9_]') THEN x
      WHEN contains(x, 'req_') AND regexp_matches(x, '{REQUEST_SHAPE}') THEN regexp_extract(x, '{REQUEST_SHAPE}')
      WHEN length(x) <= 64 AND NOT contains(x, '_live_') AND NOT contains(x, '_test_')
      THEN regexp_extract(x, '^[A-Za-z0-9_.:@/+=-]*$') ELSE '' END""",
    """ir_expands(p) AS substr(array_to_string(list_sort(list_distinct(
      regexp_extract_all(p, '[?&]expand(?:%5[Bb]|\\[)[0-9]{0,3}(?:%5[Dd]|\\])=([a-z_.]{1,80})', 1))), ','), 1, 400)""",
    # `POST /v1/charges HTTP/1.1`
    "ir_line(x) AS COALESCE(NULLIF(regexp_extract(x, '^[A-Za-z]{3,7} +(?:[a-z]+://[^/ ]+)?(/[^ ]*)', 1), ''), x)",
    """ir_bare(x) AS CASE WHEN starts_with(x, '/') AND NOT contains(x, '?') AND NOT contains(x, ' ') AND NOT contains(x, '://') THEN x
      ELSE split_part(CASE WHEN regexp_matches(x, '^v[12]/[a-z]') THEN '/' || x WHEN contains(x, ' ') THEN ir_line(x)
      WHEN contains(x, '://') THEN '/' || regexp_replace(x, '^[a-z]+://[^/]*/?', '') ELSE x END, '?', 1) END""",
    """ir_endpoint(p) AS CASE WHEN p IS NULL THEN '' WHEN NOT starts_with(p, '/') THEN ir_text(p)
      WHEN p = '/v1/charges' OR p = '/v1/customers' OR p = '/v1/payment_intents' OR p = '/v1/refunds' THEN p
      WHEN regexp_full_match(p, '/v[12]/[a-z_]{1,40}/[a-z]{2,9}_[A-Za-z0-9]*[A-Z0-9][A-Za-z0-9]*')
      THEN regexp_extract(p, '^/v[12]/[a-z_]{1,40}/') || ':id'
      WHEN starts_with(p, '/v1/') OR starts_with(p, '/v2/') THEN substr(p, 1, 3) || ir_steps(substr(p, 4)) ELSE ir_steps(p) END""",
    "ir_steps(p) AS substr(regexp_replace(rtrim(p, '/'), '/[a-z_]*[^a-z_/][^/]*', '/:id', 'g'), 1, 80)",
    """ir_net(x) AS CASE WHEN x = '' THEN '' WHEN contains(x, ':') THEN regexp_extract(x, '^[0-9a-f]*:[0-9a-f]*:[0-9a-f]*') || '::/48'
      ELSE left(x, length(x) - strpos(reverse(x), '.')) || '.0/24' END""",
    # To match a whole text costs half of what it costs to take a part out. `::ffff:198.51.100.7` is how Node writes an IPv4 address.
    """ir_ip(x) AS CASE WHEN regexp_full_match(x, '[0-9]{1,3}([.][0-9]{1,3}){3}') THEN x
      ELSE COALESCE(lower(regexp_extract(x,
        '^\\[?(?:::[fF]{4}:)?([0-9]{1,3}(?:[.][0-9]{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]{1,44})', 1)), '') END""",
    r"""ir_private(x) AS regexp_matches(x, '^(?:10[.]|127[.]|192[.]168[.]|169[.]254[.]|172[.](?:1[6-9]|2[0-9]|3[01])[.]|'
      '100[.](?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])[.]|::1$|f[cd][0-9a-f]{2}:|fe80:)')""",
    # Each proxy appends the address that it saw, and what stands before that may be made up: the last that is no proxy of ours.
    r"""ir_hop(x) AS list_last(list_filter(list_transform(string_split(right(x, 1000), ','),
      lambda c: ir_ip(regexp_extract(c, '(?i)^(?:.*for=)?["\[\s]*([0-9a-f:.]+)', 1))), lambda a: a <> '' AND NOT ir_private(a)))""",
    # Basic authorisation is the key and a colon in base64.
    """ir_basic(x) AS COALESCE(rtrim(TRY(decode(from_base64(regexp_extract(x, '(?i)^basic +([A-Za-z0-9+/=]+)', 1)))), ':'), x)""",
    (
        "ir_key(x) AS CASE WHEN x IS NULL THEN '' WHEN starts_with(x, 'mk_') AND regexp_full_match(x, '[a-z0-9A-Z_]{1,12}') THEN x "
        "WHEN contains(x, '_live_') OR contains(x, '_test_') OR contains(x, '_prod_') "
        "THEN 'key:' || substr(sha256(trim(replace(x, 'Bearer ', ''))), 1, 16) "
        "WHEN contains(x, ' ') AND regexp_matches(x, '(?i)^(basic|bearer|token) ') "
        "THEN 'key:' || substr(sha256(ir_basic(x)), 1, 16) ELSE ir_word(x) END"
    ),
    f"ir_agent_of(x) AS {_agent()}",
    # Some logs write `%20` or `+` for a space, and `%2F` for a slash.
    """ir_agent(x) AS CASE WHEN x IS NULL OR x = '' THEN '' WHEN contains(x, ' ir/') THEN 'ir'
      WHEN contains(x, 'NodeBindings') THEN 'stripe-node' WHEN contains(x, 'PythonBindings') THEN 'stripe-python'
      WHEN contains(x, 'RubyBindings') THEN 'stripe-ruby' WHEN contains(x, 'PhpBindings') THEN 'stripe-php'
      WHEN contains(x, 'JavaBindings') THEN 'stripe-java' WHEN contains(x, 'GoBindings') THEN 'stripe-go'
      WHEN contains(x, '.NetBindings') THEN 'stripe-dotnet' ELSE ir_agent_of(lower(x)) END""",
    # To match a whole text costs half of what it costs to take a part out, so the usual forms are matched first.
    """ir_numbered(x) AS regexp_extract(x,
      '^(?:Stripe/v[12] [A-Za-z.]{1,10}Bindings|[A-Za-z][A-Za-z0-9_.-]{0,40})(?:/|%2F)v?([0-9]{1,6}(?:[.][0-9]{1,6}){0,3})', 1)""",
    "ir_numbers(x, y) AS CASE WHEN regexp_full_match(y, '[0-9]{1,6}(?:[.][0-9]{1,6}){0,3}') THEN y ELSE ir_numbered(x) END",
    """ir_agent_version(x) AS CASE WHEN x IS NULL THEN ''
      WHEN starts_with(x, 'Stripe/v1 ') THEN ir_numbers(x, split_part(x, 'Bindings/', 2))
      WHEN contains(x, 'Bindings') THEN regexp_extract(x, 'Bindings(?:/|%2F)([0-9]{1,6}(?:[.][0-9]{1,6}){0,3})', 1)
      ELSE ir_numbered(x) END""",
    """ir_version(x) AS CASE WHEN x IS NULL THEN ''
      WHEN regexp_full_match(x, '20[0-9]{2}-[0-9]{2}-[0-9]{2}[.][a-z]{1,20}') THEN x
      ELSE regexp_extract(x, '^20[0-9]{2}-[0-9]{2}-[0-9]{2}([.][a-z]{1,20})?') END""",
    # What programs print for a key that is not there. The engine would make a join of a long IN, over all rows.
    r"ir_no_key(x) AS regexp_full_match(x, '|undefined|null|None|nil|none|-|<nil>|\(null\)')",
    """ir_idem_format(x) AS CASE WHEN x IS NULL THEN 'none' WHEN length(x) < 12 AND ir_no_key(x) THEN 'none'
      WHEN starts_with(x, 'stripe-node-retry-') THEN 'node'
      WHEN x LIKE '________-____-____-____-____________' THEN 'uuid' ELSE 'other' END""",
    "ir_hash(x) AS CASE WHEN x IS NULL THEN 0 WHEN length(x) < 12 AND ir_no_key(x) THEN 0 ELSE CAST(hash(x) >> 1 AS BIGINT) END",
    # A number that no column holds, and that is no reason to lose the row.
    f"""ir_whole(x) AS CASE WHEN x IS NULL OR x = '' THEN 0 ELSE COALESCE(TRY_CAST(TRY_CAST(x AS DOUBLE) AS BIGINT),
      CASE WHEN TRY_CAST(x AS DOUBLE) IS NULL THEN 0 ELSE {BEYOND} END) END""",
    "ir_small(x) AS COALESCE(TRY_CAST(ir_whole(x) AS INTEGER), 0)",
    # Colours of a terminal.
    r"""ir_plain(x) AS CASE WHEN contains(x, chr(27)) THEN regexp_replace(x, '\x1b\[[0-9;]*[A-Za-z]', '', 'g') ELSE x END""",
    # A text that came as its bytes, as journald writes what has colours in it.
    """ir_said(x) AS CASE WHEN starts_with(x, '[') AND regexp_matches(x, '^\\[ *[0-9]')
      THEN COALESCE(array_to_string(list_transform(TRY_CAST(x AS INTEGER[]), lambda c: chr(c)), ''), x) ELSE x END""",
)
