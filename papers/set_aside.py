"""An entry that was set aside, mended by an editor and tried again."""

from __future__ import annotations

from pathlib import Path

from papers.importing import Report
from papers.ingest import take_lines
from papers.jsonlines import Line, Place
from papers.models import SetAside


class StillRefused(ValueError):
    """Why a mended record is no better."""


def take_mended(entry: SetAside) -> None:
    """The record as it stands now, judged like any other."""
    if not isinstance(entry.record, dict) or not entry.record:
        raise StillRefused("There is no record yet: write one, with id and title at least.")
    report = Report()
    take_lines([Line(Place(Path(entry.place), entry.pk), entry.record)], report)
    if report.rejections:
        SetAside.objects.filter(pk=entry.pk).update(reason=report.rejections[0].reason[:500])
        raise StillRefused(report.rejections[0].reason)
    SetAside.objects.filter(pk=entry.pk).update(state=SetAside.State.TAKEN)
