"""What the demo did, as report.json and as tables in the terminal."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from accounts.models import User
from newsletter.models import Digest
from papers.models import Paper
from recommender.models import Interaction, RankerVersion

RANKERS = ("ranker", "popularity", "random")
State = Digest.State


@dataclass(frozen=True)
class Report:
    papers: int
    readers: int
    interactions: int
    digests_composed: int
    digests_sent: int
    seconds: dict[str, float]
    recall_at_20: dict[str, float | None]  # None where too little was read to measure anything
    ndcg_at_10: dict[str, float | None]
    held_out: dict[str, int]

    @classmethod
    def of_database(cls, seconds: dict[str, float]) -> Report:
        published = RankerVersion.in_use()
        manifest = published.manifest if published else {}
        metrics = manifest.get("metrics", {})
        return cls(
            papers=Paper.objects.published().count(),
            readers=User.objects.filter(interactions__isnull=False).distinct().count(),
            interactions=Interaction.objects.count(),
            digests_composed=Digest.objects.exclude(state=State.SKIPPED).count(),
            digests_sent=Digest.objects.filter(state=State.SENT).count(),
            seconds=seconds,
            recall_at_20={name: metrics.get(name, {}).get("recall@20") for name in RANKERS},
            ndcg_at_10={name: metrics.get(name, {}).get("ndcg@10") for name in RANKERS},
            held_out=manifest.get("held_out", {}),
        )

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self), indent=1) + "\n")

    def show(self, console: Console) -> None:
        done = Table(show_header=False)
        for name in ("papers", "readers", "interactions", "digests_composed", "digests_sent"):
            done.add_row(name.replace("_", " "), str(getattr(self, name)))
        for step, seconds in self.seconds.items():
            done.add_row(f"[dim]{step}[/dim]", f"[dim]{seconds:.1f} s[/dim]")
        found = Table("", "recall@20", "nDCG@10")
        for name in RANKERS:
            found.add_row(name, figure(self.recall_at_20[name]), figure(self.ndcg_at_10[name]))
        console.print("[bold]What was done[/bold]", done, f"[bold]{self.question()}[/bold]", found)

    def question(self) -> str:
        if not self.held_out.get("readers"):
            return "Too little was read to measure the ranker"
        return "Reads of the newest {papers} papers, held out, of {readers} readers".format(**self.held_out)


def figure(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"
