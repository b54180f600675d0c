"""``./scripts/audit``: what pip-audit leaves out is never taken for audited."""

import json
from pathlib import Path
from typing import Any

import pytest

from deployment import audit

LOCK = """\
# scripts/lock
Some_Package==1.0 \\
    --hash=sha256:00
other==2.5 ; sys_platform == 'win32' \\
    --hash=sha256:00
"""
SOME: dict[str, Any] = {"name": "some-package", "version": "1.0", "vulns": []}
OTHER: dict[str, Any] = {"name": "other", "version": "2.5", "vulns": []}
VULNERABLE = SOME | {"vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1"]}]}
SKIPPED = {"name": "other", "skip_reason": "Dependency not found on PyPI"}


class Audit:
    """The command with a lock of two packages, and a pip-audit that says what a test wants."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self._capsys = folder, capsys
        (folder / "requirements.lock").write_text(LOCK)
        self.program = folder / "pip-audit"
        monkeypatch.setattr(audit, "LOCKS", (folder / "requirements.lock",))
        monkeypatch.setattr(audit, "install", lambda: self.program)

    def run(self, script: str) -> tuple[int, str]:
        """Exit code and output, with this shell script as pip-audit."""
        self.program.write_text(f"#!/bin/sh\n{script}\n")
        self.program.chmod(0o755)
        code = audit.main([])
        return code, self._capsys.readouterr().out

    def run_with_report(self, dependencies: list[dict[str, Any]], code: int = 0) -> tuple[int, str]:
        report = json.dumps({"dependencies": dependencies, "fixes": []})
        return self.run(f"cat <<'END'\n{report}\nEND\nexit {code}")


@pytest.fixture
def pip_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Audit:
    return Audit(tmp_path, monkeypatch, capsys)


def test_nothing_found_in_all_packages_is_success(pip_audit: Audit) -> None:
    code, output = pip_audit.run_with_report([SOME, OTHER])

    assert code == 0
    assert output == "audit: 2 of 2 packages audited, 0 vulnerabilities\n"


def test_package_for_another_system_is_audited_too(pip_audit: Audit) -> None:
    asked = pip_audit.folder / "asked"

    pip_audit.run(f'cat "$2" > {asked}; echo "{{}}"')

    assert asked.read_text() == "some-package==1.0\nother==2.5\n"


def test_vulnerability_is_named_with_its_lock_and_fails(pip_audit: Audit) -> None:
    code, output = pip_audit.run_with_report([VULNERABLE, SKIPPED], code=1)

    assert code == 1
    assert "vulnerable: some-package 1.0" in output
    assert "requirements.lock): PYSEC-2026-1, mended in 1.1" in output
    assert "not audited: other 2.5" in output


@pytest.mark.parametrize(
    "dependencies", [[SOME, SKIPPED], [SOME], [SOME, OTHER | {"version": "2.4"}]]
)
def test_what_is_skipped_or_left_out_is_named_though_pip_audit_succeeds(
    pip_audit: Audit, dependencies: list[dict[str, Any]]
) -> None:
    code, output = pip_audit.run_with_report(dependencies)

    assert code == 3
    assert "not audited: other 2.5\n" in output
    assert "1 of 2 packages audited" in output


@pytest.mark.parametrize(
    "script",
    [
        "echo 'ERROR: Could not connect to the vulnerability feed' >&2; exit 1",
        "echo 'No known vulnerabilities found'; exit 0",
    ],
)
def test_without_its_database_all_are_named_and_none_is_green(
    pip_audit: Audit, script: str
) -> None:
    code, output = pip_audit.run(script)

    assert code == 3
    assert "not audited: other 2.5, some-package 1.0" in output
    assert "audit: 0 of 2 packages audited" in output


def test_all_locks_are_audited() -> None:
    assert {lock.parent.name for lock in audit.LOCKS} >= {
        *("auth-service", "event-service", "notification-service", "scripts"),
    }
    packages = audit.pinned_packages(audit.LOCKS)
    assert {"fastapi", "pytest", "pip-audit", "babel"} <= {name for name, _ in packages}
