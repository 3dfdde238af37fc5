"""Texts to vectors: only what is missing or changed, whoever is killed meanwhile and however many do it at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings
from transformers import BertConfig, BertModel, BertTokenizerFast

from papers.models import Paper
from recommender import embedding
from recommender.embedding import embed_papers, encoder, paper_vectors, sentence_id, sentence_vectors
from recommender.models import Interest
from tests.factories import make_paper, make_reader
from tests.processes import ROOT, environment, wait_until
from tests.recommender.planted import NOW, plant_papers

pytestmark = [pytest.mark.django_db, pytest.mark.encoder]

DIM = 16


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model of one small layer, loaded and run as a large one is."""
    folder = tmp_path_factory.mktemp("model") / "small"
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *"abcdefghijklmnopqrstuvwxyz",
        *(f"##{c}" for c in "abcdefg"),
    ]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(words), hidden_size=DIM, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def _small_encoder(artifacts: Path, small_model: Path, settings: Settings) -> None:
    settings.ENCODER = str(small_model)


def test_papers_of_every_status_get_a_vector_of_length_one() -> None:
    papers = [make_paper(f"Paper {status}", status=status) for status in Paper.Status.values]
    result = embed_papers()
    assert (result.encoded, result.unchanged, result.refused) == (5, 0, ())
    vectors, known = paper_vectors().get([paper.pk for paper in papers])
    assert known.all()
    assert vectors.shape == (5, DIM)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_only_what_is_missing_or_changed_is_encoded() -> None:
    kept, changed = make_paper("Kept"), make_paper("Before")
    embed_papers()
    before = paper_vectors().get([kept.pk, changed.pk])[0]
    changed.title = "Quite another subject after"
    changed.save()
    new = make_paper("New")
    result = embed_papers()
    assert (result.encoded, result.unchanged) == (2, 1)
    after, known = paper_vectors().get([kept.pk, changed.pk, new.pk])
    assert known.all()
    assert (after[0] == before[0]).all()
    assert (after[1] != before[1]).any()
    assert embed_papers().encoded == 0


def test_an_abstract_that_came_later_counts() -> None:
    paper = make_paper("Title")
    embed_papers()
    Paper.objects.filter(pk=paper.pk).update(abstract="an abstract")
    assert embed_papers().encoded == 1


def test_odd_texts_are_embedded_and_lose_nobody_elses() -> None:
    odd = [make_paper("x" * 50_000), make_paper("🦉 量子"), make_paper(" \t "), make_paper("abc", abstract="\n\n")]
    embed_papers()
    vectors, known = paper_vectors().get([paper.pk for paper in odd])
    assert known.all()
    assert np.isfinite(vectors).all()
    assert not vectors[2].any()


def test_what_readers_say_of_themselves_is_encoded_once() -> None:
    for _ in range(2):
        Interest.objects.create(user=make_reader(), sentences=["graph neural networks", "birds", "  "])
    assert embed_papers().encoded == 2
    assert sentence_vectors().get([sentence_id("birds"), sentence_id(" birds ")])[1].all()
    assert embed_papers() == embedding.Embedded(0, 2)


def test_the_sentences_of_new_abstracts_are_encoded_for_the_digest() -> None:
    old, new = "An old one. It has two sentences.", "We learn. We show that it works."
    make_paper("Old", abstract=old, published_at=NOW - timedelta(days=300))
    make_paper("New", abstract=new, published_at=NOW)
    embed_papers()
    known = sentence_vectors().get(
        [sentence_id(text) for text in ("We learn.", "We show that it works.", "An old one.")]
    )
    assert known[1].tolist() == [True, True, False]


def test_some_papers_alone_can_be_asked_for() -> None:
    one, other = make_paper(), make_paper()
    assert embed_papers(paper_ids=[one.pk]).encoded == 1
    assert paper_vectors().get([one.pk, other.pk])[1].tolist() == [True, False]


def test_progress_counts_up_to_the_whole() -> None:
    plant_papers(70)
    told: list[tuple[int, int]] = []
    embed_papers(lambda done, total: told.append((done, total)))
    assert told[0] == (0, 70)
    assert told[-1] == (70, 70)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(told) > 2


def test_an_interrupted_run_keeps_what_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "SEGMENT", 10)
    plant_papers(25)

    def stop(done: int, total: int) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_papers(stop)
    result = embed_papers()
    assert (result.encoded, result.unchanged) == (15, 10)


def test_a_model_that_changed_embeds_again_and_the_old_vectors_stay(settings: Settings) -> None:
    paper = make_paper("abc")
    embed_papers()
    first = encoder().tag
    settings.ENCODER_DIM = 4
    assert embed_papers().encoded == 1
    assert paper_vectors().get([paper.pk])[0].shape == (1, 4)
    settings.ENCODER_DIM = None
    assert encoder().tag == first
    assert embed_papers().encoded == 0
    assert paper_vectors().get([paper.pk])[0].shape == (1, DIM)


def test_a_truncated_file_is_named_and_its_papers_are_encoded_again(capsys: pytest.CaptureFixture[str]) -> None:
    paper = make_paper("abc")
    embed_papers()
    (segment,) = paper_vectors().folder.glob("*.vectors")
    segment.write_bytes(segment.read_bytes()[:-8])
    embedding._store.cache_clear()  # as another process would find it
    call_command("embed_papers")
    said = capsys.readouterr()
    assert said.out == "1 texts encoded, 0 unchanged.\n"
    assert f"{segment} is left out, for it is truncated" in said.err
    assert paper_vectors().get([paper.pk])[1].all()


def test_a_missing_model_folder_is_one_clear_line(settings: Settings, tmp_path: Path) -> None:
    settings.ENCODER = str(tmp_path / "no-model")
    make_paper()
    with pytest.raises(CommandError, match="set BROADSHEET_ENCODER to a folder") as told:
        call_command("embed_papers", verbosity=0)
    assert told.value.returncode == 2
    assert "\n" not in str(told.value)
    assert "no-model" in str(told.value)


def test_more_dimensions_than_the_model_has_are_refused(settings: Settings) -> None:
    settings.ENCODER_DIM = 512
    make_paper()
    with pytest.raises(CommandError, match="16 dimensions, fewer than the 512 asked for"):
        call_command("embed_papers", verbosity=0)
    assert len(paper_vectors()) == 0


# --- real processes ---------------------------------------------------------------------------------------------------


def database_url() -> str:
    of = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{of['NAME']}"
    return f"postgres://{of['USER']}:{of['PASSWORD']}@{of['HOST']}:{of['PORT']}/{of['NAME']}"


def start(artifacts: Path, model: Path) -> subprocess.Popen[str]:
    env = environment(artifacts.parent, DATABASE_URL=database_url(), BROADSHEET_ENCODER=str(model))
    return subprocess.Popen(
        [sys.executable, "manage.py", "embed_papers"],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.django_db(transaction=True)
def test_a_killed_run_goes_on_where_it_was(artifacts: Path, small_model: Path) -> None:
    long = "abcdefg " * 150
    Paper.objects.bulk_create(Paper(title=f"{long} {number:04}", published_at=NOW) for number in range(4000))
    process = start(artifacts, small_model)
    folder = artifacts / "vectors" / "papers" / encoder().tag
    assert wait_until(lambda: any(folder.glob("*.vectors")), seconds=60)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGKILL
    done = len(paper_vectors())
    assert 0 < done < 4000
    assert done % embedding.SEGMENT == 0
    Paper.objects.filter(pk__gt=Paper.objects.order_by("pk")[done + 299].pk).delete()
    result = embed_papers()
    assert result.refused == ()
    assert result.encoded + result.unchanged == Paper.objects.count()
    assert result.encoded <= 300
    assert paper_vectors().get(list(Paper.objects.values_list("pk", flat=True)))[1].all()


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_do_no_harm(artifacts: Path, small_model: Path) -> None:
    papers = plant_papers(600)
    processes = [start(artifacts, small_model) for _ in range(2)]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert out.endswith("unchanged.\n")
    vectors, known = paper_vectors().get([paper.pk for paper in papers])
    assert known.all()
    assert len(paper_vectors()) == 600
    assert paper_vectors().refused == []
    result = embed_papers()
    assert (result.encoded, result.unchanged) == (0, 600)
    again = encoder().encode([papers[7].text, papers[311].text])
    assert vectors[[7, 311]] == pytest.approx(again, abs=1e-5)
