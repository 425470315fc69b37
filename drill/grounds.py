"""What a system under drill stands on."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from kith_local.layout import Installation

Ground = Callable[[Installation], AbstractAsyncContextManager[Installation]]
"""Prepares the place of an installation; `mounts.CannotMount` where this machine cannot."""


@asynccontextmanager
async def ordinary(installation: Installation) -> AsyncIterator[Installation]:
    """The machine's own disk."""
    yield installation
