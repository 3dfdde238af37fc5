"""An HTML mail template with its CSS inlined: premailer runs once a template version, not once a message.

premailer sees the template alone, never a paper's text. It would mangle `{{ x }}` in links and misplace `{% for %}` in
tables, so both stand aside while it works: a variable as a word, a block tag as a comment. None may stand in the CSS,
where it would be lost; that is an error here, not in a mail.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache

from django.template import Template, engines
from django.template.base import tag_re
from django.template.loader import get_template
from premailer import Premailer

INCLUDE = re.compile(r"{%\s*include\s+\"([^\"]+)\"\s*%}")
STOOD_ASIDE = re.compile(r"<!--aside(\d+)-->|aside(\d+)x")


def inlined_template(name: str) -> Template:
    """The template of that name, compiled for this process once for each version of its text."""
    return _compiled(_source(name))


def _source(name: str) -> str:
    """The template's text with its includes in place, so that their CSS is inlined with it."""
    text: str = get_template(name).template.source  # type: ignore[attr-defined]
    return INCLUDE.sub(lambda found: _source(found[1]), text)


@lru_cache(maxsize=8)
def _compiled(source: str) -> Template:
    compiled: Template = engines["django"].from_string(inline_css(source)).template  # type: ignore[attr-defined]
    return compiled


def inline_css(source: str) -> str:
    tags: list[str] = []

    def stand_aside(found: re.Match[str]) -> str:
        tags.append(found[0])
        number = len(tags) - 1
        return f"aside{number}x" if found[0].startswith("{{") else f"<!--aside{number}-->"

    inlined = Premailer(
        tag_re.sub(stand_aside, source),
        strip_important=False,
        disable_validation=True,
        allow_network=False,
        remove_classes=False,
        disable_basic_attributes=["bgcolor", "width", "height"],
        cssutils_logging_level=logging.CRITICAL,
    ).transform(pretty_print=False)
    put_back: list[int] = []

    def come_back(found: re.Match[str]) -> str:
        number = int(found[1] or found[2])
        put_back.append(number)
        return tags[number]

    text = STOOD_ASIDE.sub(come_back, inlined)
    if sorted(put_back) != list(range(len(tags))):
        raise ValueError("A template tag stands where inlining loses or doubles it, such as in the CSS.")
    return text
