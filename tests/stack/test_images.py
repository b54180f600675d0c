"""What ``./scripts/images`` calls the images, and what it finds wrong with one."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from deployment import image_check, images, inside_image
from deployment.errors import CommandFailed
from deployment.images import find_origin, public_source
from notification_service.rendering.formats import LOCALES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("remote", "source"),
    [
        ("https://git.example.com/box/office.git", "https://git.example.com/box/office.git"),
        ("https://me:token@git.example.com:8443/office", "https://git.example.com:8443/office"),
        ("git@git.example.com:box/office.git", "https://git.example.com/box/office.git"),
        ("ssh://git@git.example.com:2222/office", "ssh://git.example.com:2222/office"),
        ("/srv/git/office", "unknown"),
        ("file:///srv/git/office", "unknown"),
        ("", "unknown"),
    ],
)
def test_source_label_is_a_public_address_without_credentials(remote: str, source: str) -> None:
    assert public_source(remote) == source


@pytest.mark.parametrize("version", ["a b", "-1", "../x", "v" * 129, "über"])
def test_version_that_is_no_image_tag_is_refused(version: str) -> None:
    with pytest.raises(CommandFailed, match="cannot be a version"):
        find_origin(version)


def test_version_is_asked_for_where_git_knows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_git", lambda *arguments: "")

    with pytest.raises(CommandFailed, match="scripts/images VERSION"):
        find_origin(None)
    assert find_origin("1.2.0").revision == "unknown"


def test_image_has_the_locale_data_of_each_language_of_mails() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()

    match = re.search(r'^ARG LANGUAGES="(.*)"$', dockerfile, re.MULTILINE)

    assert match and match[1].split("|") == list(LOCALES)


BASE = {"CreatedBy": '/bin/sh -c #(nop)  CMD ["python3"]', "Size": "0"}
BELOW_BASE = {"CreatedBy": "COPY dir:1", "Size": "75000000"}
GOOD = {
    "User": "10001",
    "Labels": {
        "org.opencontainers.image.version": "1.2.0",
        "org.opencontainers.image.revision": "abc",
        "org.opencontainers.image.source": "https://git.example.com/office",
    },
}


class FakeDocker:
    """Answers of docker about one image."""

    def __init__(self, config: Mapping[str, object], own_bytes: int, faults: list[str]) -> None:
        layers = [{"CreatedBy": "COPY /venv", "Size": str(own_bytes)}, BASE, BELOW_BASE]
        self.answers = {
            "history": "\n".join(json.dumps(layer) for layer in layers),
            "image": json.dumps([{"Config": config}]),
            "run": "a warning\n" + json.dumps({"imported": 7, "faults": faults}),
        }

    def run(self, command: Sequence[str], **options: object) -> str:
        return self.answers[command[1]]


def check(
    monkeypatch: pytest.MonkeyPatch,
    config: Mapping[str, object] = GOOD,
    own_bytes: int = 120_000_000,
    faults: Sequence[str] = (),
) -> str:
    monkeypatch.setattr(image_check, "run", FakeDocker(config, own_bytes, list(faults)).run)
    return image_check.check("event", "parterre/event-service:1.2.0", "1.2.0", "abc")


def test_good_image_passes_with_what_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(monkeypatch) == "120 MB in own layers, 7 modules imported"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"own_bytes": 130_000_001}, "own layers have 130 MB"),
        ({"config": {**GOOD, "User": ""}}, "runs as root"),
        ({"config": {**GOOD, "Labels": None}}, "label version is None"),
        (
            {"config": {**GOOD, "Labels": GOOD["Labels"] | {"org.opencontainers.image.revision": "x"}}},  # type: ignore[operator]
            "label revision is 'x'",
        ),
        ({"faults": ["pip is still in it"]}, "pip is still in it"),
    ],
)
def test_fault_of_an_image_is_named(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, object], fault: str
) -> None:
    with pytest.raises(CommandFailed, match=re.escape(fault)):
        check(monkeypatch, **options)  # type: ignore[arg-type]


def test_inside_the_image_what_cannot_be_imported_and_installers_are_named() -> None:
    faults = inside_image.import_all(["json", "service_kit.no_such_module", "no_such_package"])

    assert [fault.split()[0] for fault in faults] == [
        "service_kit.no_such_module",
        "no_such_package",
    ]
    # The environment that this test runs in has pip.
    assert "pip is still in it" in inside_image.leftovers()
