#!/usr/bin/env bash
# `sarif diff --check error` passes while the keys that a scanner found become three from one, and says "no changes" where one moved.
#
# Package: sarif-tools 3.0.5 (PyPI).
# Expected: its README says of `--check`: exit with an error code "for diff, [if there is] an increase in issues at that level".
# Seen: what increases is the number of kinds of issue. Two further places of a rule that was there before are printed, counted as +0, and
#   the exit code is 0. A key that is gone from one file and new in another is "no changes", and its place is not printed at all.
# Why it matters: a gate that compares the scan of a branch with the one of main has the same rule on both sides as soon as one old
#   finding is left to wait. From then on it lets each new leak of that kind through.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip install --quiet --quiet --no-compile --disable-pip-version-check sarif-tools==3.0.5

cat >compare.py <<'PY'
import json
import subprocess
from pathlib import Path


def report(name: str, *places: tuple[str, int], rule: str = "stripe-key") -> str:
    rows = [
        {
            "ruleId": rule,
            "level": "error",
            "message": {"text": "A key lies here"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": file}, "region": {"startLine": line}}}],
        }
        for file, line in places
    ]
    run = {"tool": {"driver": {"name": "scanner", "rules": [{"id": rule}]}}, "results": rows}
    Path(name).write_text(json.dumps({"version": "2.1.0", "runs": [run]}))
    return name


def compare(new: str) -> tuple[int, str]:
    done = subprocess.run(["venv/bin/sarif", "--check", "error", "diff", "old.sarif", new], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


old = ("settings.py", 3)
report("old.sarif", old)
more, said = compare(report("more.sarif", old, ("deploy.sh", 9), ("run.yml", 4)))
print(f"one key, then three: exit {more}", said, sep="\n")
assert more == 0 and "1 -> 3 (+2)" in said and "all levels: +0 +0" in said, "changed"
moved, said = compare(report("moved.sarif", ("deploy.sh", 9)))
print(f"one key, then another one elsewhere: exit {moved}", said, sep="\n")
assert moved == 0 and "error level: +0 -0 no changes" in said and "deploy.sh" not in said, "changed"
other, _ = compare(report("other.sarif", old, rule="another-key"))
print(f"one key, then one of another rule: exit {other}")
assert other == 1, "changed"
PY
venv/bin/python compare.py

echo "seen: sarif-tools 3.0.5 counts kinds of issue: two more keys, or another one, pass its check"
