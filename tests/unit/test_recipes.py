"""The container's and the workflow's recipes, as their linters see them. Neither is built or run here."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from ir import __version__

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "docs" / "recipes"
CONTAINERFILE, WORKFLOW = RECIPES / "Containerfile", RECIPES / "github-actions.yaml"
BIN = Path(sys.executable).parent


def test_hadolint_finds_nothing_in_the_containerfile() -> None:
    done = subprocess.run([BIN / "hadolint", "--no-color", CONTAINERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def test_actionlint_finds_nothing_in_the_workflow() -> None:
    done = subprocess.run([BIN / "actionlint", "-no-color", WORKFLOW], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def test_the_linters_see_what_is_wrong(tmp_path: Path) -> None:
    bad, worse = tmp_path / "Containerfile", tmp_path / "workflow.yaml"
    bad.write_text("FROM debian\nRUN pip install x\n")
    worse.write_text("on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ${{ github.nothing }}\n")
    assert subprocess.run([BIN / "hadolint", bad], capture_output=True, check=False).returncode == 1
    assert subprocess.run([BIN / "actionlint", worse], capture_output=True, check=False).returncode == 1


def test_the_recipes_name_this_version_and_what_is_there() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in RECIPES.iterdir()}
    named = {found for text in texts.values() for found in re.findall(r"(?:registry\.example\.com/ir:|ir-stripe==)([0-9.]+[0-9])", text)}
    assert named == {__version__}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", texts["Containerfile"], re.MULTILINE)
    assert all((ROOT / name).exists() for words in copied for name in words.split())
    assert (RECIPES / "kubernetes-cronjob.md").read_text(encoding="utf-8").count("(Containerfile)") == 1


def test_the_workflow_checks_pull_requests_and_rehearses_weekly() -> None:
    told = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    when = told[True]  # YAML reads `on` so
    assert set(when) == {"pull_request", "schedule", "workflow_dispatch"} and when["schedule"][0]["cron"].endswith("* * 1")
    runs = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in told["jobs"].items()}
    assert any("ir inventory check" in run for run in runs["check"]) and not any("--dry-run" in run for run in runs["check"])
    assert any(run.startswith("ir rotate stripe") and run.endswith("--dry-run") for run in runs["rehearse"])
    assert sum("ir rotate" in run for job in runs.values() for run in job) == 1, "nothing is rotated from a runner"
