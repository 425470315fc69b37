import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for processes to come back begins first, in one process, while the others compute."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
