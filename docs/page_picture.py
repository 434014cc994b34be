"""Take the README's picture of a report: `python -m docs.page_picture REPORT.html PICTURE.webp` (`make pictures`); needs Chromium."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SIZE = (1180, 850)
"""Pixels: the summary, down to what happened."""


def take(page: Path, picture: Path, size: tuple[int, int] = SIZE) -> None:
    """Write what the head of the page looks like, in a window of that size.

    Raises:
        LookupError: Chromium is not installed.
        subprocess.CalledProcessError: it could not show the page.
    """
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        raise LookupError("Chromium is not installed: apt-get install -y --no-install-recommends chromium")
    flags = ["--headless", "--disable-gpu", "--no-first-run", "--hide-scrollbars", f"--window-size={size[0]},{size[1]}"]
    flags += ["--no-sandbox"] if os.geteuid() == 0 else []  # it refuses to run as root with one
    with tempfile.TemporaryDirectory() as profile:
        argv = [browser, *flags, f"--user-data-dir={profile}", f"--screenshot={picture.resolve()}", page.resolve().as_uri()]
        subprocess.run(argv, check=True, timeout=90, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]))
