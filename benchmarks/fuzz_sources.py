"""Mutates real-shaped documents of every kind: no parser crashes, and no good entry is lost beside a bad one.

    python benchmarks/fuzz_sources.py --n 10000 --json var/fuzz.json [--kind bibtex] [--seed 0]

One entry of a document is damaged (cut, doubled, shuffled, broken bytes, stray markup), or the document is cut off.
Every other entry, up to the cut, must come out as it does from the undamaged document. Exit status 1 when not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from papers.parsers import BadDocument, Entry, decode, understood  # noqa: E402
from papers.parsers.documents import read_document  # noqa: E402
from papers.parsers.jsontext import read_json  # noqa: E402
from papers.parsers.xmltext import read_xml, understood_xml  # noqa: E402
from papers.plaintext import plain_text  # noqa: E402
from papers.sources import (  # noqa: E402
    arxiv_announcements,
    arxiv_api,
    arxiv_harvest,
    biorxiv,
    crossref,
    daily_papers,
    feed,
    openalex,
)
from tests.papers.sources import documents  # noqa: E402
from tests.papers.sources.documents import Fact  # noqa: E402

N_ENTRIES = 6
TITLES = (
    "Bounds for $x<y$ & $y>z$ at 10% of 90%",
    "On Schrödinger’s \\texttt{cat} – a “long” story",
    "It costs $5 to $10 {Really}",
    "量子计算 of K-means in C++ (Part II)",
    "Ordinary deep networks for ordinary machines",
    "Über α-decay, I & II",
)
STRAY = [
    *("<", ">", "&", "&lt;", "&eacute;", "&#0;", "&nope;", "<!--", "-->", "<![CDATA[", "]]>", "<?", "<x", "</title>"),
    *("</item>", "</entry>", "</record>", "</rss>", "</feed>", "<item>", "<entry>", "<!ENTITY a 'b'>", "<!DOCTYPE x>"),
    *("'", '"', "\\", "\\u0000", "\\ud800", "{", "}", "[", "]", "null", "true", "-1", "1e999", "9" * 400, "2024-13-45"),
    *("@", "\n@", "\n@article{", "#", "%", "$", ",", ":", ";", "\nTY  - ", "\nER  - ", "TI  - "),
    *("\x00", "\ufeff", "\u2028", "\r", "\n", "\n\n"),
]
BAD_BYTES = (b"\xff", b"\xc3", b"\xe2\x80", b"\xed\xa0\x80", b"\x80", b"\xf8\x88")


@dataclass(frozen=True)
class Kind:
    """A document in pieces: what stands before the entries, the entries, between them, after them; and its reader."""

    name: str
    before: str
    entries: list[str]
    between: str
    after: str
    read: Callable[[str], Iterable[Entry]]


def facts() -> list[Fact]:
    return [
        Fact(
            f"2406.{number:05}",
            title,
            f"We show {title.lower()}. Code at https://github.com/lovelace/engine{number}.",
            submitted_at=datetime(2024, 6, 3, 12, tzinfo=UTC),
            comment="12 pages & figures",
            doi=f"10.1234/x.{number}",
        )
        for number, title in enumerate(TITLES, start=1)
    ]


def in_pieces(name: str, text: str, entries: list[str], read: Callable[[str], Iterable[Entry]]) -> Kind:
    """A document cut at its entries, which stand in it one after the other."""
    places = [text.index(entry) for entry in entries]
    between = text[places[0] + len(entries[0]) : places[1]]
    return Kind(name, text[: places[0]], entries, between, text[places[-1] + len(entries[-1]) :], read)


def xml_kind(name: str, text: str, tag: str, read: Callable[..., Any], *values: Any) -> Kind:
    pieces = text.split(f"<{tag}")
    entries = [f"<{tag}" + piece[: piece.rindex(f"</{tag}>") + len(tag) + 3] for piece in pieces[1:]]

    def entries_of(document: str) -> Iterable[Entry]:
        return [understood_xml(item, read, *values) for item in read_xml(document, tag).entries]

    return in_pieces(name, text, entries, entries_of)


def json_kind(
    name: str,
    items: list[Any],
    whole: Callable[[list[Any]], str],
    items_of: Callable[[Any], Any],
    keys: set[str],
    read: Callable[..., Any],
) -> Kind:
    text = whole(items)
    entries = [json.dumps(item) for item in items]

    def entries_of(document: str) -> Iterable[Entry]:
        found = read_json(document, items_of, keys)
        return [understood("", read, item) for item in found.items]

    return in_pieces(name, text, entries, entries_of)


def text_kind(name: str, before: str, entries: list[str], between: str, after: str = "") -> Kind:
    return Kind(name, before, entries, between, after, lambda document: read_document(document).entries)


def feed_kinds() -> list[Kind]:
    day, known = date(2024, 6, 4), facts()
    rss = "".join(
        f"<item><title><![CDATA[{title}]]></title><link>https://example.org/{n}</link><description>&lt;p&gt;Text {n}"
        f"&lt;/p&gt;</description><pubDate>Mon, 03 Jun 2024 10:00:00 GMT</pubDate></item>\n"
        for n, title in enumerate(TITLES, start=1)
    )
    atom = "".join(
        f'<entry><id>urn:x:{n}</id><title>Paper {n} &amp; more</title><link href="https://example.org/{n}"/><author>'
        f"<name>Ada Lovelace</name></author><published>2024-06-0{n}T00:00:00Z</published></entry>\n"
        for n in range(1, N_ENTRIES + 1)
    )
    rss = f"<rss version='2.0'><channel><title>x</title>\n{rss}</channel></rss>"
    atom = f"<feed xmlns='http://www.w3.org/2005/Atom'>\n{atom}</feed>"
    harvest = documents.oai_records(known, "token", 99)
    return [
        xml_kind("arxiv-rss", documents.arxiv_rss(day, known), "item", arxiv_announcements.record_of, day),
        xml_kind("arxiv-atom", documents.arxiv_atom(day, known), "entry", arxiv_announcements.record_of, day),
        xml_kind("arxiv-api", documents.arxiv_api(known, N_ENTRIES), "entry", arxiv_api.record_of),
        xml_kind("arxiv-oai", harvest, "record", arxiv_harvest.record_of, ["cs.LG"]),
        xml_kind("rss", rss, "item", feed.record_of, False),
        xml_kind("atom", atom, "entry", feed.record_of, False),
    ]


def service_kinds() -> list[Kind]:
    numbered = list(enumerate(TITLES, start=1))
    return [
        json_kind(
            "biorxiv",
            [documents.biorxiv_item(n, title=title) for n, title in numbered],
            lambda items: documents.biorxiv(items, N_ENTRIES),
            lambda whole: whole["collection"],
            {"doi", "title"},
            biorxiv.record_of,
        ),
        json_kind(
            "openalex",
            [documents.openalex_work(n, title=title) for n, title in numbered],
            documents.openalex,
            lambda whole: whole["results"],
            {"id", "title"},
            openalex.record_of,
        ),
        json_kind(
            "crossref",
            [documents.crossref_work(n, title=[title]) for n, title in numbered],
            documents.crossref,
            lambda whole: whole["message"]["items"],
            {"DOI", "URL"},
            crossref.record_of,
        ),
        json_kind(
            "daily-papers",
            [documents.daily_paper(fact, date(2024, 6, 5)) for fact in facts()],
            documents.daily_papers,
            lambda whole: whole,
            {"paper"},
            daily_papers.record_of,
        ),
    ]


def file_kinds() -> list[Kind]:
    csl, scholar, bibtex, ris, rows = [], [], [], [], []
    for n, title in enumerate(TITLES, start=1):
        author, doi = {"family": "Lovelace", "given": "Ada"}, f"10.1234/x.{n}"
        csl.append(
            {"id": str(n), "title": title, "DOI": doi, "author": [author], "issued": {"date-parts": [[2024, n]]}}
        )
        scholar.append({"paperId": str(n), "externalIds": {"ArXiv": f"2401.0000{n}"}, "title": title, "abstract": None,
                        "authors": [{"name": "Ada Lovelace"}], "year": 2024})  # fmt: skip
        bare = title.replace("{", "").replace("}", "")
        bibtex.append(
            f"@article{{key{n},\n  title = {{{bare}}},\n  author = {{Lovelace, Ada and {{The X Group}}}},\n"
            f'  year = 2024, doi = {{{doi}}},\n  abstract = "Text {n}"\n}}'
        )
        ris.append(f"TY  - JOUR\nTI  - {title}\nAU  - Lovelace, Ada\nPY  - 2024/06/0{n}\nDO  - {doi}\nER  - ")
        rows.append(f'"{n}","Lovelace, Ada","{title.replace(chr(34), "")}","{doi}","2024"')
    return [
        text_kind("csl-json", "[", [json.dumps(item) for item in csl], ",\n", "]"),
        text_kind("semantic-scholar", '{"data": [', [json.dumps(item) for item in scholar], ", ", "]}"),
        text_kind("bibtex", '@string{j = "J"}\n', bibtex, "\n\n", "\n"),
        text_kind("ris", "", ris, "\n", "\n"),
        text_kind("table", '"Key","Author","Title","DOI","Date"\n', rows, "\n", "\n"),
        text_kind("ids", "", [f"arXiv:2401.0000{n}" for n in range(1, N_ENTRIES + 1)], "\n", "\n"),
    ]


def kinds() -> list[Kind]:
    return [*feed_kinds(), *service_kinds(), *file_kinds()]


def damaged(rng: random.Random, entry: str) -> str:
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        start = rng.randrange(len(entry) + 1)
        end = min(len(entry), start + rng.choice((1, 2, 5, 20, 80, 400)))
        match rng.randrange(6):
            case 0:
                entry = entry[:start] + entry[end:]
            case 1:
                entry = entry[:end] + entry[start:end] + entry[end:]
            case 2:
                entry = entry[:start] + rng.choice(STRAY) + entry[start:]
            case 3:
                entry = entry[:start] + rng.choice(STRAY) + entry[end:]
            case 4:
                piece = list(entry[start:end])
                rng.shuffle(piece)
                entry = entry[:start] + "".join(piece) + entry[end:]
            case _:
                entry = entry[:start] + "".join(chr(rng.randrange(1, 0x2FF)) for _ in range(end - start)) + entry[end:]
    return entry


def mutation(rng: random.Random, kind: Kind) -> tuple[bytes, set[int]]:
    """A damaged document, and which of its entries are as they were."""
    entries, hit = [entry.encode() for entry in kind.entries], rng.randrange(len(kind.entries))
    entries[hit] = damaged(rng, kind.entries[hit]).encode("utf-8", "surrogatepass")
    if rng.random() < 0.2:
        place = rng.randrange(len(entries[hit]) + 1)
        entries[hit] = entries[hit][:place] + rng.choice(BAD_BYTES) + entries[hit][place:]
    unharmed, after = set(range(len(entries))) - {hit}, kind.after.encode()
    if rng.random() < 0.15:  # cut off in the middle of an entry: only what lies before the cut can be asked for
        last = rng.randrange(len(entries))
        entries, after = [*entries[:last], entries[last][: rng.randrange(len(entries[last]) + 1)]], b""
        unharmed = {number for number in unharmed if number < last}
    return kind.before.encode() + kind.between.encode().join(entries) + after, unharmed


def fingerprint(record: dict[str, Any]) -> str:
    return json.dumps(record, sort_keys=True, ensure_ascii=False)


def fuzz(kind: Kind, n: int, seed: int, examples: Path | None) -> dict[str, Any]:
    rng = random.Random(f"{seed}/{kind.name}")
    whole = kind.before + kind.between.join(kind.entries) + kind.after
    expected = [fingerprint(entry.record) for entry in kind.read(decode(whole.encode())) if entry.record]
    if len(expected) != len(kind.entries):
        raise SystemExit(f"{kind.name}: the undamaged document gives {len(expected)} of {len(kind.entries)} entries")
    crashed = lost = refused_documents = 0
    for number in range(n):
        body, unharmed = mutation(rng, kind)
        try:
            entries = list(kind.read(decode(body)))
            found = {fingerprint(entry.record) for entry in entries if entry.record}
            for entry in entries:
                if entry.record:
                    plain_text(str(entry.record.get("title", "")))
                    plain_text(str(entry.record.get("abstract", "")))
        except BadDocument:
            found, refused_documents = set(), refused_documents + 1
        except Exception as error:
            crashed += 1
            keep(examples, kind, number, body, repr(error))
            continue
        missing = [expected[index] for index in unharmed if expected[index] not in found]
        lost += len(missing)
        if missing:
            keep(examples, kind, number, body, missing[0])
    return {"tried": n, "crashed": crashed, "good_entries_lost": lost, "documents_refused": refused_documents}


def keep(examples: Path | None, kind: Kind, number: int, body: bytes, why: str) -> None:
    if examples:
        examples.mkdir(parents=True, exist_ok=True)
        (examples / f"{kind.name}-{number}.txt").write_bytes(body)
        print(f"{kind.name} {number}: {why[:200]}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000, help="mutations of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", help="only this kind; may be given again")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    parser.add_argument("--examples", type=Path, metavar="DIR", help="keep the documents that failed here")
    options = parser.parse_args()
    chosen = [kind for kind in kinds() if not options.kind or kind.name in options.kind]
    if not chosen:
        parser.error(f"there is no kind {options.kind[0]}; there are: {', '.join(kind.name for kind in kinds())}")
    results = {}
    print(f"{'kind':<18}{'tried':>8}{'crashed':>9}{'good entries lost':>19}{'refused':>9}{'seconds':>9}")
    for kind in chosen:
        started = time.perf_counter()
        result = fuzz(kind, options.n, options.seed, options.examples)
        results[kind.name] = result | {"seconds": round(time.perf_counter() - started, 1)}
        print(f"{kind.name:<18}{result['tried']:>8}{result['crashed']:>9}{result['good_entries_lost']:>19}"
              f"{result['documents_refused']:>9}{results[kind.name]['seconds']:>9}", flush=True)  # fmt: skip
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(results, indent=2) + "\n")
    sys.exit(any(result["crashed"] or result["good_entries_lost"] for result in results.values()))


if __name__ == "__main__":
    main()
