"""An editor's Markdown as HTML for mails and pages."""

from __future__ import annotations

import re
from functools import lru_cache

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

# In HTML a line may break at any space, and mail wants lines of less than 998 bytes.
SPACE_FAR_INTO_A_LINE = re.compile(r"([^\n]{180,}?) ")
TAGS = {"p", "em", "strong", "a", "ul", "ol", "li", "blockquote", "code", "br"}


@lru_cache(maxsize=64)
def note_html(markdown: str) -> SafeString:
    """Clean whatever the editor wrote: raw HTML is text, and links lead to the web or a mailbox only."""
    html = MarkdownIt("js-default").render(markdown)
    clean = nh3.clean(html, tags=TAGS, attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"})
    return mark_safe(SPACE_FAR_INTO_A_LINE.sub(r"\1\n", clean))
