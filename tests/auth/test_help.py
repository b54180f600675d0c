"""What commands say of themselves is for people with a shell, who may not know Python."""

import subprocess
import sys

import pytest

COMMANDS = {
    "auth_service.cli": "Manages accounts and service clients from a shell",
    "auth_service.keys": "Shows and replaces the keys that tokens are signed with",
    "notification_service.cli": "Shows which mails are stuck and why",
}


@pytest.mark.parametrize("module", COMMANDS)
def test_help_begins_with_a_plain_sentence(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        env={"PYTHONPATH": ":".join(sys.path), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=True,
    )
    description = done.stdout.split("\n\n")[1]
    assert description.startswith(COMMANDS[module])
    assert "``" not in done.stdout


def test_the_names_of_commands_have_an_explanation() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "auth_service.cli", "--help"],
        env={"PYTHONPATH": ":".join(sys.path), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=True,
    )
    for name in ("promote EMAIL", "verify EMAIL...", "service-client NAME SCOPE..."):
        assert name in done.stdout
