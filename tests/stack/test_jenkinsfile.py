"""The Jenkinsfile's stages, run by deploy/jenkins/check/run.groovy with a record in place of each step."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNNER = ROOT / "deploy" / "jenkins" / "check" / "run.groovy"
JENKINSFILE = ROOT / "Jenkinsfile"
SECONDS = 180
ENV = {
    "DEPLOY_HOST": "host.example.com",
    "PUBLIC_URL": "https://tickets.example.com",
    "IMAGE_REGISTRY": "registry.example.com",
    "MAIL_TO": "ops@example.com",
    "JOB_NAME": "parterre/main",
    "BUILD_NUMBER": "7",
    "BUILD_URL": "https://ci.example.com/7/",
}
MAIN: dict[str, Any] = {"branch": "main", "env": ENV}
CHECKS = [
    "./scripts/lint",
    "./scripts/jenkins-check",
    "./scripts/migrations-check",
    "./scripts/ci-test auth",
    "./scripts/ci-test events",
    "./scripts/ci-test notifications",
    "./scripts/ci-test kit",
    "./scripts/ci-test system",
    "./scripts/images-check",
    "./scripts/images --check",
    "./scripts/audit",
]
DELIVERY = [
    './scripts/images --push "$PUSH_TO"',
    "./scripts/ci-deploy deploy",
    './scripts/smoke "$PUBLIC_URL"',
]
ROLLBACK = "./scripts/ci-deploy rollback"
HOST_CREDENTIALS = {
    "deploy-key": ["SSH_KEY", "SSH_USER"],
    "deploy-known-hosts": ["SSH_KNOWN_HOSTS"],
}


def failing(command: str, status: int | str = 1) -> dict[str, Any]:
    return MAIN | {"failing": [{"command": command, "status": status}]}


SCENARIOS: dict[str, dict[str, Any]] = {
    "main": MAIN,
    "branch": MAIN | {"branch": "feature"},
    "no host": {"branch": "main", "env": {"MAIL_TO": "ops@example.com"}},
    "nobody to tell": {"branch": "main", "failing": [{"command": "scripts/lint", "status": 1}]},
    "registry by parameter": {
        "branch": "main",
        "env": ENV | {"IMAGE_REGISTRY": ""},
        "params": {"REGISTRY": "r.example"},
    },
    "rollback": MAIN | {"params": {"ROLLBACK": True}},
    "rollback on a branch": MAIN | {"branch": "feature", "params": {"ROLLBACK": True}},
    "rollback fails": failing(ROLLBACK) | {"params": {"ROLLBACK": True}},
    "not all audited": failing("scripts/audit", 3),
    "vulnerable": failing("scripts/audit", 1),
    "deploy fails": failing("ci-deploy deploy"),
    "deploy hangs": failing("ci-deploy deploy", "abort"),
    "smoke fails": failing("scripts/smoke"),
    "smoke hangs": failing("scripts/smoke", "abort"),
    "works again": MAIN | {"previous": "FAILURE"},
    "still works": MAIN | {"previous": "SUCCESS"},
    **{f"{command} fails": failing(f"^{re.escape(command)}$") for command in CHECKS},
}

GOOD = "pipeline { agent any; stages { stage('A') { steps { sh './a' } } } }"
MISTAKES = {
    "unknown step": (GOOD.replace("sh", "shell"), "unknown: shell"),
    "argument that the step does not take": (
        GOOD.replace("sh './a'", "junit results: 'a.xml'"),
        "junit takes no results",
    ),
    "unknown section": (GOOD.replace("agent any", "agents any"), "unknown section agents"),
    "no agent": (GOOD.replace("agent any;", ""), "pipeline without agent"),
    "stage without steps": (
        GOOD.replace("steps { sh './a' }", "options { timestamps() }"),
        "needs one of steps, stages and parallel",
    ),
    "two stages of one name": (
        GOOD.replace("} } } }", "} } ; stage('A') { steps { sh './b' } } } }"),
        "two stages are called A",
    ),
    "logic in steps": (
        GOOD.replace("sh './a'", "if (true) { sh './a' }"),
        "only calls may stand in steps",
    ),
    "unknown condition": (
        GOOD.replace("steps", "when { branches 'main' }; steps"),
        "unknown condition branches in when",
    ),
    "unknown condition in post": (
        GOOD.replace("} } } }", "} ; post { broken { sh './b' } } } } }"),
        "unknown condition broken in post",
    ),
    "unknown variable": (GOOD.replace("'./a'", "branch"), "nothing is called branch"),
    "unknown option": (
        GOOD.replace("steps", "options { timeLimit(3) }; steps"),
        "unknown: timeLimit",
    ),
    "credential without id": (
        GOOD.replace("sh './a'", "withCredentials([file(variable: 'F')]) { sh './a' }"),
        "a credential without id",
    ),
}
TEXTS = {GOOD: GOOD} | {name: text for name, (text, _) in MISTAKES.items()}

needs_groovy = pytest.mark.skipif(
    not (shutil.which("groovy") and shutil.which("java")), reason="Groovy is not installed"
)
Outcome = dict[str, Any]


def run_jenkinsfile(scenarios: list[dict[str, Any]]) -> list[Outcome]:
    """What became of each scenario: ``result``, ``calls`` and so on, or ``error``."""
    java = Path(str(shutil.which("java"))).resolve()
    done = subprocess.run(
        ["groovy", str(RUNNER), str(JENKINSFILE)],
        input=json.dumps(scenarios).encode(),
        capture_output=True,
        # Debian's groovy looks for a default Java, which not every machine has.
        env={"JAVA_HOME": str(java.parents[1])} | os.environ,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    outcomes: list[Outcome] = json.loads(done.stdout)
    return outcomes


@pytest.fixture(scope="module")
def outcome() -> Callable[[str], Outcome]:
    """The outcome of a scenario by its name; all of them are run by one start of Groovy."""
    scenarios = SCENARIOS | {name: {"branch": "main", "text": text} for name, text in TEXTS.items()}
    outcomes = dict(zip(scenarios, run_jenkinsfile([*scenarios.values()]), strict=True))
    for name in SCENARIOS:
        assert "error" not in outcomes[name], f"{name}: {outcomes[name]['error']}"
    return outcomes.__getitem__


def commands(outcome: Outcome) -> list[str]:
    return [call["what"] for call in outcome["calls"] if call["step"] == "sh"]


def steps(outcome: Outcome, name: str) -> list[str]:
    return [call["what"] for call in outcome["calls"] if call["step"] == name]


@needs_groovy
def test_main_is_checked_pushed_deployed_and_asked(outcome: Callable[[str], Outcome]) -> None:
    found = outcome("main")

    assert found["result"] == "SUCCESS"
    assert commands(found) == CHECKS + DELIVERY
    assert steps(found, "mail") == []


@needs_groovy
def test_branch_is_checked_only(outcome: Callable[[str], Outcome]) -> None:
    assert commands(outcome("branch")) == CHECKS
    assert outcome("branch")["credentials"] == {}


@needs_groovy
def test_without_host_and_registry_main_is_checked_only(outcome: Callable[[str], Outcome]) -> None:
    assert commands(outcome("no host")) == CHECKS


@needs_groovy
def test_whoever_starts_a_build_does_not_choose_the_registry(
    outcome: Callable[[str], Outcome],
) -> None:
    """It gets the registry's password, and what it answers runs on the host."""
    assert commands(outcome("registry by parameter")) == CHECKS + DELIVERY[1:]


@needs_groovy
@pytest.mark.parametrize("command", CHECKS)
def test_failed_check_is_red_told_and_deploys_nothing(
    outcome: Callable[[str], Outcome], command: str
) -> None:
    found = outcome(f"{command} fails")

    assert found["result"] == "FAILURE"
    assert command in commands(found)
    assert not set(commands(found)) & {*DELIVERY, ROLLBACK}
    assert steps(found, "mail") == ["ops@example.com"]


@needs_groovy
def test_parts_are_tested_and_reported_though_one_fails(outcome: Callable[[str], Outcome]) -> None:
    found = outcome("./scripts/ci-test auth fails")

    assert "./scripts/ci-test kit" in commands(found)
    assert "./scripts/ci-test system" not in commands(found)
    assert steps(found, "junit") == ["var/reports/*-tests.xml"]
    assert steps(found, "archiveArtifacts") == ["var/reports/**"]


@needs_groovy
def test_tests_leave_results_coverage_and_logs(outcome: Callable[[str], Outcome]) -> None:
    found = outcome("main")

    assert steps(found, "junit") == ["var/reports/*-tests.xml", "var/reports/system-tests.xml"]
    assert len(steps(found, "recordCoverage")) == 1
    assert steps(found, "archiveArtifacts") == ["var/reports/**", "var/reports/system*"]


@needs_groovy
def test_incomplete_audit_is_yellow_and_a_vulnerability_red(
    outcome: Callable[[str], Outcome],
) -> None:
    assert outcome("not all audited")["result"] == "UNSTABLE"
    assert commands(outcome("not all audited")) == CHECKS + DELIVERY
    assert outcome("vulnerable")["result"] == "FAILURE"


@needs_groovy
@pytest.mark.parametrize(
    ("name", "result"), [("deploy fails", "FAILURE"), ("deploy hangs", "ABORTED")]
)
def test_failed_deployment_is_told_and_not_gone_back_from_a_second_time(
    outcome: Callable[[str], Outcome], name: str, result: str
) -> None:
    found = outcome(name)

    assert found["result"] == result
    assert commands(found) == CHECKS + DELIVERY[:2]
    assert steps(found, "mail") == ["ops@example.com"]


@needs_groovy
@pytest.mark.parametrize(
    ("name", "result"), [("smoke fails", "FAILURE"), ("smoke hangs", "ABORTED")]
)
def test_failed_smoke_test_goes_back_and_is_told(
    outcome: Callable[[str], Outcome], name: str, result: str
) -> None:
    found = outcome(name)

    assert found["result"] == result
    assert commands(found) == [*CHECKS, *DELIVERY, ROLLBACK]
    assert steps(found, "mail") == ["ops@example.com"]


@needs_groovy
def test_rollback_by_hand_does_nothing_else(outcome: Callable[[str], Outcome]) -> None:
    assert commands(outcome("rollback")) == [ROLLBACK, './scripts/smoke "$PUBLIC_URL"']
    assert commands(outcome("rollback on a branch")) == []
    assert outcome("rollback fails")["result"] == "FAILURE"
    assert steps(outcome("rollback fails"), "mail") == ["ops@example.com"]


@needs_groovy
def test_recovery_is_told_once(outcome: Callable[[str], Outcome]) -> None:
    assert steps(outcome("works again"), "mail") == ["ops@example.com"]
    assert steps(outcome("still works"), "mail") == []
    assert steps(outcome("nobody to tell"), "mail") == []


@needs_groovy
def test_credentials_reach_only_the_command_that_needs_them(
    outcome: Callable[[str], Outcome],
) -> None:
    assert outcome("smoke fails")["credentials"] == {
        DELIVERY[0]: {"registry": ["REGISTRY_PASSWORD", "REGISTRY_USER"]},
        DELIVERY[1]: HOST_CREDENTIALS,
        ROLLBACK: HOST_CREDENTIALS,
    }


@needs_groovy
def test_every_stage_that_does_something_has_a_time_limit(
    outcome: Callable[[str], Outcome],
) -> None:
    for name in ("main", "rollback"):
        found = outcome(name)
        stages = {call["stage"] for call in found["calls"] if call["step"] == "sh"}
        assert stages and stages <= set(found["timeouts"])


@needs_groovy
@pytest.mark.parametrize("name", [GOOD, *MISTAKES])
def test_control_the_runner_refuses_what_jenkins_would(
    outcome: Callable[[str], Outcome], name: str
) -> None:
    _, reason = MISTAKES.get(name, (GOOD, ""))

    assert reason in outcome(name).get("error", "")
    assert ("error" in outcome(name)) == (name != GOOD)


def test_stages_call_scripts_that_are_there() -> None:
    called = re.findall(r"\./scripts/[\w-]+", JENKINSFILE.read_text())

    assert len(set(called)) > 8
    for script in called:
        assert os.access(ROOT / script, os.X_OK), script


def test_every_folder_of_tests_belongs_to_one_part() -> None:
    text = (ROOT / "scripts" / "ci-test").read_text()
    folders = [one for line in re.findall(r"folders=\((.*?)\)", text) for one in line.split()]

    with_tests = {str(one.parent.relative_to(ROOT)) for one in (ROOT / "tests").glob("*/test_*.py")}
    assert sorted(folders) == sorted(with_tests)
    parts = re.findall(r"^  (\w+)\) folders", text, re.MULTILINE)
    assert {f"./scripts/ci-test {part}" for part in parts} <= set(CHECKS)


def test_the_jenkins_of_deploy_has_the_credentials_and_variables_that_are_used() -> None:
    used, given = JENKINSFILE.read_text(), (ROOT / "deploy/jenkins/jenkins.yaml").read_text()
    compose = (ROOT / "deploy/jenkins/docker-compose.yml").read_text()
    own = {"JOB_NAME", "BUILD_NUMBER", "BUILD_URL", "PUSH_TO"}

    credentials = set(re.findall(r"credentialsId: '([\w-]+)'", used))
    variables = (
        set(re.findall(r"env\.([A-Z_]+)", used)) | set(re.findall(r'"\$([A-Z_]+)"', used)) - own
    )

    assert len(credentials) == 3
    assert credentials <= set(re.findall(r"id: ([\w-]+)", given))
    assert {"DEPLOY_HOST", "PUBLIC_URL", "MAIL_TO"} <= variables
    assert variables - own <= set(re.findall(r"key: ([A-Z_]+)", given))
    assert set(re.findall(r"\$\{([A-Z_]+)\}", given)) <= set(
        re.findall(r"^ {6}([A-Z_]+):", compose, re.M)
    )


def test_plugins_of_jenkins_are_pinned() -> None:
    lines = (ROOT / "deploy/jenkins/plugins.txt").read_text().split()

    assert len(lines) > 10
    assert all(re.fullmatch(r"[a-z0-9-]+:\d[\w.-]+", line) for line in lines)
