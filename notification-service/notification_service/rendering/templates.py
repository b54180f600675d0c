"""Renders the templates: one per kind and language makes both the HTML and the text of a mail.

The two forms differ in layout, macros (``parts.*.j2``) and escaping only, so that they cannot say
different things.
"""

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from notification_service.rendering.formats import formats_for

FOLDER = Path(__file__).parents[1] / "templates"
TEXT_WIDTH = 72


@dataclass(frozen=True, slots=True)
class RenderedTemplate:
    subject: str
    text: str
    html: str


class Templates:
    def __init__(self) -> None:
        self._html = _environment("html", autoescape=True)
        self._text = _environment("txt", autoescape=False)
        self._prepare = cache(_prepare)

    def render(self, kind: str, locale: str, context: dict[str, Any]) -> RenderedTemplate:
        text_template, text_base = self._prepare(self._text, kind, locale)
        html_template, html_base = self._prepare(self._html, kind, locale)
        text_context = {**text_base, **context}
        lines = _blocks(text_template, ("subject", "heading", "preheader"), text_context)
        text = text_template.render(text_context | lines)
        return RenderedTemplate(
            subject=lines["subject"],
            text=re.sub(r"\n{3,}", "\n\n", text).strip() + "\n",
            html=html_template.render({**html_base, **context, **lines}),
        )

    def texts(self, locale: str) -> Any:
        """The texts that the mails of a language share (``texts.j2``)."""
        return self._text.get_template(f"{locale}/texts.j2").module


def _environment(form: str, *, autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        auto_reload=False,
    )
    environment.globals.update(layout=f"layout.{form}.j2", parts=f"parts.{form}.j2")
    environment.filters.update(wrapped=_wrapped, paragraphs=_paragraphs)
    return environment


def _prepare(environment: Environment, kind: str, locale: str) -> tuple[Template, dict[str, Any]]:
    """A template, and the values that every mail gives it."""
    formats = formats_for(locale)
    base: dict[str, Any] = {
        "layout": environment.globals["layout"],
        "ui": environment.get_template(str(environment.globals["parts"])).module,
        "texts": environment.get_template(f"{locale}/texts.j2").module,
        "formats": formats,
        "plural": formats.plural,
        "locale": locale,
    }
    return environment.get_template(f"{locale}/{kind}.j2"), base


def _blocks(template: Template, names: Iterable[str], values: dict[str, Any]) -> dict[str, str]:
    context = template.new_context(values)
    # Line breaks come from the templates: user text is on one line already.
    return {name: " ".join("".join(template.blocks[name](context)).split()) for name in names}


def _wrapped(text: str, prefix: str = "") -> str:
    """Lines of at most 72 characters; words, and so addresses of pages, stay whole."""
    return "\n".join(
        textwrap.fill(
            line,
            TEXT_WIDTH,
            initial_indent=prefix,
            subsequent_indent=prefix,
            break_long_words=False,
            break_on_hyphens=False,
        )
        or prefix.rstrip()
        for line in text.strip().split("\n")
    )


def _paragraphs(text: str) -> list[list[str]]:
    return [part.split("\n") for part in re.split(r"\n\s*\n", text.strip())]
