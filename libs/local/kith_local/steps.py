"""Progress at the terminal: one line per step, moving while it lasts; plain lines where there is no terminal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.markup import escape
from rich.status import Status


class Step:
    """What a running step may say of itself; the last thing said stays on its line."""

    def __init__(self, title: str, status: Status | None) -> None:
        self.title = title
        self.detail = ""
        self._status = status

    def say(self, detail: str) -> None:
        self.detail = detail
        if self._status is not None:
            self._status.update(f"{escape(self.title)}  [dim]{escape(detail)}[/dim]")


class Steps:
    """Prints steps to a console; without one, to nobody."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(quiet=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """A step that lasts as long as the block, with its seconds, and with a cross when it fails."""
        began = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(escape(title)) as status:
                step = Step(title, status)
                yield from self._told(step, began)
        else:
            self._print(f"  … {escape(title)}")
            step = Step(title, None)
            yield from self._told(step, began)

    def _told(self, step: Step, began: float) -> Iterator[Step]:
        try:
            yield step
        except Exception:
            self._end("[red]✗[/red]", step, began)
            raise
        except BaseException:  # interrupted
            self._end("[yellow]-[/yellow]", step, began)
            raise
        self._end("[green]✓[/green]", step, began)

    def _end(self, sign: str, step: Step, began: float) -> None:
        seconds = f"{time.monotonic() - began:.1f} s"
        told = "  ".join(part for part in (escape(step.detail), seconds) if part)
        self._print(f"  {sign} {escape(step.title)}  [dim]{told}[/dim]")

    def note(self, text: str) -> None:
        """Something worth knowing that is no step."""
        self._print(f"  [yellow]·[/yellow] {escape(text)}")

    def _print(self, line: str) -> None:
        with suppress(OSError):  # a terminal that was closed must not keep us from stopping in order
            self.console.print(line, highlight=False, soft_wrap=True)
