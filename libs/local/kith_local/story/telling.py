"""Steps with a clock and a bar, and the figures they leave behind."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kith_local.errors import explain


class Telling:
    """Tells the story while it happens: `seconds` per step and `figures` that two runs can be compared by."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.figures: dict[str, Any] = {}
        self.seconds: dict[str, float] = {}
        self._began = time.monotonic()

    @contextmanager
    def step(self, name: str, title: str, *, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """A step under a short `name`; the block is given a function that moves its bar."""
        began = time.monotonic()
        columns = (TextColumn("  {task.description:<44}"), BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(title, total=total)
            yield lambda done: progress.advance(task, done)
        self.seconds[name] = round(time.monotonic() - began, 2)
        self.console.print(f"  [green]✓[/green] {title:<44} [dim]{self.seconds[name]:7.1f} s[/dim]", highlight=False)

    def note(self, **figures: Any) -> None:
        self.figures.update(figures)

    def say(self, text: str = "") -> None:
        self.console.print(f"    {text}" if text else "", highlight=False, markup=False, soft_wrap=True)

    def as_json(self) -> dict[str, Any]:
        total = round(time.monotonic() - self._began, 2)
        return {"figures": self.figures, "seconds": self.seconds | {"total": total}}

    def write(self, path: Path) -> None:
        try:
            path.write_text(json.dumps(self.as_json(), indent=2, sort_keys=True) + "\n")
        except OSError as error:
            raise explain(error, path.parent) from error
