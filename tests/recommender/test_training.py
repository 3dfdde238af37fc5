"""Interactions in, a measured ranker out; published only where it is whole and does not lose."""

from __future__ import annotations

import json
import os
import pickletools
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import time_machine
from django.core.management import CommandError, call_command
from pytest_django import Settings

from papers.models import Paper
from recommender import training
from recommender.engine import ranker as engine
from recommender.engine.artifacts import read_artifact
from recommender.engine.errors import EngineError
from recommender.engine.projection import Projection
from recommender.engine.ranker import Ranker
from recommender.interactions import record
from recommender.models import RankerVersion
from recommender.published import folder_of, load, model
from recommender.ranking import rank
from recommender.training import publish_version, train
from tests.factories import make_paper, make_reader
from tests.processes import ROOT
from tests.recommender.planted import DAY, NOW, field_of, plant_papers, plant_readers, plant_reads, plant_vectors

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifacts")]

State = RankerVersion.State


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=True):
        yield


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


# --- what comes out --------------------------------------------------------------------------------------------------


def test_a_trained_ranker_is_measured_kept_and_published() -> None:
    papers = plant_papers(120)
    plant_vectors(papers)
    plant_reads(plant_readers(40), papers)
    trained = train()
    version = RankerVersion.objects.get()
    assert (version, version.state) == (trained.version, State.PUBLISHED)
    assert version.published_at is not None
    manifest = version.manifest
    assert manifest["counts"] == {"papers": 120, "readers": 40, "interactions": 320, "vectors": 120}
    assert manifest["held_out"]["papers"] == 24
    assert manifest["data_cutoff"].startswith("2025-06-01T09")
    assert set(manifest["seconds"]) >= {"reading", "evaluating", "fitting"}
    assert {"numpy", "implicit"} <= set(manifest["versions"])
    recall = {name: metrics["recall@10"] for name, metrics in manifest["metrics"].items()}
    assert recall["ranker"] > 0.95  # six of the 24 papers held out are of the reader's field
    assert recall["random"] < 0.7
    assert json.loads((folder_of(version.name) / "manifest.json").read_text())["counts"] == manifest["counts"]
    assert model().name == version.name


@pytest.mark.parametrize("n_readers", [0, 1, 49])
def test_few_readers_are_enough_and_the_notes_say_what_was_too_little(n_readers: int, settings: Settings) -> None:
    settings.EXPLORATION = 0
    papers = plant_papers(40)
    readers = plant_readers(n_readers)
    plant_reads(readers, papers, each=4)
    trained = train()
    assert trained.version.state == State.PUBLISHED
    assert trained.version.manifest["notes"] == trained.notes
    said = " ".join(trained.notes)
    assert "40 papers have no vector yet: run manage.py embed_papers." in said
    if n_readers < 5:
        assert "ranked by content, topics, popularity and recency" in said
    else:
        assert "papers are compared by their text as it is" in said
    assert ("the chances behind them are a rule of thumb" in said) is (n_readers < 20)
    assert trained.version.manifest["guesses_chances"] is (n_readers < 20)
    reader = make_reader()
    record(reader, papers[1], "save")
    best = rank([reader.pk], [paper.pk for paper in papers], 5)[reader.pk]
    assert [field_of(item.paper_id) for item in best] == ["robots"] * 5


def test_an_empty_site_can_be_trained() -> None:
    trained = train()
    assert trained.version.state == State.PUBLISHED
    assert trained.version.manifest["counts"]["papers"] == 0
    reader, paper = make_reader(), make_paper("The first paper")
    assert [item.paper_id for item in rank([reader.pk], [paper.pk], 10)[reader.pk]] == [paper.pk]


def test_one_paper_and_identical_texts_can_be_trained_on() -> None:
    make_paper("Alone")
    assert train().version.state == State.PUBLISHED
    twins = [make_paper("The same words") for _ in range(12)]
    for reader in plant_readers(8):
        for paper in twins[:6]:
            record(reader, paper, "read")
    assert train().version.state == State.PUBLISHED
    reader = make_reader()
    record(reader, twins[0], "save")
    best = rank([reader.pk], [paper.pk for paper in twins], 5)[reader.pk]
    assert 1 <= len(best) <= 5
    assert all(np.isfinite(item.score) for item in best)


def test_reads_without_known_times_are_split_by_paper_alone() -> None:
    papers = plant_papers(60)
    readers = plant_readers(30)
    plant_reads(readers, papers)
    readers[0].interactions.model.objects.update(at=NOW, at_is_known=True)  # all on one day, after the newest paper
    notes = " ".join(train().notes)
    assert "its times were left out of the split" in notes
    readers[0].interactions.model.objects.update(at_is_known=False)
    version = train().version
    assert "left out of the split" not in " ".join(version.manifest["notes"])
    assert version.manifest["held_out"]["readers"] > 0


def test_training_twice_on_the_same_data_ranks_the_same() -> None:
    papers = plant_papers(60)
    plant_reads(plant_readers(30), papers)
    first, second = train().version, train().version
    one, other = (read_artifact(folder_of(version.name))[1] for version in (first, second))
    assert set(one) == set(other)
    for name in one:
        assert np.allclose(one[name], other[name], rtol=1e-3, atol=1e-4), name  # the reads were a second older
    reader = make_reader()
    record(reader, papers[0], "save")
    ids = [paper.pk for paper in papers]
    lists = [
        [item.paper_id for item in rank([reader.pk], ids, 10, version=version.name)[reader.pk]]
        for version in (first, second)
    ]
    assert lists[0] == lists[1]


def test_nothing_on_disk_is_a_pickle() -> None:
    papers = plant_papers(40)
    plant_vectors(papers)
    plant_reads(plant_readers(10), papers, each=4)
    name = train().version.name
    files = [path for path in folder_of(name).parents[1].rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        with pytest.raises((ValueError, UnicodeDecodeError)):
            list(pickletools.genops(path.read_bytes()))


# --- what is not published -------------------------------------------------------------------------------------------


def lose_the_texts(papers: list[Paper]) -> None:
    """As a broken import would."""
    Paper.objects.filter(pk__in=[paper.pk for paper in papers]).update(title="Untitled", abstract="")


def worse_than_the_published() -> RankerVersion:
    """A published ranker, then new papers and their readers, then the old papers' words are gone."""
    old, readers = plant_papers(80), plant_readers(40)
    plant_reads(readers, old)
    published = train().version
    new = plant_papers(20, start=max(paper.published_at for paper in old) + DAY, seed=2)
    plant_reads(readers, new, each=3)
    lose_the_texts(old)
    return published


def test_a_ranker_that_loses_is_kept_but_not_published_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    published = worse_than_the_published()
    call_command("train_recommender")
    published.refresh_from_db()
    rejected = RankerVersion.objects.exclude(pk=published.pk).get()
    assert (published.state, rejected.state) == (State.PUBLISHED, State.REJECTED)
    assert rejected.state_reason.startswith(f"It loses to {published.name}: nDCG@10 0.")
    assert rejected.published_at is None
    said = lines(capsys)
    assert said[-2].startswith(f"Ranker {rejected.name} rejected in ")
    assert said[-1].startswith(f"It loses to {published.name}")
    assert "stays in use" in said[-1]
    assert model().name == published.name


def test_it_is_published_all_the_same_where_the_operator_says_so() -> None:
    published = worse_than_the_published()
    call_command("train_recommender", "--even-if-it-loses", verbosity=0)
    published.refresh_from_db()
    assert published.state == State.RETIRED
    assert RankerVersion.objects.get(state=State.PUBLISHED).pk != published.pk


def test_an_equal_ranker_takes_over_and_the_one_before_can_come_back() -> None:
    papers = plant_papers(40)
    plant_reads(plant_readers(30), papers, each=4)
    first, second = train().version, train().version
    first.refresh_from_db()
    assert (first.state, second.state) == (State.RETIRED, State.PUBLISHED)
    assert model().name == second.name
    publish_version(first)
    second.refresh_from_db()
    assert (first.state, second.state) == (State.PUBLISHED, State.RETIRED)
    assert model().name == first.name


def test_without_publishing_the_one_in_use_stays() -> None:
    plant_papers(10)
    first = train().version
    call_command("train_recommender", "--no-publish", verbosity=0)
    first.refresh_from_db()
    assert first.state == State.PUBLISHED
    assert RankerVersion.objects.latest("pk").state == State.TRAINED


def nan_in_an_array(monkeypatch: pytest.MonkeyPatch) -> str:
    honest = Ranker.to_arrays

    def with_a_nan(ranker: Ranker) -> object:
        arrays, kept = honest(ranker)
        return arrays | {"n_readers": np.full(10, np.nan, np.float32)}, kept

    monkeypatch.setattr(Ranker, "to_arrays", with_a_nan)
    return "n_readers holds numbers that are not finite."


def nan_in_the_manifest(monkeypatch: pytest.MonkeyPatch) -> str:
    honest = Ranker.to_arrays

    def with_a_nan(ranker: Ranker) -> object:
        arrays, kept = honest(ranker)
        return arrays, kept | {"scale": float("nan")}

    monkeypatch.setattr(Ranker, "to_arrays", with_a_nan)
    return "The manifest holds numbers that are not finite."


def training_that_goes_astray(monkeypatch: pytest.MonkeyPatch) -> str:
    """A step so great that the word vectors leave what float32 can hold; the first fit, which measures, meets it."""
    monkeypatch.setattr(engine, "FEWEST_TEACHERS", 5)
    assert Projection.__init__.__kwdefaults__
    monkeypatch.setitem(Projection.__init__.__kwdefaults__, "learning_rate", 1e38)
    plant_reads(plant_readers(20), [*Paper.objects.order_by("pk")], each=2)
    return "The projection learnt from readers holds numbers that are not finite."


@pytest.mark.parametrize("fault", [nan_in_an_array, nan_in_the_manifest, training_that_goes_astray])
def test_what_is_not_finite_is_rejected_with_a_reason_and_leaves_no_artifact(
    fault: Callable[[pytest.MonkeyPatch], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_papers(10)
    first = train().version
    reason = fault(monkeypatch)
    with pytest.raises(CommandError, match=f"is rejected and the one in use stays. {reason}") as raised:
        call_command("train_recommender", verbosity=0)
    assert raised.value.returncode == 2
    rejected = RankerVersion.objects.exclude(pk=first.pk).get()
    assert (rejected.state, rejected.state_reason) == (State.REJECTED, reason)
    assert rejected.published_at is None
    assert rejected.manifest["counts"]["papers"] == 10
    assert [path.name for path in folder_of(first.name).parent.iterdir()] == [first.name]
    assert model().name == first.name
    with pytest.raises(EngineError, match="train again"):
        load(rejected.name)


def test_a_full_disk_publishes_nothing_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plant_papers(10)
    first = train().version
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        call_command("train_recommender", verbosity=0)
    assert [*RankerVersion.objects.values_list("name", flat=True)] == [first.name]
    assert [path.name for path in folder_of(first.name).parent.iterdir()] == [first.name]


# --- what is read back ------------------------------------------------------------------------------------------------


def test_a_damaged_version_leaves_the_last_good_one_in_use(caplog: pytest.LogCaptureFixture) -> None:
    papers = plant_papers(40)
    plant_reads(plant_readers(10), papers, each=4)
    good, bad = train().version, train().version
    damaged = folder_of(bad.name) / "vectors.array"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    assert model().name == good.name
    assert "vectors.array is truncated or damaged" in caplog.text
    reader = make_reader()
    assert len(rank([reader.pk], [paper.pk for paper in papers], 5)[reader.pk]) == 5


def test_where_no_version_is_whole_readers_are_ranked_for_without(caplog: pytest.LogCaptureFixture) -> None:
    paper, reader = make_paper("Speech"), make_reader()
    (folder_of(train().version.name) / "manifest.json").unlink()
    assert model().name == ""
    assert [item.paper_id for item in rank([reader.pk], [paper.pk], 5)[reader.pk]] == [paper.pk]
    assert "no readable manifest.json" in caplog.text


def test_a_ranker_of_another_encoder_is_not_used(settings: Settings) -> None:
    papers = plant_papers(12)
    plant_vectors(papers)
    name = train().version.name
    settings.ENCODER_DIM = 4
    with pytest.raises(EngineError, match="trained with the encoder"):
        load(name)
    assert model().name == ""


def test_a_ranker_of_another_release_is_told_from_a_damaged_one() -> None:
    name = train().version.name
    manifest = folder_of(name) / "manifest.json"
    content = json.loads(manifest.read_text())
    del content["model"]["ranker"]["learnt"]["fusions"]
    manifest.write_text(json.dumps(content))
    with pytest.raises(EngineError, match="written by another version of Broadsheet: train again"):
        load(name)


def test_a_killed_write_leaves_nothing_that_could_be_loaded(artifacts: Path) -> None:
    script = (
        "import os, signal, sys, pathlib, numpy as np\n"
        "from recommender.engine import artifacts\n"
        "honest = artifacts._write\n"
        "def write(path, content):\n"
        "    honest(path, content)\n"
        "    if path.name == 'two.array': os.kill(os.getpid(), signal.SIGKILL)\n"
        "artifacts._write = write\n"
        "arrays = {name: np.arange(9.0) for name in ('one', 'two', 'three')}\n"
        "artifacts.write_artifact(pathlib.Path(sys.argv[1]), 'killed', arrays, {})\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(artifacts)], cwd=ROOT, timeout=60, check=False)
    assert killed.returncode == -9
    assert not (artifacts / "killed").exists()
    left = [path.name for path in artifacts.iterdir()]
    assert len(left) == 1
    assert left[0].startswith(".killed.")


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_prints_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    papers = plant_papers(80)
    plant_reads(plant_readers(30), papers)
    call_command("train_recommender")
    said = lines(capsys)
    measured = RankerVersion.objects.get().manifest
    readers = measured["held_out"]["readers"]
    assert said[0] == f"Held out: the newest 16 papers, {readers} readers; 95% intervals over readers."
    assert said[1].split() == ["recall@10", "recall@20", "recall@100", "ndcg@10", "mrr"]
    table = {line.split()[0]: line for line in said[2:5]}
    assert set(table) == {"ranker", "popularity", "random"}
    assert next(iter(table)) == "ranker"  # the best first
    low, high = measured["intervals"]["ranker"]["ndcg@10"]
    assert f"{measured['metrics']['ranker']['ndcg@10']:.3f} [{low:.3f}, {high:.3f}]" in table["ranker"]
    assert said[-1].startswith(f"Ranker {RankerVersion.objects.get().name} published in ")


def test_the_command_says_each_note_once_and_no_table_where_nothing_was_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plant_papers(5)
    call_command("train_recommender")
    said = lines(capsys)
    assert "Note: No reader has read papers both old and new: nothing was measured." in said
    assert "Note: 5 papers have no vector yet: run manage.py embed_papers." in said
    assert len(said) == len(set(said))
    assert not any("Held out" in line for line in said)


def test_the_steps_are_told_as_they_come() -> None:
    plant_papers(5)
    steps: list[str] = []
    training.train(steps.append)
    assert steps == ["reading", "evaluating", "fitting", "writing"]
