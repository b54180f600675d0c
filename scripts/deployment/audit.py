"""``./scripts/audit``: known vulnerabilities of all pinned packages, by pip-audit in its own environment.

``pip-audit --strict`` stops at the first package that it cannot look up, and without ``--strict`` it passes
over them and ends with success. Here all are asked for, and each one that was not audited is named.
"""

import argparse
import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployment.errors import CommandFailed, run_command
from deployment.locked_environment import make_environment

ROOT = Path(__file__).resolve().parents[2]
OWN_LOCK = ROOT / "scripts" / "audit-requirements.lock"
LOCKS = (ROOT / "requirements.lock", OWN_LOCK, *sorted(ROOT.glob("*-service/requirements.lock")))
ENVIRONMENT = ROOT / "var" / "audit"
INSTALL_SECONDS = 300
AUDIT_SECONDS = 600
VULNERABLE, NOT_AUDITED = 1, 3
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", re.MULTILINE)

Packages = Mapping[tuple[str, str], list[str]]


def pinned_packages(locks: Iterable[Path]) -> dict[tuple[str, str], list[str]]:
    """Name and version of each pinned package, with the locks that name it.

    Markers are left out: a package for another system is audited too.
    """
    packages: dict[tuple[str, str], list[str]] = {}
    for lock in locks:
        for name, version in PIN.findall(lock.read_text()):
            shown = str(lock.relative_to(ROOT)) if lock.is_relative_to(ROOT) else str(lock)
            packages.setdefault((normalized(name), version), []).append(shown)
    return packages


def normalized(name: str) -> str:
    """A package's name as an index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass
class Findings:
    """Lines for a person: what is vulnerable, and what was not audited."""

    vulnerable: list[str] = field(default_factory=list)
    not_audited: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        if self.vulnerable:
            return VULNERABLE
        return NOT_AUDITED if self.not_audited else 0


def judge(packages: Packages, report: dict[str, Any] | None) -> Findings:
    """What pip-audit's report in JSON says about the packages; one it leaves out was not audited."""
    findings = Findings()
    audited = {
        (normalized(one["name"]), one["version"]): one["vulns"]
        for one in (report or {}).get("dependencies", [])
        if "skip_reason" not in one
    }
    for (name, version), locks in sorted(packages.items()):
        vulnerabilities = audited.get((name, version))
        if vulnerabilities is None:
            findings.not_audited.append(f"{name} {version}")
        for one in vulnerabilities or []:
            mended = ", ".join(one.get("fix_versions", [])) or "no release"
            findings.vulnerable.append(
                f"{name} {version} ({', '.join(locks)}): {one['id']}, mended in {mended}"
            )
    return findings


def install() -> Path:
    """The program pip-audit, installed from its lock if that has changed; raises CommandFailed."""
    return make_environment(ENVIRONMENT, OWN_LOCK, seconds=INSTALL_SECONDS) / "pip-audit"


def ask(
    program: Path, packages: Packages, arguments: list[str]
) -> tuple[dict[str, Any] | None, str]:
    """pip-audit's report, and what it wrote as errors; no report if it reached no database."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(f"{name}=={version}\n" for name, version in packages))
        file.flush()
        try:
            done = subprocess.run(
                [
                    *(str(program), "--requirement", file.name, "--no-deps", "--disable-pip"),
                    *("--format", "json", "--progress-spinner", "off", *arguments),
                ],
                capture_output=True,
                timeout=AUDIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None, f"no answer within {AUDIT_SECONDS} s"
        except OSError as error:
            raise CommandFailed(f"pip-audit cannot be started: {error}") from None
    errors = done.stderr.decode(errors="replace").strip()
    try:
        return json.loads(done.stdout), errors
    except ValueError:
        return None, errors


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/audit", description=__doc__, epilog="Further arguments go to pip-audit."
    )
    _, further = parser.parse_known_args(arguments)
    packages = pinned_packages(LOCKS)
    report, errors = ask(install(), packages, further)
    findings = judge(packages, report)
    for line in findings.vulnerable:
        print(f"vulnerable: {line}")
    if findings.not_audited:
        print(f"not audited: {', '.join(findings.not_audited)}")
        if report is None:
            print(f"pip-audit: {(errors or 'no report').splitlines()[-1]}")
    audited = len(packages) - len(findings.not_audited)
    print(
        f"audit: {audited} of {len(packages)} packages audited, {len(findings.vulnerable)} vulnerabilities"
    )
    return findings.exit_code


if __name__ == "__main__":
    run_command("audit", main)
