"""``./scripts/install`` without an engine: what it checks, what it asks, and what it writes."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from deployment import host_checks as checks
from deployment import install
from deployment.answers import QUESTIONS, Question, collect, quote, to_settings, with_settings
from deployment.errors import CommandFailed
from deployment.first_start import base_images, certificate_problem
from deployment.install_state import InstallState
from deployment.layout import Layout, read_settings
from deployment.record import Record, link_scripts
from deployment.steps import Steps

ROOT = Path(__file__).resolve().parents[2]
GIVEN = {
    "PUBLIC_HOST": "tickets.parterre.test",
    "SMTP_HOST": "smtp.parterre.test",
    "SUPERUSER_EMAIL": "boss@parterre.example",
}
# sl local_address rem_address st: one listens on 80, one is connected from 443, one listens on 443 of IPv6.
TCP = """  sl  local_address rem_address   st
   0: 00000000:0050 00000000:0000 0A 00000000:00000000
   1: 0100007F:01BB 0100007F:C350 01 00000000:00000000
"""
TCP6 = """  sl  local_address rem_address   st
   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0
"""


# -- checks


@pytest.mark.parametrize(
    ("mib", "swap", "level"),
    [(1_000, 0, "problem"), (1_950, 0, "warning"), (1_950, 1_024, "ok"), (3_900, 0, "ok")],
)
def test_a_machine_of_2_gb_is_enough_and_wants_swap(mib: int, swap: int, level: str) -> None:
    assert checks.check_memory(mib, swap).level == level


@pytest.mark.parametrize(("gib", "level"), [(2, "problem"), (6, "warning"), (20, "ok")])
def test_images_need_disk(gib: int, level: str) -> None:
    assert checks.check_disk(gib << 30).level == level


def answering(answers: dict[str, tuple[int, str]]) -> Callable[[Sequence[str]], tuple[int, str]]:
    return lambda command: answers.get(" ".join(command[:2]), (127, ""))


@pytest.mark.parametrize(
    ("answer", "level", "hint"),
    [
        ((0, "27.3.1"), "ok", "27.3.1"),
        ((0, "19.03.8"), "problem", "20.10"),
        ((127, ""), "problem", "not installed"),
        ((1, "dial unix /var/run/docker.sock: connect: permission denied"), "problem", "usermod"),
        ((1, "Cannot connect to the Docker daemon"), "problem", "Cannot connect"),
    ],
)
def test_docker_is_there_new_enough_and_may_be_used(
    answer: tuple[int, str], level: str, hint: str
) -> None:
    found = checks.check_docker(answering({"docker version": answer}))
    assert found.level == level and hint in found.text


@pytest.mark.parametrize(
    ("answers", "level"),
    [
        ({"docker compose": (0, "v2.29.1")}, "ok"),
        ({"docker compose": (1, "unknown"), "docker-compose version": (0, "1.29.2")}, "ok"),
        ({"docker-compose version": (0, "1.25.0")}, "problem"),
        ({}, "problem"),
    ],
)
def test_either_compose_will_do(answers: dict[str, tuple[int, str]], level: str) -> None:
    assert checks.check_compose(answering(answers)).level == level


def test_a_port_that_another_program_has_is_named() -> None:
    taken = checks.listening_ports([TCP, TCP6])
    assert taken == {80, 443}
    assert checks.listening_ports([TCP]) == {80}
    nobody = answering({})
    owners = checks.port_owners([80, 8443], taken, nobody)
    found = checks.check_ports([80, 8443], owners, project="parterre")
    assert found.level == "problem" and "port 80 (sudo ss" in found.text
    assert checks.check_ports([80, 443], {}, project="parterre").level == "ok"


@pytest.mark.parametrize(
    ("answer", "level", "hint"),
    [
        ("parterre|parterre_gateway_1", "ok", "ours"),
        ("blog|blog_web_1", "problem", "blog"),
        ("|proxy", "problem", "container proxy"),
        ("", "ok", "free"),
    ],
)
def test_a_port_of_a_container_is_known_by_its_project(answer: str, level: str, hint: str) -> None:
    owners = checks.port_owners([80], set(), answering({"docker ps": (0, answer)}))
    found = checks.check_ports([80], owners, project="parterre")
    assert found.level == level and hint in found.text


@pytest.mark.parametrize(
    ("found", "level", "hint"),
    [
        (set(), "warning", "no address"),
        ({"198.51.100.2"}, "ok", "leads here"),
        ({"203.0.113.9"}, "warning", "leads to 203.0.113.9"),
        ({"198.51.100.2", "2001:db8::9"}, "warning", "2001:db8::9 as well"),
    ],
)
def test_where_the_name_leads_is_only_a_warning(found: set[str], level: str, hint: str) -> None:
    said = checks.check_name("tickets.parterre.test", found, {"198.51.100.2"})
    assert said.level == level and hint in said.text


def test_what_is_wrong_with_the_machine_ends_the_installation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [checks.Finding("ok", "memory"), checks.Finding("problem", "disk: full")]
    monkeypatch.setattr(install, "check_machine", lambda *arguments, **options: found)
    with pytest.raises(CommandFailed, match="--anyway"):
        install.check(Layout(tmp_path), {}, is_anyway=False)
    assert "NO  disk: full" in capsys.readouterr().out
    install.check(Layout(tmp_path), {}, is_anyway=True)


# -- questions


def never(question: Question, default: str) -> str:
    raise AssertionError(f"{question.name} is asked")


def test_without_questions_defaults_hold() -> None:
    answers = collect({}, GIVEN, None)
    assert answers["TLS"] == "automatic"
    assert (answers["SMTP_SECURITY"], answers["SMTP_PORT"]) == ("starttls", "587")
    assert answers["MAIL_FROM"] == "Parterre <tickets@tickets.parterre.test>"
    assert "SMTP_PASSWORD" not in answers and "TLS_FOLDER" not in answers


def test_all_that_is_missing_or_wrong_is_named_at_once() -> None:
    given = {"PUBLIC_HOST": "https://tickets.parterre.test/", "TLS": "maybe", "SMTP_USER": "me"}
    with pytest.raises(CommandFailed) as failed:
        collect({}, given, None)
    said = str(failed.value)
    for name in ("PUBLIC_HOST", "TLS", "SMTP_HOST", "SMTP_PASSWORD", "SUPERUSER_EMAIL"):
        assert f"\n  {name}" in said, name


@pytest.mark.parametrize(
    ("name", "answer", "hint"),
    [
        ("PUBLIC_HOST", "münchen-bühne.de", "xn--mnchen-bhne-thbh.de"),
        ("PUBLIC_HOST", "straße.de", "in the form xn--..."),
        ("PUBLIC_HOST", "203.0.113.7", "is no name; for a trial make one up"),
        ("PUBLIC_HOST", "1.2.3", "is no name"),
        ("MAIL_FROM", "Hall, Ltd <tickets@parterre.test>", 'as "A, B" <address>'),
        ("MAIL_FROM", "Hall <kasse@bühne.test>", "is no sender"),
        ("SUPERUSER_PASSWORD", "short", "must have 10 to 128 characters"),
    ],
)
def test_what_would_be_refused_after_the_images_are_built_is_refused_at_once(
    name: str, answer: str, hint: str
) -> None:
    with pytest.raises(CommandFailed) as failed:
        collect({}, {**GIVEN, name: answer}, None)
    assert hint in str(failed.value), str(failed.value)


@pytest.mark.parametrize("sender", ["Bühne Köln <a@b.test>", '"Hall, Ltd" <a@b.test>', "a@b.test"])
def test_a_sender_may_have_any_name(sender: str) -> None:
    assert collect({}, {**GIVEN, "MAIL_FROM": sender}, None)["MAIL_FROM"] == sender


@pytest.mark.parametrize("address", ["boss", "boss@localhost", "boss@parterre.test", "a b@c.org"])
def test_an_address_that_gets_no_mail_is_refused_before_the_start(address: str) -> None:
    with pytest.raises(CommandFailed, match=r"SUPERUSER_EMAIL(.|\n)*SMOKE_EMAIL"):
        collect({}, {**GIVEN, "SUPERUSER_EMAIL": address, "SMOKE_EMAIL": address}, None)


def test_what_is_known_is_not_asked() -> None:
    known = collect({}, {**GIVEN, "SMTP_USER": "me", "SMTP_PASSWORD": "p"}, None)
    assert collect(known, {}, never) == known


def test_questions_follow_from_answers() -> None:
    asked = []

    def ask(question: Question, default: str) -> str:
        asked.append(question.name)
        return {**GIVEN, "TLS": "files", "TLS_FOLDER": "/etc/tls"}.get(question.name, default)

    answers = collect({}, {}, ask)
    assert answers["TLS_FOLDER"] == "/etc/tls"
    assert "TLS_FOLDER" in asked and "SMTP_PASSWORD" not in asked and "OUTER_PROXIES" not in asked


def test_a_person_is_asked_again_and_a_password_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = {question.name: question for question in QUESTIONS}
    typed = iter(["", "tickets/", "tickets.parterre.test"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    assert install.ask_person(questions["PUBLIC_HOST"], "") == "tickets.parterre.test"
    said = capsys.readouterr().out
    assert "is needed" in said and "tickets/ is no host name" in said
    monkeypatch.setattr("getpass.getpass", lambda prompt: " with spaces ")
    assert install.ask_person(questions["SMTP_PASSWORD"], "") == " with spaces "
    assert "spaces" not in capsys.readouterr().out


def test_ctrl_c_at_a_question_says_what_becomes_of_the_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupted)
    with pytest.raises(KeyboardInterrupt):
        install.ask_person(QUESTIONS[0], "")
    assert "These answers are not kept" in capsys.readouterr().out


def test_how_to_answer_is_said_once_and_only_where_something_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("getpass.getpass", lambda prompt: "")
    monkeypatch.setattr("builtins.input", lambda prompt: "")
    known = collect({}, GIVEN, None)
    collect(known, {}, install.Interview())
    assert "Some questions" not in capsys.readouterr().out
    del known["TLS"], known["SMTP_SECURITY"]
    assert collect(known, {}, install.Interview())["TLS"] == "automatic"
    assert capsys.readouterr().out.count("Some questions") == 1


def test_ports_of_the_environment_count_in_each_way_to_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GATEWAY_TLS_PORT", "8444")
    monkeypatch.setenv("PUBLIC_HOST", "tickets.parterre.test")
    monkeypatch.setattr(sys, "argv", ["install"])
    assert install.read_given(install.parse()) == {"GATEWAY_TLS_PORT": "8444"}
    monkeypatch.setattr(sys, "argv", ["install", "--yes"])
    given = install.read_given(install.parse())
    assert given["PUBLIC_HOST"] == "tickets.parterre.test"
    settle(Layout(tmp_path), {**GIVEN, **given})
    written = read_settings(tmp_path / ".env")
    assert written["PUBLIC_URL"] == "https://tickets.parterre.test:8444"


# -- .env


def settle(layout: Layout, given: dict[str, str]) -> dict[str, str]:
    return install.settle_settings(layout, InstallState(layout), given, None)


def test_a_new_env_has_the_answers_and_the_rest_of_the_example(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "home")
    settle(layout, {**GIVEN, "GATEWAY_TLS_PORT": "8443", "HOLD_SECONDS": "300"})
    written = read_settings(layout.settings)
    assert written["PUBLIC_URL"] == "https://tickets.parterre.test:8443"
    assert written["PUBLIC_HOST"] == "tickets.parterre.test"
    assert written["HOLD_SECONDS"] == "300" and written["GATEWAY_PORT"] == "80"
    assert written["MAIL_FROM"] == "Parterre <tickets@tickets.parterre.test>"
    assert "POSTGRES_MEMORY" in written and "SUPERUSER_EMAIL" not in written
    text = layout.settings.read_text()
    assert "example.com" not in "".join(read_settings(layout.settings).values())
    # Comments stay, and no name stands there twice.
    assert "# --- Behaviour" in text
    names = [line.partition("=")[0] for line in text.splitlines() if line[:1].isupper()]
    assert len(names) == len(set(names))
    assert layout.settings.stat().st_mode & 0o777 == 0o600


def test_a_value_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.settings.write_text("SMTP_HOST=mine.parterre.test\nPOSTGRES_MEMORY=333M\nSMTP_USER=\n")
    answers = settle(
        layout,
        {**GIVEN, "SMTP_HOST": "other.parterre.test", "SMOKE_EMAIL": "smoke@parterre.example"},
    )
    assert answers["SMTP_HOST"] == "mine.parterre.test"
    before = layout.settings.read_text()
    assert before.startswith("SMTP_HOST=mine.parterre.test\nPOSTGRES_MEMORY=333M\nSMTP_USER=\n")
    assert "SMOKE_EMAIL=smoke@parterre.example\n" in before
    # A second run knows all of it, also what was answered with nothing, and changes nothing.
    again = install.settle_settings(layout, InstallState(layout), {}, None)
    assert again["SUPERUSER_EMAIL"] == "boss@parterre.example" and again["SMTP_USER"] == ""
    assert layout.settings.read_text() == before


def test_the_examples_own_host_is_no_answer(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.settings.write_text((ROOT / ".env.example").read_text())
    settle(layout, GIVEN)
    assert read_settings(layout.settings)["PUBLIC_URL"] == "https://tickets.parterre.test"


def test_an_address_of_a_mail_server_of_before_is_kept(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.settings.write_text("SMTP_URL=smtps://me:secret@smtp.parterre.test\n")
    settle(layout, {name: value for name, value in GIVEN.items() if name != "SMTP_HOST"})
    assert "SMTP_HOST" not in read_settings(layout.settings)


def test_the_superuser_is_asked_for_until_there_is_one(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    settle(layout, {**GIVEN, "SUPERUSER_PASSWORD": "wide river, late train"})
    assert "river" not in (layout.var / "install.json").read_text()
    state = InstallState(layout)
    assert "SUPERUSER_PASSWORD" not in state.known() and not state.has_superuser
    state.ask_again_for_superuser()
    assert "SUPERUSER_EMAIL" not in InstallState(layout).known()
    state.note_superuser()
    assert InstallState(layout).has_superuser


def test_values_are_written_as_compose_reads_them() -> None:
    assert quote("A", "Parterre <a@b.test>") == "Parterre <a@b.test>"
    assert quote("A", "a$b #c") == "'a$b #c'"
    assert quote("A", "O'Neill & Ö <a@b.test>") == '"O\'Neill & Ö <a@b.test>"'
    for value in ("it's $5", "a\nb"):
        with pytest.raises(CommandFailed, match="A must not contain"):
            quote("A", value)
    assert with_settings("# A=1\nB=\n", {"A": "2", "B": "3", "C": "4"}, {}) == "A=2\nB=3\nC=4\n"
    assert with_settings("A=1\n", {"A": "2"}, {"A": "1"}) == "A=1\n"
    assert to_settings({"PUBLIC_HOST": "a.test", "SMTP_PASSWORD": "p", "SMTP_USER": ""}) == {
        "PUBLIC_URL": "https://a.test",
        "PUBLIC_HOST": "a.test",
    }


# -- the command


def test_nothing_is_made_where_nobody_answers(tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "install", "--anyway"],
        env={
            "PARTERRE_HOME": str(tmp_path / "home"),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "--answers FILE" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "home").exists()


def test_an_installed_host_is_not_updated_by_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    (layout.releases / "1.0").mkdir(parents=True)
    layout.current.symlink_to("releases/1.0")
    assert install.settle_release(layout, None, Steps()) == "1.0"
    with pytest.raises(CommandFailed, match="./scripts/deploy 2.0"):
        install.settle_release(layout, "2.0", Steps())


def test_before_the_first_success_the_newest_release_is_meant(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert layout.version == "latest"
    (layout.releases / "1.0").mkdir(parents=True)
    (layout.releases / "1.0" / "docker-compose.yml").touch()
    assert layout.version == "1.0"


def test_scripts_beside_the_settings_are_there_before_and_after_the_first_success(
    tmp_path: Path,
) -> None:
    layout = Layout(tmp_path)
    for version in ("1.0", "2.0"):
        (layout.releases / version / "scripts").mkdir(parents=True)
    link_scripts(layout, "releases/1.0")
    assert (tmp_path / "scripts").resolve() == layout.releases / "1.0" / "scripts"
    Record(layout).use("2.0")
    assert (tmp_path / "scripts").resolve() == layout.releases / "2.0" / "scripts"
    (tmp_path / "scripts").unlink()
    (tmp_path / "scripts").mkdir()
    Record(layout).use("1.0")
    assert not (tmp_path / "scripts").is_symlink()


def test_base_images_are_those_that_are_not_ours() -> None:
    found = base_images((ROOT / "docker-compose.yml").read_text())
    assert sorted(name.partition(":")[0] for name in found) == ["caddy", "postgres", "redis"]


def test_a_gateway_that_is_away_is_a_problem_of_the_certificate() -> None:
    assert certificate_problem("tickets.parterre.test", 9) != ""
