"""The e-mail that tells of a leak, as people save, forward and paste it: MIME source, quoted-printable, base64, HTML."""

import base64
import email
import email.policy
import re
import time
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from ir import alerts
from ir.alerts.alert import Ends
from ir.core.errors import BadFile

PLACE = "https://github.com/acme/shop/blob/" + "a" * 40 + "/deploy/production/settings.env#L12"
SEEN = datetime(2026, 11, 20, 8, 30, tzinfo=UTC).timestamp()
SAID = f"""Hello,

We noticed that your Stripe secret key for acct_1AbC was published at November 20, 2026 8:30 AM UTC and may be compromised, see {PLACE} where it was found. The last four characters of the key are 9Zk4. Please roll it in your Dashboard: https://dashboard.stripe.com/apikeys?x=1&y=2 now.

Stripe
"""  # noqa: E501 # a program that writes mail breaks no line of the text
PAGE = f"""<html><head><style>p {{color: red}}</style></head><body><p>We noticed that your Stripe secret key was published at
November&nbsp;20,&nbsp;2026 8:30&nbsp;AM UTC.</p><p>See <a href="{PLACE}">the place</a>.
The last four characters of the key are <b>9Zk4</b>.</p>
<a href="https://dashboard.stripe.com/apikeys">Roll the key</a></body></html>"""


def broken(text: str, width: int = 57) -> str:
    """Quoted-printable whose soft line breaks fall anywhere: into the last four characters, into the address."""
    pattern = re.compile(rf"(?:=3D|[^=\n]){{1,{width}}}")
    return "\n".join("=\n".join(pattern.findall(line.replace("=", "=3D"))) for line in text.split("\n"))


def mail(coding: str, *, page: bool = False, stub: bool = False) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["Subject"], made["Date"] = "Stripe <support@stripe.com>", "Your API key", "Fri, 20 Nov 2026 09:00:00 +0000"
    if stub:
        made.set_content("Your mail program shows no HTML.", cte=coding)
        made.add_alternative(PAGE, subtype="html", cte=coding)
    elif page:
        made.set_content(PAGE, subtype="html", cte=coding)
    else:
        made.set_content(SAID, cte=coding)
    return made


def attached() -> str:
    outer = EmailMessage()
    outer["From"], outer["Subject"], outer["Date"] = "a@example.com", "Fwd: Your API key", "Sat, 21 Nov 2026 09:00:00 +0000"
    outer.set_content("see the attachment")
    outer.add_attachment(email.message_from_string(mail("base64").as_string(), policy=email.policy.default))
    return outer.as_string()


def part(coding: str, body: str) -> str:
    return f'Content-Type: text/plain; charset="UTF-8"\nContent-Transfer-Encoding: {coding}\n\n{body}'


PACKED = base64.encodebytes(SAID.encode()).decode()
PASTED = {
    "text": SAID,
    "quoted-printable": mail("quoted-printable").as_string(),
    "base64": mail("base64").as_string(),
    "html in quoted-printable": mail("quoted-printable", page=True).as_string(),
    "html in base64": mail("base64", page=True).as_string(),
    "a stub beside html": mail("quoted-printable", stub=True).as_string(),
    "lines that end in CR LF": mail("quoted-printable").as_string().replace("\n", "\r\n"),
    "a mailbox": "From support@stripe.com Fri Nov 20 09:00:00 2026\n" + mail("base64").as_string(),
    "a mail in a mail": attached(),
    "the body alone, in base64": PACKED,
    "html alone": PAGE,
    "html alone, in quoted-printable": broken(PAGE),
    "a part in quoted-printable": f"--0000a1\n{part('quoted-printable', broken(SAID))}\n--0000a1--\n",
    "a part in base64": f"--0000a1\n{part('base64', PACKED)}\n--0000a1--\n",
    "a note above a part": "look what Stripe sent us:\n\n" + part("base64", PACKED),
    "a note above the source": "look what Stripe sent us\n\n" + mail("quoted-printable").as_string(),
    "source behind `>`": "".join(f"> {line}\n" for line in mail("quoted-printable").as_string().splitlines()),
    "a body behind `>`": "".join(f"> {line}\n" for line in broken(SAID).splitlines()),
    **{f"the body alone, broken at {width}": broken(SAID, width) for width in range(40, 76, 5)},
}


@pytest.mark.parametrize("name", PASTED)
def test_last_four_address_and_time_are_found(name: str) -> None:
    (found,) = alerts.loads(PASTED[name], "mail")
    assert found.ends == Ends("", "9Zk4")
    assert (found.places[0].url, found.places[0].line) == (PLACE, 12)
    assert found.since == SEEN


@pytest.mark.parametrize(
    "said",
    [
        "your Stripe key: the last four of it are in the mail of 2026-11-20",
        "your Stripe key's last four characters are secret",
        "your Stripe key, last four letters of the key 2026-11-20",
    ],
)
def test_a_word_or_a_date_behind_it_is_no_end_of_a_key(said: str) -> None:
    with pytest.raises(BadFile):
        alerts.loads(said, "mail")


@pytest.mark.parametrize("query", ["id=20", "id=20&line=yes"])
def test_a_text_with_equals_signs_is_left_as_it_is(query: str) -> None:
    (found,) = alerts.loads(f"Stripe key ending in 9Zk4, see https://example.com/view?{query} and a=b", "mail")
    assert found.places[0].url == f"https://example.com/view?{query}"


@pytest.mark.parametrize(
    "text",
    [
        "stripe\n" + ("A" * 76 + "\n") * 20_000 + "!",
        "stripe\n" + ("A" * 76 + "!\n") * 12_000,
        "stripe " + "=\n" * 400_000,
        "stripe " + "<a " * 300_000,
        "stripe\n" + "a:\n" * 300_000 + "Content-Type: text/plain\n",
        "> stripe\n" + "> " * 400_000,
        "stripe\n" + "--a\n" * 200_000,
    ],
    ids=range(7),
)
def test_hostile_mails_are_read_in_linear_time(text: str) -> None:
    began = time.process_time()
    with pytest.raises(BadFile):
        alerts.loads(text, "x")
    assert time.process_time() - began < 20
