"""What is kept here: no settings of any place, no keys, and no word of files that are gone."""

import io
import re
import subprocess
import tokenize
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = re.compile(r"(^|/)(\.env|id_(rsa|ecdsa|ed25519)|[^/]+\.(pem|key|p12|pfx|jks))$")
KEYS = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{20}")


def secrets_in(root: Path, files: Iterable[str]) -> set[str]:
    return {file for file in files if NAMES.search(file) or KEYS.search((root / file).read_bytes())}


def test_no_key_and_no_place_s_settings_are_kept() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a clone")
    files = [file for file in listed.stdout.split("\0") if (ROOT / file).is_file()]
    assert "docker-compose.yml" in files
    assert secrets_in(ROOT, files) == set()


def test_a_key_and_settings_would_be_found(tmp_path: Path) -> None:
    """The negative control."""
    (tmp_path / ".env").write_text("SECRET_KEY=x")
    (tmp_path / ".env.example").write_text("SECRET_KEY=")
    (tmp_path / "tls.pem").write_text("")
    begin, end = ("-----{} PRIVATE KEY-----".format(word) for word in ("BEGIN", "END"))
    (tmp_path / "notes.txt").write_text(f"{begin}\n{'A' * 64}\n{end}\n")
    files = [file.name for file in tmp_path.iterdir()]
    assert secrets_in(tmp_path, files) == {".env", "tls.pem", "notes.txt"}


SOURCES = ("auth-service", "event-service", "notification-service", "service-kit", "scripts")
PYTHON_FILE = re.compile(r"[\w/-]+\.py\b")


def prose_of(source: str) -> str:
    """The comments and docstrings of a module, and its other longer strings."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    is_prose = (tokenize.COMMENT, tokenize.STRING)
    return "\n".join(
        token.string for token in tokens if token.type in is_prose and " " in token.string
    )


def missing_files(prose: str, existing: set[str]) -> set[str]:
    return {name for name in PYTHON_FILE.findall(prose) if Path(name).name not in existing}


def test_prose_names_only_files_that_exist() -> None:
    files = [file for source in SOURCES for file in (ROOT / source).rglob("*.py")]
    existing = {file.name for file in files} | {
        file.name for file in (ROOT / "tests").rglob("*.py")
    }
    missing = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in files
        for name in missing_files(prose_of(file.read_text()), existing)
    }
    assert missing == set()


def test_prose_that_names_a_file_that_is_gone_would_be_found() -> None:
    """The negative control."""
    source = '"""See ``web/gone.py``."""\n# and there.py\n'
    assert missing_files(prose_of(source), {"there.py"}) == {"web/gone.py"}
