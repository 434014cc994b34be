"""`ir rules list|show|test|export`: the rule pack of the review."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from ir.cli.options import AsJson
from ir.cli.terminal.screen import Screen
from ir.core.errors import ExitCode, UsageError
from ir.core.wording import counted

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="The detection rules of the review.",
)

Folders = Annotated[list[str] | None, typer.Option("--rules", metavar="DIR", help="Further rules.")]


@app.command("list")
def list_rules(rules: Folders = None, as_json: AsJson = False) -> None:
    """Every rule with its severity and the question it answers."""
    from ir.review.detect.rules import load_rules

    found, screen = load_rules(rules or ()), Screen(as_json=as_json)
    if as_json:
        screen.document({"rules": [rule.model_dump(exclude={"sql", "examples"}) for rule in found]})
        return
    screen.table(
        counted(len(found), "rule"), ("rule", "level", "judges", "question"), [(r.id, r.level, r.judges, r.question) for r in found]
    )


@app.command("show")
def show_rule(name: Annotated[str, typer.Argument(help="Id of the rule, such as S-00.")], rules: Folders = None) -> None:
    """A rule's file, to start your own from."""
    import yaml

    from ir.review.detect.rules import load_rules

    found = next((rule for rule in load_rules(rules or ()) if rule.id == name), None)
    if found is None:
        raise UsageError(f"there is no rule `{name}`", next_step="ir rules list")
    sys.stdout.write(yaml.safe_dump(found.model_dump(exclude_defaults=True), sort_keys=False, allow_unicode=True, width=120))


@app.command("test")
def check_rules(
    names: Annotated[list[str] | None, typer.Argument(help="Only these rules.")] = None, rules: Folders = None, as_json: AsJson = False
) -> None:
    """Run the examples of every rule, positive and negative. Ends with 1 when one fails."""
    from ir.review.detect.rule_examples import run_example
    from ir.review.detect.rules import load_rules

    screen, told = Screen(as_json=as_json), []
    with tempfile.TemporaryDirectory(prefix="ir-rules-") as scratch:
        for rule in load_rules(rules or ()):
            for example in rule.examples if not names or rule.id in names else ():
                found = bool(run_example(rule, example, Path(scratch)))
                told.append({"rule": rule.id, "example": example.name, "expected": example.match, "found": found})
    failed = [row for row in told if row["expected"] != row["found"]]
    if as_json:
        screen.document({"examples": len(told), "failed": failed})
    else:
        for row in failed:
            screen.warn(f"{row['rule']}: `{row['example']}` should {'' if row['expected'] else 'not '}be found")
        screen.say(f"{counted(len(told), 'example')}, {len(failed)} failed")
    sys.exit(int(ExitCode.UNEXPECTED if failed or not told else ExitCode.DONE))


@app.command("export")
def export_rules(
    sigma: Annotated[bool, typer.Option("--sigma", help="As Sigma rules (the stateless ones).")] = False,
    rules: Folders = None,
) -> None:
    """The pack for other tools, as YAML documents on standard output."""
    from ir.review.detect.rules import load_rules
    from ir.review.detect.sigma import export

    if not sigma:
        raise UsageError("name the format", next_step="ir rules export --sigma")
    text, left_out = export(load_rules(rules or ()))
    sys.stdout.write(text)
    Screen(as_json=True).say(f"left out, they need state or a baseline: {', '.join(left_out)}")
