"""The catalogue's own pages; those that rank it are the recommender's."""

from django.urls import path

from papers import submission_views

urlpatterns = [
    path("submit/", submission_views.submissions, name="submissions"),
]
