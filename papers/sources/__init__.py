"""Where papers come from: a kind of source is one module with one function that gives pages of entries.

`docs/adding-a-source.md` walks through adding one. What a run does with the pages (one at a time, resumed, told when
stale) is the same for all of them and stands in `papers/source_runs.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from papers.fetching import Client, FetchError, Response
from papers.models import Source
from papers.parsers import Entry


@dataclass(frozen=True)
class Page:
    """What one request gave. It is taken as a whole, and then `resume` is kept: a later run begins after it."""

    entries: list[Entry]
    where: str  # its address, for what is set aside
    resume: dict[str, Any] = field(default_factory=dict)
    newest_at: datetime | None = None  # the newest announcement it tells of
    fault: str = ""  # why it is not whole: its good entries are taken, then the run fails


@dataclass
class Asking:
    """What a run wants to know."""

    client: Client
    url: str
    query: str
    since: datetime  # announced in [since, until) ...
    until: datetime
    is_first: bool = False  # nothing is known yet, so what has no date is not news
    resume: dict[str, Any] = field(default_factory=dict)
    validators: dict[str, dict[str, str]] = field(default_factory=dict)  # by address; filled as answers come

    def get(self, url: str, *, conditionally: bool = False) -> Response:
        """The answer. Services in trouble send an HTML page with status 200: a FetchError."""
        response = self.client.get(url, self.validators.get(url) if conditionally else None)
        if response.is_html or response.body[:300].lstrip().lower().startswith((b"<!doctype html", b"<html")):
            raise FetchError(f"{url} answered with an HTML page instead of data")
        if conditionally and not response.is_unchanged:
            self.validators[url] = response.validators
        return response


@dataclass(frozen=True)
class Kind:
    name: str
    label: str
    url: str
    ask: str  # what its query is, for the form in the admin
    expects: Source.Expects
    pages: Callable[[Asking], Iterator[Page]]


def kinds() -> dict[str, Kind]:
    """Every kind of source, by the name that a source's row bears."""
    from papers.sources import (
        arxiv_announcements,
        arxiv_api,
        arxiv_harvest,
        biorxiv,
        crossref,
        daily_papers,
        feed,
        openalex,
    )

    modules = (arxiv_announcements, arxiv_api, arxiv_harvest, biorxiv, openalex, crossref, daily_papers, feed)
    return {module.KIND.name: module.KIND for module in modules}
