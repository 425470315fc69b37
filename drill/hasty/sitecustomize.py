# ruff: noqa: INP001 -- no package: a directory that is put on the path
"""Python runs this where it stands on the path: an event is given up after seconds, not after a quarter of an hour."""

from kith_chassis import consumers

consumers.DELAYS_SECONDS = (0.2, 0.4, 0.8, 1.6, 3.2)
