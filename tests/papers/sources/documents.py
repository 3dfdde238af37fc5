"""Documents as the services write them, after their published specifications, from facts that a test decides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")


@dataclass(frozen=True)
class Fact:
    """What a service knows of one paper."""

    arxiv_id: str
    title: str = "A paper"
    abstract: str = "We show a result."
    authors: tuple[tuple[str, str], ...] = (("Ada", "Lovelace"), ("Alan M.", "Turing"))
    categories: tuple[str, ...] = ("cs.LG", "stat.ML")
    submitted_at: datetime = datetime(2024, 6, 3, 15, tzinfo=UTC)
    updated_on: date | None = None  # of a later version
    changed_on: date = date(2024, 6, 4)  # OAI's datestamp
    version: int = 1
    announce_type: str = "new"
    comment: str = ""
    doi: str = ""
    is_deleted: bool = False

    @property
    def names(self) -> list[str]:
        return [f"{given} {family}" for given, family in self.authors]


def tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else ""


# --- arXiv: https://info.arxiv.org/help/rss_specifications.html -----------------------------------------------------


def arxiv_rss(day: date, facts: Sequence[Fact]) -> str:
    announced = format_datetime(datetime.combine(day, time(), EASTERN))
    items = "\n".join(arxiv_rss_item(fact, announced) for fact in facts)
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" \
xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/" version="2.0">
  <channel>
    <title>cs.LG updates on arXiv.org</title>
    <link>http://rss.arxiv.org/rss/cs.LG</link>
    <description>cs.LG updates on the arXiv.org e-print archive.</description>
    <atom:link href="http://rss.arxiv.org/rss/cs.LG" rel="self" type="application/rss+xml"/>
    <docs>http://www.rssboard.org/rss-specification</docs>
    <language>en-us</language>
    <lastBuildDate>{announced}</lastBuildDate>
    <managingEditor>rss-help@arxiv.org</managingEditor>
    <pubDate>{announced}</pubDate>
    <skipDays><day>Sunday</day><day>Saturday</day></skipDays>
{items}
  </channel>
</rss>"""


def arxiv_rss_item(fact: Fact, announced: str) -> str:
    name = f"{fact.arxiv_id}v{fact.version}"
    description = f"arXiv:{name} Announce Type: {fact.announce_type} \nAbstract: {fact.abstract}"
    categories = "".join(tag("category", category) for category in fact.categories)
    return f"""    <item>
      {tag("title", fact.title)}
      <link>https://arxiv.org/abs/{fact.arxiv_id}</link>
      {tag("description", description)}
      <guid isPermaLink="false">oai:arXiv.org:{name}</guid>
      {categories}
      <pubDate>{announced}</pubDate>
      {tag("arxiv:announce_type", fact.announce_type)}
      <dc:rights>http://creativecommons.org/licenses/by/4.0/</dc:rights>
      {tag("arxiv:DOI", fact.doi)}
      {tag("dc:creator", ", ".join(fact.names))}
    </item>"""


def arxiv_atom(day: date, facts: Sequence[Fact]) -> str:
    announced = datetime.combine(day, time(), EASTERN).isoformat()
    entries = "\n".join(
        f"""  <entry>
    <id>oai:arXiv.org:{fact.arxiv_id}v{fact.version}</id>
    {tag("title", fact.title)}
    <updated>{announced}</updated>
    <link href="https://arxiv.org/abs/{fact.arxiv_id}" rel="alternate" type="text/html"/>
    <summary>{escape(f"arXiv:{fact.arxiv_id}v{fact.version} Announce Type: {fact.announce_type} ")}
{escape(f"Abstract: {fact.abstract}")}</summary>
    {"".join(f'<category term="{category}"/>' for category in fact.categories)}
    <published>{announced}</published>
    {tag("arxiv:announce_type", fact.announce_type)}
    {tag("dc:creator", ", ".join(fact.names))}
  </entry>"""
        for fact in facts
    )
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<feed xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" \
xmlns="http://www.w3.org/2005/Atom" xml:lang="en-us">
  <id>http://rss.arxiv.org/atom/cs.LG</id>
  <title>cs.LG updates on arXiv.org</title>
  <updated>{announced}</updated>
  <link href="http://rss.arxiv.org/atom/cs.LG" rel="self" type="application/atom+xml"/>
{entries}
</feed>"""


# --- arXiv's API: https://info.arxiv.org/help/api/user-manual.html ---------------------------------------------------


def arxiv_api(facts: Sequence[Fact], total: int, start: int = 0) -> str:
    entries = "\n".join(arxiv_api_entry(fact) for fact in facts)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <link href="http://arxiv.org/api/query?search_query=cat:cs.LG" rel="self" type="application/atom+xml"/>
  <title type="html">ArXiv Query: search_query=cat:cs.LG</title>
  <id>http://arxiv.org/api/cHxbiOdZaP56ODnBPIenZhzg5f8</id>
  <updated>2024-06-04T00:00:00-04:00</updated>
  <opensearch:totalResults xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">{total}</opensearch:totalResults>
  <opensearch:startIndex xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">{start}</opensearch:startIndex>
  <opensearch:itemsPerPage xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">200</opensearch:itemsPerPage>
{entries}
</feed>"""


def arxiv_api_entry(fact: Fact) -> str:
    submitted = fact.submitted_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    authors = "".join(f"<author><name>{escape(name)}</name></author>" for name in fact.names)
    schema = 'xmlns:arxiv="http://arxiv.org/schemas/atom"'
    comment = f"<arxiv:comment {schema}>{escape(fact.comment)}</arxiv:comment>" if fact.comment else ""
    doi = f"<arxiv:doi {schema}>{escape(fact.doi)}</arxiv:doi>" if fact.doi else ""
    terms = "".join(f'<category term="{name}" scheme="http://arxiv.org/schemas/atom"/>' for name in fact.categories)
    return f"""  <entry>
    <id>http://arxiv.org/abs/{fact.arxiv_id}v{fact.version}</id>
    <updated>{submitted}</updated>
    <published>{submitted}</published>
    {tag("title", fact.title)}
    <summary>  {escape(fact.abstract)}
</summary>
    {authors}
    {comment}{doi}
    <link href="http://arxiv.org/abs/{fact.arxiv_id}v{fact.version}" rel="alternate" type="text/html"/>
    <link title="pdf" href="http://arxiv.org/pdf/{fact.arxiv_id}v{fact.version}" rel="related" type="application/pdf"/>
    <arxiv:primary_category {schema} term="{fact.categories[0]}" scheme="http://arxiv.org/schemas/atom"/>
    {terms}
  </entry>"""


def arxiv_api_error(message: str) -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title type="html">ArXiv Query: error</title>
  <opensearch:totalResults xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">1</opensearch:totalResults>
  <entry>
    <id>http://arxiv.org/api/errors#incorrect_id_format</id>
    <title>Error</title>
    <summary>{escape(message)}</summary>
    <updated>2024-06-04T00:00:00-04:00</updated>
    <author><name>arXiv api core</name></author>
  </entry>
</feed>"""


# --- OAI-PMH: http://www.openarchives.org/OAI/openarchivesprotocol.html, metadata format arXiv ------------------------


def oai(content: str) -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" \
xsi:schemaLocation="http://www.openarchives.org/OAI/2.0/ http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd">
<responseDate>2024-06-05T00:00:00Z</responseDate>
<request verb="ListRecords" metadataPrefix="arXiv" set="cs">http://oaipmh.arxiv.org/oai</request>
{content}
</OAI-PMH>"""


def oai_records(facts: Sequence[Fact], token: str = "", total: int = 0) -> str:
    if not facts:
        return oai_error("noRecordsMatch", "no records match")
    records = "\n".join(oai_record(fact) for fact in facts)
    more = f'<resumptionToken cursor="0" completeListSize="{total}">{escape(token)}</resumptionToken>'
    return oai(f"<ListRecords>\n{records}\n{more if token or total else ''}\n</ListRecords>")


def oai_error(code: str, message: str) -> str:
    return oai(f'<error code="{code}">{escape(message)}</error>')


def oai_record(fact: Fact) -> str:
    status = ' status="deleted"' if fact.is_deleted else ""
    header = f"""<header{status}>
 <identifier>oai:arXiv.org:{fact.arxiv_id}</identifier>
 <datestamp>{fact.changed_on}</datestamp>
 <setSpec>cs:cs:LG</setSpec>
</header>"""
    if fact.is_deleted:
        return f"<record>\n{header}\n</record>"
    authors = "".join(
        f"<author><keyname>{escape(family)}</keyname><forenames>{escape(given)}</forenames></author>"
        for given, family in fact.authors
    )
    return f"""<record>
{header}
<metadata>
 <arXiv xmlns="http://arxiv.org/OAI/arXiv/" xsi:schemaLocation="http://arxiv.org/OAI/arXiv/ http://arxiv.org/OAI/arXiv.xsd">
 <id>{fact.arxiv_id}</id><created>{fact.submitted_at.date()}</created>{tag("updated", str(fact.updated_on or ""))}
 <authors>{authors}</authors>
 {tag("title", fact.title)}
 <categories>{" ".join(fact.categories)}</categories>
 {tag("comments", fact.comment)}{tag("doi", fact.doi)}
 <license>http://creativecommons.org/licenses/by/4.0/</license>
 <abstract>  {escape(fact.abstract)}
 </abstract></arXiv>
</metadata>
</record>"""


# --- JSON services ----------------------------------------------------------------------------------------------------


def biorxiv(items: Sequence[dict[str, Any]], total: int, cursor: int = 0) -> str:
    message = {"status": "ok", "interval": "2024-06-03:2024-06-04", "cursor": cursor, "count": len(items),
               "count_new_papers": str(total), "total": str(total)}  # fmt: skip
    return json.dumps({"messages": [message], "collection": list(items)})


def biorxiv_item(number: int = 1, **values: Any) -> dict[str, Any]:
    return {
        "doi": f"10.1101/2024.06.01.59{number:04}",
        "title": "A neural basis of reading",
        "authors": "Lovelace, A.; Turing, A. M.",
        "author_corresponding": "Ada Lovelace",
        "author_corresponding_institution": "University of London",
        "date": "2024-06-03",
        "version": "1",
        "type": "new results",
        "license": "cc_by",
        "category": "neuroscience",
        "jatsxml": "https://www.biorxiv.org/content/early/2024/06/03/2024.06.01.590001.source.xml",
        "abstract": "We recorded from 12 readers.",
        "published": "NA",
        "server": "biorxiv",
    } | values


def openalex(works: Sequence[dict[str, Any]], next_cursor: str | None = None) -> str:
    meta = {"count": len(works), "db_response_time_ms": 12, "page": None, "per_page": 200, "next_cursor": next_cursor}
    return json.dumps({"meta": meta, "results": list(works), "group_by": []})


def openalex_work(number: int = 1, **values: Any) -> dict[str, Any]:
    location = {"is_oa": True, "landing_page_url": f"https://doi.org/10.1234/oa.{number}",
                "pdf_url": f"https://example.org/{number}.pdf", "source": {"display_name": "A Journal"}}  # fmt: skip
    return {
        "id": f"https://openalex.org/W{4390000000 + number}",
        "doi": f"https://doi.org/10.1234/oa.{number}",
        "ids": {"openalex": f"https://openalex.org/W{4390000000 + number}"},
        "title": "Graph networks for weather",
        "publication_date": "2024-06-03",
        "created_date": "2024-06-05",
        "authorships": [
            {"author_position": "first", "author": {"id": "https://openalex.org/A1", "display_name": "Ada Lovelace"}},
            {"author_position": "last", "author": {"id": "https://openalex.org/A2", "display_name": "Alan M. Turing"}},
        ],
        "abstract_inverted_index": {"We": [0], "forecast": [1, 4], "and": [3], "weather": [2]},
        "primary_location": location,
        "locations": [location],
        "topics": [{"id": "https://openalex.org/T1", "display_name": "Weather Forecasting", "score": 0.99}],
        "is_retracted": False,
    } | values


def crossref(works: Sequence[dict[str, Any]], cursor: str = "DnF1ZXJ5", total: int = 0) -> str:
    message = {"facets": {}, "next-cursor": cursor, "total-results": total or len(works), "items": list(works),
               "items-per-page": 200, "query": {"start-index": 0, "search-terms": None}}  # fmt: skip
    return json.dumps({"status": "ok", "message-type": "work-list", "message-version": "1.0.0", "message": message})


def crossref_work(number: int = 1, **values: Any) -> dict[str, Any]:
    return {
        "DOI": f"10.5555/cr.{number}",
        "type": "journal-article",
        "title": ["Scaling <i>in vitro</i> assays &amp; more"],
        "author": [
            {"given": "Ada", "family": "Lovelace", "sequence": "first", "affiliation": []},
            {"name": "The Assay Consortium", "sequence": "additional", "affiliation": []},
        ],
        "abstract": "<jats:title>Abstract</jats:title><jats:p>We measure <jats:italic>K</jats:italic>"
        "<jats:sub>d</jats:sub> &lt; 5 nM.</jats:p>",
        "created": {"date-parts": [[2024, 6, 3]], "date-time": "2024-06-03T08:00:00Z", "timestamp": 1717401600000},
        "published": {"date-parts": [[2024, 7]]},
        "issued": {"date-parts": [[None]]},
        "URL": f"https://doi.org/10.5555/cr.{number}",
        "link": [{"URL": f"https://example.org/cr{number}.pdf", "content-type": "application/pdf"}],
        "subject": ["Biochemistry"],
        "relation": {},
    } | values


def daily_papers(items: Sequence[dict[str, Any]]) -> str:
    return json.dumps(list(items))


def daily_paper(fact: Fact, listed_on: date, upvotes: int = 7, **values: Any) -> dict[str, Any]:
    submitted = fact.submitted_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    person = {"_id": "64", "avatarUrl": "/avatars/x.svg", "isPro": False, "fullname": "Grace Hopper", "user": "grace",
              "type": "user", "name": "grace"}  # fmt: skip
    paper = {
        "id": fact.arxiv_id,
        "authors": [{"_id": "65", "name": name, "hidden": False} for name in fact.names],
        "publishedAt": submitted,
        "submittedOnDailyAt": f"{listed_on}T00:00:00.000Z",
        "title": fact.title,
        "submittedOnDailyBy": person,
        "summary": fact.abstract,
        "upvotes": upvotes,
        "discussionId": "66",
        "githubRepo": "https://github.com/lovelace/engine",
    } | values
    return {"paper": paper, "publishedAt": submitted, "title": fact.title, "summary": fact.abstract,
            "numComments": 2, "submittedBy": person}  # fmt: skip
