"""Reading lists: what is on one, putting papers there, and who may read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.utils.translation import gettext as _

from accounts.models import User
from papers.identifiers import find_papers
from papers.models import Author, Authorship, Paper, PaperQuerySet
from recommender.interactions import record
from recommender.library_models import new_secret
from recommender.models import Interaction, Interest, ListEntry, Membership, ReadingList

Sharing = ReadingList.Sharing

MOST_LISTS = 100  # of one reader
MOST_ON_A_LIST = 2000
MOST_AT_ONCE = 50  # papers named in one go
MOST_AUTHORS = 200  # offered of one list: those of most papers first


class CannotDo(ValueError):
    """Why not; one line for the reader."""


def papers_on(reading_list: ReadingList, *, by_members: bool = False) -> PaperQuerySet:
    """The latest first, with `at`, when it was put there. Members see what was hidden or withdrawn since as well."""
    entry = ListEntry.objects.filter(reading_list=reading_list, paper=OuterRef("pk"))
    papers = Paper.objects.filter(list_entries__reading_list=reading_list)
    papers = papers.exclude(status__in=[Paper.Status.PENDING, Paper.Status.EMBARGOED])
    return (
        (papers if by_members else papers.published())
        .annotate(at=Subquery(entry.values("at")[:1]))
        .order_by(F("at").desc(), "-id")
    )


def put_there_by(reading_list: ReadingList, papers: Collection[Paper]) -> dict[int, str]:
    """By paper: the name in the group of the member who put it there. Nothing for one reader's own list."""
    if reading_list.group_id is None:
        return {}
    names = dict(Membership.objects.filter(group=reading_list.group_id).values_list("user_id", "name"))
    entries = ListEntry.objects.filter(reading_list=reading_list, paper__in=[paper.pk for paper in papers])
    return {paper: names.get(user, "") for paper, user in entries.values_list("paper_id", "added_by_id")}


def lists_to_put_on(user: User, paper: Paper) -> list[tuple[ReadingList, bool]]:
    """Every list the reader may write, and whether the paper is on it."""
    there = set(ListEntry.objects.filter(paper=paper).values_list("reading_list_id", flat=True))
    return [(one, one.pk in there) for one in ReadingList.objects.of(user).select_related("group")]


def create_list(user: User, name: str) -> ReadingList:
    if user.reading_lists.count() >= MOST_LISTS:
        raise CannotDo(_("You have %d lists already: let one go first.") % MOST_LISTS)
    return ReadingList.objects.create(owner=user, name=name)


@transaction.atomic
def put(user: User, reading_list: ReadingList, papers: Sequence[Paper]) -> int:
    """On the list, and so into the reader's library: what is worth a place there is worth keeping. How many are new."""
    ReadingList.objects.select_for_update().get(pk=reading_list.pk)
    there = set(reading_list.entries.values_list("paper_id", flat=True))
    new = [paper for paper in dict.fromkeys(papers) if paper.pk not in there and paper.is_visible()]
    if len(there) + len(new) > MOST_ON_A_LIST:
        raise CannotDo(_("A list takes %d papers at most.") % MOST_ON_A_LIST)
    entries = [ListEntry(reading_list=reading_list, paper=paper, added_by=user) for paper in new]
    ListEntry.objects.bulk_create(entries, ignore_conflicts=True)
    for paper in new:
        record(user, paper, Interaction.Kind.SAVE)
    return len(new)


def put_named(user: User, reading_list: ReadingList, text: str) -> tuple[int, list[str]]:
    """Papers by their ids, DOIs or addresses, one a line: how many are new there, and the lines that name none."""
    lines = list(dict.fromkeys(line.strip()[:300] for line in text.splitlines() if line.strip()))
    if len(lines) > MOST_AT_ONCE:
        raise CannotDo(_("%d papers at most in one go, please.") % MOST_AT_ONCE)
    found = {line: paper for line, paper in find_papers(lines).items() if paper.is_visible()}
    n_new = put(user, reading_list, list(found.values()))
    return n_new, [line for line in lines if line not in found]


def take_off(reading_list: ReadingList, paper_id: int) -> None:
    ListEntry.objects.filter(reading_list=reading_list, paper=paper_id).delete()


def share(reading_list: ReadingList, sharing: str) -> None:
    """A secret address that was stopped is never good again: the next one is another."""
    wanted = ReadingList.objects.filter(pk=reading_list.pk)
    if sharing != Sharing.PRIVATE:
        wanted = wanted.filter(kept_private="")
    if not wanted.update(sharing=sharing, secret=new_secret()):
        raise CannotDo(_("The editors keep this list private."))


def keep_private(reading_list: ReadingList, reason: str) -> None:
    """By an editor: no address of it is good any more, and its owner makes no other."""
    values = {"sharing": Sharing.PRIVATE, "secret": new_secret(), "kept_private": reason}
    ReadingList.objects.filter(pk=reading_list.pk).update(**values)


def let_share(reading_list: ReadingList) -> None:
    """It stays private until its owner shares it."""
    ReadingList.objects.filter(pk=reading_list.pk).update(kept_private="")


def authors_of(reading_list: ReadingList) -> list[tuple[Author, int]]:
    """With the number of their papers on the list, the most first: a group's members, more often than not."""
    papers = papers_on(reading_list).values("pk")
    counts = Counter(Authorship.objects.filter(paper__in=papers).values_list("author_id", flat=True))
    most = sorted(counts, key=lambda author: (-counts[author], author))[:MOST_AUTHORS]
    authors = Author.objects.in_bulk(most)
    return [(authors[pk], counts[pk]) for pk in most if pk in authors]


def follow(user: User, authors: Collection[Author]) -> None:
    """All in one go; their papers always come, marked."""
    interest, _created = Interest.objects.get_or_create(user=user, name="")
    interest.authors.add(*authors)
