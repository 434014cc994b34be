"""The text of an e-mail, as a person saved it or pasted a part of its source: MIME, quoted-printable, base64, HTML, `>` before lines.

Linear in hostile text: each pattern begins at a line, or has a bound.
"""

import base64
import binascii
import email
import html
import quopri
import re
from email.message import Message

_HEADER = re.compile(r"\s{0,50}(?:From [^\n]{1,200}\n)?(?:[A-Za-z][A-Za-z0-9-]{1,40}:[^\n]*\n(?:[ \t][^\n]*\n){0,50}){2}")
_INSIDE = re.compile(r"^(?:--([^\s\"]{1,70})[ \t]*\n)?Content-(?:Type|Transfer-Encoding|Disposition):", re.MULTILINE | re.IGNORECASE)
_ABOVE = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]{1,40}:[^\n]*|[ \t][^\n]+)\n")
"""A line of a header, or one that goes on with it."""
_MOST_ABOVE = 200
_ITS = {"from", "subject", "received", "message-id", "mime-version", "content-type", "content-transfer-encoding"}
_HTML = re.compile(r"<(?:html|body|head|table|td|div|span|p|br|a)\b[^<>]{0,2000}>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_LINK = re.compile(r"<a\b[^<>]{0,1000}?\bhref=[\"'](https?://[^\"'<>\s]{4,1000})[\"']", re.IGNORECASE)
_LOOSE = re.compile(r"=(?!\r?\n|[0-9A-Fa-f]{2}|$)")
_BREAK = re.compile(r"=(?:3D|C2=A0|E2=80|\r?\n)")
_BASE64 = re.compile(r"^(?:[A-Za-z0-9+/]{40,1000}\r?\n){0,5000}[A-Za-z0-9+/]{4,1000}={0,2}[ \t]*$", re.MULTILINE)
_FEWEST = 80
"""Characters of base64 that are taken for text; a hash has fewer."""
_QUOTED = re.compile(r"^(?:> ?)+", re.MULTILINE)
_UNSEEN = re.compile("[\u200b-\u200d\u00ad\u034f\ufeff]")
_SPACES = re.compile("[\u00a0\u202f\u2007]")


def text_of(content: str) -> tuple[list[str], str]:
    """What its `Date` headers say, and all its text, decoded: a mail's own first, then what stands around it."""
    content = _unquoted(content.replace("\r\n", "\n"))
    at = _begin(content)
    if at is None:
        return [], _loose(content)
    before, source = content[: at[0]], at[1] + content[at[0] :]
    try:
        mail = email.message_from_string(source.lstrip())
        parts = [part for part in mail.walk() if part.get_content_maintype() == "text" and not part.is_multipart()]
        dates = [str(one.get("Date", ""))[:100] for one in mail.walk() if one.get("Date")]
        said = [f"{str(mail.get('Subject', ''))[:500]}", *map(_decoded, sorted(parts, key=_rank))]
    except (RecursionError, ValueError, LookupError):
        return [], _loose(content)
    if not _ITS.intersection(name.lower() for name in mail):  # a scanner's `Finding: …` looks like a header
        return [], _loose(content)
    return dates, _spaced("\n".join(filter(None, [*said, _loose(before)])))


def _unquoted(content: str) -> str:
    lines = [line for line in content.split("\n") if line.strip()]
    return _QUOTED.sub("", content) if 2 * sum(line.startswith(">") for line in lines) > len(lines) else content


def _begin(content: str) -> tuple[int, str] | None:
    """Where a mail or a part of one begins, and the header that a part lacks; None when nothing of a mail's source is there."""
    if _HEADER.match(content):
        return 0, ""
    found = _INSIDE.search(content)
    if found is None:
        return None
    if found[1]:
        return found.start(), f'Content-Type: multipart/mixed; boundary="{found[1]}"\n\n'
    lines = content[: found.start()].splitlines(keepends=True)[-_MOST_ABOVE:]
    start = found.start()
    while lines and _ABOVE.fullmatch(lines[-1]):
        start -= len(lines.pop())
    return start, ""


def _rank(part: Message) -> bool:
    """Plain text first: the same in HTML may have addresses of trackers."""
    return part.get_content_subtype() == "html"


def _decoded(part: Message) -> str:
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    text = raw.decode(part.get_content_charset("utf-8"), "replace")
    return _of_html(text) if part.get_content_subtype() == "html" else text


def _loose(text: str) -> str:
    """Text without a header that names its coding."""
    text = _BASE64.sub(_packed, text)
    if _BREAK.search(text) and not _LOOSE.search(text):
        text = quopri.decodestring(text.encode()).decode("utf-8", "replace")
    return _spaced(_of_html(text) if _HTML.search(text) else text)


def _packed(found: re.Match[str]) -> str:
    if len(found[0]) < _FEWEST:
        return found[0]
    try:
        said = base64.b64decode(found[0].replace("\n", "").strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return found[0]
    return said if sum(not one.isprintable() and one not in "\r\n\t" for one in said) * 20 <= len(said) else found[0]


def _of_html(text: str) -> str:
    links = dict.fromkeys(map(html.unescape, _LINK.findall(text)))
    return "\n".join((html.unescape(_TAG.sub(" ", text)), *links))


def _spaced(text: str) -> str:
    return _SPACES.sub(" ", _UNSEEN.sub("", text))
