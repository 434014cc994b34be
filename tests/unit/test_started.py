"""A forked process of the tests ends as an executed one does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worlds.started import start

ENDS = {
    "by itself": "print('done')",
    "with a code": "import sys; sys.exit(3)",
    "with none": "raise SystemExit",
    "with words": "raise SystemExit('no such thing')",
    "with a large code": "raise SystemExit(259)",
    "by an error": "raise LookupError('lost')",
    "by Ctrl-C": "raise KeyboardInterrupt",
    "after its thread": "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start()",
    "after what it asked for": "import atexit\natexit.register(print, 'last')\nraise SystemExit(4)",
    "with a last act that fails": "import atexit\natexit.register(lambda: 1 / 0)",
    "without an output": "import os, sys\nsys.stdout.write('x')\nos.close(1)",
}


@pytest.mark.parametrize("how", ENDS)
def test_it_ends_as_an_executed_one_does(how: str, tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "IR_HOME": str(tmp_path)}
    forked = start(cwd=tmp_path, env=env, program=("-c", ENDS[how]), apart=True)
    said, complained = forked.communicate(60)
    executed = subprocess.run([sys.executable, "-c", ENDS[how]], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (forked.returncode, said) == (executed.returncode, executed.stdout)
    assert complained.splitlines()[-1:] == executed.stderr.splitlines()[-1:]
