"""waiting -> asked at arXiv or Crossref -> the pending paper filled with what they say. It stays pending: the editors
decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from papers.fetching import Client, FetchError
from papers.importing import Report
from papers.ingest import take_lines
from papers.jsonlines import Line, Place
from papers.models import Identifier, Paper, Submission
from papers.parsers import BadDocument, Entry, decode, understood
from papers.parsers.jsontext import read_json
from papers.parsers.xmltext import read_xml, text_of, understood_xml
from papers.sources import arxiv_api, crossref

AT_ONCE = 20  # papers of one run; the next one is five minutes away
SERVICES = {Identifier.Scheme.ARXIV.value: arxiv_api.KIND.url, Identifier.Scheme.DOI.value: crossref.KIND.url}


def not_looked_up() -> QuerySet[Submission]:
    return Submission.objects.filter(state=Submission.State.WAITING, looked_up_at=None)


def look_up_waiting(client: Client | None = None) -> int:
    """Each paper once, however many do this at the same time. Gives how many were filled."""
    client = client or Client()
    n_filled = 0
    papers = not_looked_up().order_by("submitted_at").values_list("paper", flat=True)
    for paper_id in list(dict.fromkeys(papers))[:AT_ONCE]:
        claimed = not_looked_up().filter(paper=paper_id).values_list("pk", flat=True)
        asked_for = list(claimed)
        if not not_looked_up().filter(pk__in=asked_for).update(looked_up_at=timezone.now(), lookup_error=""):
            continue
        if error := look_up(paper_id, client):
            Submission.objects.filter(pk__in=asked_for).update(lookup_error=error[:300])
        else:
            n_filled += 1
    return n_filled


def look_up(paper_id: int, client: Client) -> str:
    """Why nothing was found, or nothing."""
    identifier = Identifier.objects.filter(paper=paper_id, scheme__in=SERVICES).order_by("pk").first()
    if identifier is None:
        return _("Only arXiv ids and DOIs can be looked up.")
    try:
        entry: Entry = ASKED[identifier.scheme](identifier.value, client)
    except (FetchError, BadDocument) as error:
        return str(error)
    if entry.record is None:
        return entry.reason
    record = entry.record
    if record.get("status") in (None, "", Paper.Status.PUBLISHED):
        record = record | {"status": Paper.Status.PENDING.value}
    report = Report()
    take_lines([Line(Place(Path(identifier.scheme), 1), record)], report)
    return report.rejections[0].reason if report.rejections else ""


def ask_arxiv(value: str, client: Client) -> Entry:
    url = f"{SERVICES['arxiv']}?{urlencode({'id_list': value, 'max_results': 1})}"
    response = client.get(url)
    document = read_xml(decode(response.body, response.headers.get_content_charset() or ""), "entry")
    for item in document.entries:
        # An id that is none gets an entry called "Error", one that is not given out an entry without anything.
        if item.element is not None and text_of(item.element, "title") not in ("", "Error"):
            return understood_xml(item, arxiv_api.record_of)
    return Entry("", reason=_("arXiv knows no %s.") % value)


def ask_crossref(value: str, client: Client) -> Entry:
    response = client.get(f"{SERVICES['doi'].rstrip('/')}/works/{quote(value, safe='')}")
    items = read_json(decode(response.body), lambda whole: [whole["message"]], {"DOI"}).items
    return understood(json.dumps(items[0]), crossref.record_of, items[0]) if items else Entry("", reason=_("no answer"))


ASKED: dict[str, Any] = {"arxiv": ask_arxiv, "doi": ask_crossref}
