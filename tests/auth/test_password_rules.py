"""Which passwords are too weak."""

import subprocess
import sys

import pytest

from auth_service.identity.passwords import common_passwords, weakness

EMAIL = "anna.lee@example.com"


@pytest.mark.parametrize(
    "password",
    [
        "short", "x" * 129, "qwertyuiop", "1234567890", "password1234", "Password-2026", "P@ssw0rd2024",
        "iloveyou1234", "passwordpassword", "aaaaaaaaaaaa", "abababababab", "my-anna.lee-1",
        "ANNA.LEE@EXAMPLE.COM", "xxanna.lee@example.comxx",
    ],
)  # fmt: skip
def test_weak(password: str) -> None:
    assert weakness(password, EMAIL)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery", "Str0ng-Passw0rd!", "x" * 64, "tr0ub4dor & 3 more", "пароль из слов",
        # A local part of three letters is in many words.
        "annals of history",
    ],
)  # fmt: skip
def test_strong_enough(password: str) -> None:
    assert weakness(password, EMAIL) is None
    assert weakness(password, "ann@example.com") is None


def test_the_list_is_the_one_that_ships_with_a_package() -> None:
    assert len(common_passwords()) == 30_000


def test_the_list_is_loaded_when_it_is_needed_and_without_its_package() -> None:
    code = (
        "import sys, auth_service.main, auth_service.identity.passwords as p;"
        "assert not [m for m in sys.modules if m.startswith('zxcvbn')];"
        "p.common_passwords(); assert 'zxcvbn.matching' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                          env={"PYTHONPATH": ":".join(sys.path)})  # fmt: skip
    assert done.returncode == 0, done.stderr
