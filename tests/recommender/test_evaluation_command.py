"""The site's own interactions, split in time: the ranker beside its baselines as table, figures and plots."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from recommender.corpus import read_corpus
from recommender.evaluation import EVERY, evaluate, split, table
from recommender.models import Interaction
from recommender.training import train
from tests.recommender.planted import plant_papers, plant_readers, plant_reads, plant_vectors

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifacts")]

NAMES = {"ranker", *EVERY}


@pytest.fixture
def site(artifacts: Path) -> None:
    papers = plant_papers(80)
    plant_vectors(papers)
    plant_reads(plant_readers(24), papers)


@pytest.mark.usefixtures("site")
def test_the_command_writes_table_figures_and_plots(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out"
    call_command("evaluate_recommender", "--out", str(folder))
    said = capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {
        "table.txt", "evaluation.json", "metrics.png", "metrics.svg", "reliability.png", "reliability.svg"
    }  # fmt: skip
    for path in folder.iterdir():
        assert path.name == "table.txt" or str(path) in said
    assert (folder / "metrics.png").read_bytes().startswith(b"\x89PNG")
    for svg in folder.glob("*.svg"):
        assert ElementTree.parse(svg).getroot().tag.endswith("svg")
    figures = json.loads((folder / "evaluation.json").read_text())
    assert set(figures["metrics"]) == NAMES
    assert figures["held_out"]["papers"] == 16
    written = (folder / "table.txt").read_text().splitlines()
    assert said.startswith("\n".join(written))
    assert table(figures) == [line for line in written if not line.startswith("Note: ")]


@pytest.mark.usefixtures("site")
def test_what_fits_the_planted_answer_beats_what_does_not_with_its_intervals() -> None:
    measured = evaluate(read_corpus(), rankers=EVERY)
    for name in ("ranker", "tfidf_centroid", "scholar_inbox"):
        assert measured.intervals[name]["ndcg@10"][0] > measured.intervals["random"]["ndcg@10"][1]
    for name in NAMES:
        for metric, (low, high) in measured.intervals[name].items():
            assert 0 <= low <= measured.metrics[name][metric] <= high <= 1


@pytest.mark.usefixtures("site")
def test_nothing_known_before_the_split_comes_from_after_it() -> None:
    corpus = read_corpus()
    cut = split(corpus, 0.25)
    assert cut.new.sum() == 20
    first = corpus.published[cut.new].min()
    assert corpus.published[~cut.new].max() <= first
    assert cut.known[:, cut.new].nnz == 0
    late = {
        (user, paper) for user, paper, _, at, _ in corpus.events if at.timestamp() / 86_400 >= first
    }  # fmt: skip
    rows, columns = cut.known.nonzero()
    known = {
        (int(corpus.user_ids.ids[row]), int(corpus.ids[column])) for row, column in zip(rows, columns, strict=True)
    }
    assert late
    assert not late & known


@pytest.mark.usefixtures("site")
def test_what_was_disliked_is_not_what_a_ranker_should_find() -> None:
    before = split(read_corpus())
    newest = read_corpus().ids[before.new]
    Interaction.objects.filter(paper__in=newest.tolist()).update(kind="dismiss")
    after = split(read_corpus())
    assert before.truth.nnz > 0
    assert after.truth.nnz == 0


@pytest.mark.usefixtures("site")
def test_the_same_site_is_measured_the_same_twice() -> None:
    at = Interaction.objects.latest("at").at + timedelta(days=1)
    one, other = (evaluate(read_corpus(at), rankers=EVERY) for _ in range(2))
    assert one.metrics == other.metrics


def test_chances_are_about_what_they_say() -> None:
    papers = plant_papers(120)
    plant_reads(plant_readers(80), papers, each=12)
    bins = evaluate(read_corpus()).reliability
    said = [bin_[0] for bin_ in bins]
    assert said == sorted(said)
    pairs = np.array([bin_[2] for bin_ in bins])
    assert (pairs > 0).all()
    expected, happened = (float(np.dot([bin_[place] for bin_ in bins], pairs) / pairs.sum()) for place in (0, 1))
    assert 1 / 3 < expected / happened < 3
    assert bins[-1][1] > bins[0][1]


@pytest.mark.usefixtures("site")
def test_the_published_ranker_is_not_judged_on_papers_it_has_seen_read(capsys: pytest.CaptureFixture[str]) -> None:
    train()
    capsys.readouterr()
    call_command("evaluate_recommender")
    assert "Note: Too few reads since the published ranker was trained to compare the two." in capsys.readouterr().out


def test_a_site_without_reads_says_so_and_draws_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant_papers(8)
    call_command("evaluate_recommender", "--out", str(tmp_path / "out"))
    assert "nothing was measured" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"table.txt", "evaluation.json"}


def test_an_empty_site_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("evaluate_recommender", "--out", str(tmp_path / "out"))
    assert "nothing was measured" in capsys.readouterr().out


def test_a_site_without_vectors_is_measured_by_its_words() -> None:
    papers = plant_papers(60)
    plant_reads(plant_readers(12), papers)
    measured = evaluate(read_corpus(), rankers=EVERY)
    assert measured.metrics["ranker"]["ndcg@10"] > measured.metrics["random"]["ndcg@10"]
    assert set(measured.metrics) == NAMES


@pytest.mark.parametrize("share", ["0", "1", "-0.5", "7", "nan"])
def test_a_share_that_is_none_is_misuse(share: str) -> None:
    with pytest.raises(CommandError, match="between 0 and 1") as told:
        call_command("evaluate_recommender", f"--held-out={share}")
    assert told.value.returncode == 2


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match=r"Cannot write to .*file") as told:
        call_command("evaluate_recommender", "--out", str(tmp_path / "file" / "out"))
    assert told.value.returncode == 2


@pytest.mark.usefixtures("site")
def test_figures_go_where_they_are_asked_for(tmp_path: Path, settings: Settings) -> None:
    settings.VAR_DIR = tmp_path / "var"
    call_command("evaluate_recommender", "--json", str(tmp_path / "figures.json"), verbosity=0)
    assert set(json.loads((tmp_path / "figures.json").read_text())["metrics"]) == NAMES
    assert (tmp_path / "var" / "evaluation" / "table.txt").is_file()
