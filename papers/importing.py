"""files -> lines -> added, updated, unchanged, rejected: what every import command has in common.

    class Command(BaseCommand):
        def add_arguments(self, parser: CommandParser) -> None:
            parser.add_argument("files", nargs="+", metavar="FILE")

        def handle(self, *args: Any, **options: Any) -> None:
            import_files(self, options["files"], take_lines)

    def take_lines(lines: Iterable[Line], report: Report) -> None:
        for place, record in lines:
            if not record.get("user"):
                report.reject(place, "user is missing")
            ...
                report.added += 1

The good lines are kept, each bad one is named by file, number and reason. The command ends with exit status 1 when
lines were rejected, 2 when a file cannot be read, in which case nothing has been imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from papers.jsonlines import Line, Place, read_json_lines


class Rejection(NamedTuple):
    place: Place
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass
class Report:
    """What an import did with what it was given."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejections: list[Rejection] = field(default_factory=list)

    @property
    def rejected(self) -> int:
        return len(self.rejections)

    def reject(self, place: Place, reason: str) -> None:
        self.rejections.append(Rejection(place, reason))

    def __str__(self) -> str:
        return f"added {self.added}, updated {self.updated}, unchanged {self.unchanged}, rejected {self.rejected}"


def import_files(
    command: BaseCommand,
    names: Sequence[str],
    take: Callable[[Iterable[Line], Report], None],
    read: Callable[..., Iterable[Line]] = read_json_lines,
) -> Report:
    """Run an import for a command: show progress, name what was rejected, print the report, set the exit status."""
    paths = readable_files(names)
    report = Report()
    try:
        with progress_bar(total=sum(path.stat().st_size for path in paths)) as advance:
            take(read(paths, report.reject, advance), report)
    except BaseException as error:
        if report != Report():
            tell(command, report)
        if isinstance(error, OSError):
            raise CommandError(f"Reading stopped: {error}. What came before is imported.", returncode=2) from error
        raise
    tell(command, report)
    if report.rejected:
        raise CommandError(f"{report.rejected} rejected; mend these lines and import the file again.", returncode=1)
    return report


def tell(command: BaseCommand, report: Report) -> None:
    for rejection in sorted(report.rejections):
        command.stderr.write(str(rejection))
    command.stdout.write(str(report))


def readable_files(names: Sequence[str]) -> list[Path]:
    """All of them, or CommandError before anything is read. A pipe (`<(zcat ...)`) is as good as a file."""
    paths = [Path(name) for name in names]
    for path in paths:
        if path.is_dir():
            raise CommandError(f"{path} is a directory; name the files in it.", returncode=2)
        if not path.exists():
            raise CommandError(f"There is no file {path}.", returncode=2)
        if not os.access(path, os.R_OK):
            raise CommandError(f"{path} cannot be read; check its permissions.", returncode=2)
    return paths


@contextmanager
def progress_bar(total: int) -> Iterator[Callable[[int], None]]:
    """A bar of bytes on stderr where that is a terminal; gives the function that moves it on."""
    columns = (TextColumn("importing"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("importing", total=total or None)
        yield lambda n_bytes: progress.advance(task, n_bytes)
