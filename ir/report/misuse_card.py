"""The first card: was the leaked key misused? Verdicts, money, people."""

from ir.core.model import Json
from ir.core.wording import counted
from ir.report import forged
from ir.report.misuse import CANNOT_TELL, amount, moving_money, review
from ir.report.source import Story, as_object, as_rows, words

NONE_SEEN = "none seen within coverage"
_FOUND = ("confirmed", "suspected")
_GRAVE = ("critical", "high")
_ANSWERS = {"confirmed": "yes, confirmed", "suspected": "suspected", NONE_SEEN: "none seen"}
_ABOUT = {"writes": "Writes", "reads": "Reads", "account": "Account changes"}


def card(story: Story) -> Json:
    """The card as `ir.report.cards` describes it; its facts are the three verdicts, money and people."""
    if forged.about_webhook(story):
        return forged.card(story)
    told = review(story)
    late = [debt.why for debt in story.debts if debt.kind == "misuse"]
    answer, tone = _answer(told, late=bool(late))
    facts = [_fact(name, told["verdicts"][about], _tone(told["verdicts"][about])) for about, name in _ABOUT.items()]
    facts += [_money(story, told), _people(told)]
    text = "; ".join([*late, _findings(told)])
    question = f"Was {'it' if story.leaked else 'the old key'} misused?"
    return {"id": "misuse", "question": question, "answer": answer, "tone": tone, "text": text, "facts": facts, "line": []}


def _answer(told: Json, *, late: bool) -> tuple[str, str]:
    """Answer and tone: green only when nothing was found and every verdict could be given."""
    verdicts = [told["verdict"], *told["verdicts"].values()]
    worst = {row["severity"] for row in told["findings"]}
    found = next((said for said in _FOUND if said in verdicts), "")
    grave = next((severity for severity in _GRAVE if severity in worst), "")
    if found or late:
        return _ANSWERS[found or "suspected"], "bad"
    if grave:
        return f"look: {grave} finding", "bad"
    if all(said == NONE_SEEN for said in verdicts):
        return _ANSWERS[NONE_SEEN], "warn" if "medium" in worst else "good"
    return CANNOT_TELL, "warn"


def _tone(said: str) -> str:
    return {"confirmed": "bad", "suspected": "bad", NONE_SEEN: "good"}.get(said, "warn")


def _fact(name: str, said: str, tone: str) -> Json:
    return {"name": name, "said": said, "tone": tone}


def _findings(told: Json) -> str:
    rows = told["findings"]
    if rows:
        worst = f", the worst {rows[0]['severity']}: {rows[0]['title']}" if rows[0]["title"] else ""
        return f"{counted(len(rows), 'finding')}{worst}"
    return f"no finding ({told['scope']})" if told["ran"] else "no review was completed"


def _money(story: Story, told: Json) -> Json:
    sums = [as_object(row) for row in as_rows(told["blast_radius"].get("money"))]
    said = [" ".join(filter(None, [words(row.get("what")), amount(row)])) for row in sums if row]
    moving = moving_money(story)
    if moving:
        said.append(f"{counted(len(moving), 'movement')} could still be stopped")
    if said:
        return _fact("Money", ", ".join(said), "bad")
    return _unseen("Money", told, "writes", "no movement flagged")


def _people(told: Json) -> Json:
    radius = told["blast_radius"]
    written, read = radius.get("customers_written"), radius.get("customers_read_at_most")
    said = [f"{counted(written, 'customer')} written to"] if _some(written) else []
    said += [f"at most {counted(read, 'customer')} read"] if _some(read) else []
    if said:
        return _fact("People", ", ".join(said), "bad")
    return _unseen("People", told, "reads", "no customer flagged")


def _some(count: object) -> bool:
    return isinstance(count, int) and not isinstance(count, bool) and count > 0


def _unseen(name: str, told: Json, about: str, said: str) -> Json:
    """Nothing is in the blast radius. That says something only where the review could tell."""
    if told["ran"] and told["verdicts"][about] == NONE_SEEN:
        return _fact(name, said, "good")
    return _fact(name, CANNOT_TELL if told["ran"] else "not looked at", "warn")
