"""What a worker does for the recommender: load, call, save."""

from celery import shared_task

from recommender.embedding import embed_papers
from recommender.nearest_topic import give_topics


@shared_task
def embed_new_papers() -> None:
    embed_papers()
    give_topics()
