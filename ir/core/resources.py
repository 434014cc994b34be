"""Find the files that are shipped with the package: `playbooks/` and `templates/`."""

from importlib import resources
from pathlib import Path


def shipped_folder(name: str) -> Path:
    """`playbooks` or `templates`, from the installed package or the checkout; never from the current directory."""
    installed = Path(str(resources.files("ir"))) / "_data" / name
    return installed if installed.is_dir() else Path(__file__).resolve().parents[2] / name
