"""What the scripts say before there is anything of theirs to run."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
NOBODY = 65534


@pytest.fixture
def fresh() -> Iterator[Path]:
    """The scripts as they are after a clone. Not in tmp_path, which only its owner may enter."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "parterre"
        (root / "scripts").mkdir(parents=True)
        for name in ("bootstrap.sh", "usage.sh", "lint"):
            shutil.copy(SCRIPTS / name, root / "scripts" / name)
        (root / "requirements.lock").write_text("")
        Path(folder).chmod(0o755)
        root.chmod(0o555)
        yield root
        root.chmod(0o755)


def test_a_read_only_folder_is_reported_in_one_line(fresh: Path) -> None:
    ran = subprocess.run(
        ["bash", str(fresh / "scripts" / "lint")],
        capture_output=True,
        text=True,
        cwd="/",
        # root may write anywhere.
        user=None if os.getuid() else NOBODY,
    )
    assert ran.returncode == 1
    [line] = ran.stderr.splitlines()
    assert line.startswith(f"lint: {fresh} ")
    assert "chown" in line


def test_a_host_of_production_is_told_what_to_run_instead(fresh: Path) -> None:
    fresh.chmod(0o755)
    (fresh / "requirements.lock").unlink()
    ran = subprocess.run(
        ["bash", str(fresh / "scripts" / "lint")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    [line] = ran.stderr.splitlines()
    assert "./scripts/compose ps" in line
    assert not (fresh / ".venv").exists()
