"""An editor's Markdown as HTML for mails and pages."""

from __future__ import annotations

from functools import lru_cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

TAGS = {"p", "em", "strong", "a", "ul", "ol", "li", "blockquote", "code", "br"}


@lru_cache(maxsize=64)
def note_html(markdown: str) -> SafeString:
    """Clean whatever the editor wrote: raw HTML is text, and links lead to the web or a mailbox only."""
    html = MarkdownIt("js-default").render(markdown)
    return mark_safe(nh3.clean(html, tags=TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"}))
