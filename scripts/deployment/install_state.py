"""What an installation knows beside ``.env``, so that a second run asks only the rest."""

import json
from collections.abc import Mapping

from deployment.answers import QUESTIONS
from deployment.layout import Layout


class InstallState:
    """``var/install.json``: empty answers, the superuser's address, and whether that account is made.
    No secret."""

    def __init__(self, layout: Layout) -> None:
        self._file = layout.var / "install.json"
        self._values: dict[str, str] = {}
        if self._file.exists():
            self._values = json.loads(self._file.read_text())

    @property
    def has_superuser(self) -> bool:
        return self._values.get("superuser") == "made"

    def known(self) -> dict[str, str]:
        """Answers that need not be asked again."""
        known = {name: value for name, value in self._values.items() if name.isupper()}
        return {**known, "SUPERUSER_PASSWORD": ""} if self.has_superuser else known

    def note(self, answers: Mapping[str, str]) -> None:
        for question in QUESTIONS:
            answer = answers.get(question.name)
            is_empty = answer == "" and not question.is_secret
            if answer is not None and (is_empty or question.name == "SUPERUSER_EMAIL"):
                self._values[question.name] = answer
        self._write()

    def note_superuser(self) -> None:
        self._values["superuser"] = "made"
        self._write()

    def ask_again_for_superuser(self) -> None:
        self._values.pop("SUPERUSER_EMAIL", None)
        self._write()

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._values, indent=1) + "\n")
