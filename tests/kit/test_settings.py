"""Settings that were renamed are still read under their old name, with a warning."""

import pytest

from service_kit.settings import ServiceSettings
from service_kit.settings_sources import RENAMED


@pytest.mark.parametrize(("name", "old_name"), RENAMED.items())
def test_a_setting_is_read_under_its_old_name_with_a_warning(
    name: str, old_name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(old_name, "7")
    assert getattr(settings(), name) == 7
    assert f"{old_name} is now called {name.upper()}" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "old_name"), RENAMED.items())
def test_the_new_name_has_precedence(
    name: str, old_name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(old_name, "7")
    monkeypatch.setenv(name.upper(), "8")
    assert getattr(settings(), name) == 8
    assert capsys.readouterr().err == ""


def settings() -> ServiceSettings:
    return ServiceSettings(
        environment="test",
        database_url="postgresql+asyncpg://nobody@127.0.0.1/none",
        cache_redis_url="redis://127.0.0.1/0",
        broker_url="redis://127.0.0.1/0",
    )
