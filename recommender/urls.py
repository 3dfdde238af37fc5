"""The reading pages."""

from collections.abc import Iterable
from datetime import date

from django.urls import path, register_converter
from django.views.decorators.http import require_safe

from recommender import (
    feeds,
    following_views,
    for_you_views,
    group_views,
    interest_views,
    library_views,
    list_views,
    map_views,
    saved_search_views,
    views,
)
from recommender.library_export import FORMATS
from recommender.periods import SPANS


class DateConverter:
    regex = r"[12]\d{3}-\d{2}-\d{2}"  # what is no day of a calendar is not found

    def to_python(self, value: str) -> date:
        return date.fromisoformat(value)

    def to_url(self, value: date) -> str:
        return value.isoformat()


class OneOf:
    """A converter for a few words."""

    def __init_subclass__(cls, words: Iterable[str]) -> None:
        cls.regex = "|".join(words)

    regex: str

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class SpanConverter(OneOf, words=SPANS):
    pass


class LinkConverter(OneOf, words=views.LINKS):
    pass


class CitationConverter(OneOf, words=views.CITATIONS):
    pass


class ExportConverter(OneOf, words=FORMATS):
    pass


register_converter(DateConverter, "date")
register_converter(SpanConverter, "span")
register_converter(LinkConverter, "link")
register_converter(CitationConverter, "citation")
register_converter(ExportConverter, "export")

urlpatterns = [
    path("", views.home, name="home"),
    path("day/<date:day>/", views.period, {"span": "day"}, name="day"),
    path("week/<date:day>/", views.period, {"span": "week"}, name="week"),
    path("month/<date:day>/", views.period, {"span": "month"}, name="month"),
    path("map/", map_views.newest_map, name="map"),
    path("map/<span:span>/<date:day>/", map_views.map_of_period, name="map_of_period"),
    path("topic/<slug:slug>/", views.topic, name="topic"),
    path("author/<int:pk>/", views.author, name="author"),
    path("paper/<int:pk>/", views.paper, name="paper"),
    path("paper/<int:pk>/go/<link:link>/", views.paper_go, name="paper_go"),
    path("paper/<int:pk>/cite.<citation:form>", views.paper_cite, name="paper_cite"),
    path("paper/<int:pk>/react/", views.react, name="react"),
    path("topic/<slug:slug>/follow/", following_views.follow_topic, name="follow_topic"),
    path("author/<int:pk>/follow/", following_views.follow_author, name="follow_author"),
    path("for-you/", for_you_views.for_you, name="for_you"),
    path("for-you/seen/", for_you_views.seen, name="for_you_seen"),
    path("for-you/dial/", for_you_views.dial, name="for_you_dial"),
    path("for-you/afresh/", for_you_views.afresh, name="for_you_afresh"),
    path("interests/", interest_views.interests, name="interests"),
    path("interests/<int:pk>/", interest_views.interest, name="interest"),
    path("search/", views.search, name="search"),
    path("search/saved/", saved_search_views.saved_searches, name="saved_searches"),
    path("search/saved/<int:pk>/", saved_search_views.saved_search, name="saved_search"),
    path("library/", library_views.library, name="library"),
    path("library/export.<export:form>", library_views.library_export, name="library_export"),
    path("library/annotate/<int:pk>/", library_views.library_annotate, name="library_annotate"),
    path("library/import/", views.library_import, name="library_import"),
    path("lists/", list_views.reading_lists, name="reading_lists"),
    path("lists/<int:pk>/", list_views.reading_list, name="reading_list"),
    path("lists/<int:pk>/change/", list_views.change_list, name="change_list"),
    path("lists/<int:pk>/papers/", list_views.list_papers, name="list_papers"),
    path("lists/<int:pk>/authors/", list_views.follow_authors, name="follow_authors"),
    path("lists/<int:pk>/public/", list_views.public_list, name="public_list"),
    path("lists/shared/<str:secret>/", list_views.secret_list, name="secret_list"),
    path("groups/new/", group_views.new_group, name="new_group"),
    path("groups/<int:pk>/", group_views.group, name="group"),
    path("groups/<int:pk>/change/", group_views.change_group, name="change_group"),
    path("groups/join/<str:secret>/", group_views.join, name="group_join"),
    path("feeds/", feeds.addresses, name="feeds"),
    path("feeds/renew/", feeds.renew, name="feeds_renew"),
    path("feeds/<span:span>.atom", require_safe(feeds.TrendingFeed()), name="trending_feed"),
    path("topic/<slug:slug>/feed.atom", require_safe(feeds.TopicFeed()), name="topic_feed"),
    path("feeds/<str:secret>/for-you.atom", require_safe(feeds.ForYouFeed()), name="for_you_feed"),
    path("feeds/<str:secret>/saved.atom", require_safe(feeds.SavedFeed()), name="saved_feed"),
    path("feeds/<str:secret>/search/<int:pk>.atom", require_safe(feeds.SearchFeed()), name="search_feed"),
]
