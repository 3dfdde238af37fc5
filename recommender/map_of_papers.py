"""A period's papers as a picture: near each other what is alike, coloured by topic, the reader's own ringed."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass

from accounts.models import User
from papers.models import Paper, Topic
from recommender.engine.layout import lay_out
from recommender.features import papers_of
from recommender.models import Interaction
from recommender.periods import Period
from recommender.published import model
from recommender.ranking import rank
from recommender.trending import trending

MOST_PAPERS = 150  # a page stays under 100 KB, and a dot can be hit
COLOURS = 7  # topics that have one; all others share the eighth
FOR_READER = 10
WIDTH, HEIGHT, MARGIN, APART = 1000, 640, 24, 26.0
MOST_KEPT = 16  # layouts


@dataclass(frozen=True)
class Dot:
    paper: Paper
    x: int
    y: int
    colour: int
    topic: Topic | None
    is_own: bool


@dataclass(frozen=True)
class Map:
    dots: list[Dot]
    topics: list[tuple[int, Topic]]  # by colour
    n_left_out: int

    @property
    def has_others(self) -> bool:
        return any(dot.topic is None for dot in self.dots)


def map_of(period: Period, user: User | None = None) -> Map:
    """Its most trending papers; for a reader, those they had or would be recommended are their own."""
    papers = trending(period.start, period.end, limit=MOST_PAPERS)
    n_papers = Paper.objects.published().between(period.start, period.end).count()
    ids = [paper.pk for paper in papers]
    common = [
        topic for topic, _ in Counter(topic for paper in papers for topic in paper.topics.all()).most_common(COLOURS)
    ]
    own = _own(user, ids) if user else set()
    dots = []
    for paper, (x, y) in zip(papers, _places(ids), strict=True):
        topic = next((topic for topic in common if topic in paper.topics.all()), None)
        colour = common.index(topic) if topic else COLOURS
        dots.append(Dot(paper, x, y, colour, topic, paper.pk in own))
    return Map(dots, list(enumerate(common)), n_papers - len(papers))


def _own(user: User, ids: list[int]) -> set[int]:
    had = Interaction.objects.positive().filter(user=user, paper__in=ids).values_list("paper_id", flat=True)
    return {*had, *(item.paper_id for item in rank([user.pk], ids, FOR_READER)[user.pk])}


_kept: OrderedDict[tuple[str, tuple[int, ...]], list[tuple[int, int]]] = OrderedDict()


def _places(ids: list[int]) -> list[tuple[int, int]]:
    """In the picture's units. By the papers in order of id, so that a vote moves no dot; kept while they stay."""
    ranker = model()
    ordered = sorted(ids)
    vectors = ranker.ranker.known_.projection.transform(papers_of(ordered, ranker))
    key = (f"{hash(vectors.tobytes())}", tuple(ordered))
    if key not in _kept:
        places = lay_out(vectors, APART / HEIGHT)
        _kept[key] = [
            (round(MARGIN + x * (WIDTH - 2 * MARGIN)), round(MARGIN + y * (HEIGHT - 2 * MARGIN))) for x, y in places
        ]
    _kept.move_to_end(key)
    while len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)
    by_id = dict(zip(ordered, _kept[key], strict=True))
    return [by_id[pk] for pk in ids]
