"""The code of the release before on the schema of this one: a contract migration is found."""

import shutil
import subprocess
from pathlib import Path

import pytest

from stack import schema_check
from stack.errors import StackError
from stack.previous_release import NoPreviousRelease, export, find_release
from stack.schema_check import check
from stack.stack import ROOT
from stack.testing import servers

ONE_TEST = "tests/events/test_holds.py::test_a_hold_says_when_it_ends"
CONTRACT = '''"""drop what only the release before reads"""

from alembic import op

revision = "ffffffffffff"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("event", "cancellation_deadline")
'''


def copy_services(folder: Path) -> Path:
    """What the migrations of event-service need, to add one to it."""
    for name in ("service-kit", "event-service"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    return folder


def newest(versions: Path) -> str:
    texts = [file.read_text() for file in versions.glob("*.py")]
    revisions = [text.split('\nrevision = "')[1].split('"')[0] for text in texts]
    (head,) = [one for one in revisions if not any(f'down_revision = "{one}"' in t for t in texts)]
    return head


def test_a_dropped_column_is_found(tmp_path: Path) -> None:
    new = copy_services(tmp_path / "new")
    versions = new / "event-service" / "migrations" / "versions"
    (versions / "2100_01_01_contract.py").write_text(CONTRACT.format(head=newest(versions)))
    # That the tests pass without it is what scripts/schema-check shows.
    with servers(tmp_path / "servers") as variables:
        with pytest.raises(StackError, match='column "cancellation_deadline" .* does not exist'):
            check(ROOT, variables, new=new, tests=[ONE_TEST])


def test_a_release_without_these_tests_is_said(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="has none of the tests"):
        check(tmp_path, {}, tests=["tests/events/test_gone.py"])


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(root: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "tag.gpgSign=false")
    return subprocess.run(
        ["git", "-C", str(root), *who, *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


def commit(root: Path, text: str) -> str:
    (root / "file").write_text(text)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", text)
    return git(root, "rev-parse", "HEAD")


def test_the_release_before_is_the_tag_before_this_commit(clone: Path, tmp_path: Path) -> None:
    first = commit(clone, "one")
    with pytest.raises(NoPreviousRelease, match="neither a tag nor a commit"):
        find_release(clone)
    (clone / "deploy").mkdir()
    (clone / "deploy" / "previous-release").write_text(f"# Which one\n\n{first}\n")
    second = commit(clone, "two")
    assert find_release(clone) == first
    git(clone, "tag", "v1", second)
    # Of the tagged commit itself it is not the release before.
    assert find_release(clone) == first
    commit(clone, "three")
    assert find_release(clone) == second
    assert find_release(clone, wish=first) == first
    export(clone, second, tmp_path / "exported")
    assert (tmp_path / "exported" / "file").read_text() == "two"


def test_a_release_that_is_not_there_is_said(
    clone: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(clone, "one")
    with pytest.raises(NoPreviousRelease, match="v9 is not in this clone; fetch all of it"):
        find_release(clone, wish="v9")
    with pytest.raises(NoPreviousRelease, match="no clone"):
        find_release(clone / "file")
    monkeypatch.setattr(schema_check, "ROOT", clone)
    for arguments, code in (([], 0), (["v9"], 1)):
        monkeypatch.setattr("sys.argv", ["schema-check", *arguments])
        monkeypatch.delenv("PREVIOUS_RELEASE", raising=False)
        with pytest.raises(SystemExit) as ended:
            schema_check.main()
        assert ended.value.code == code
        assert capsys.readouterr().out.startswith("schema-check: skipped: ")
