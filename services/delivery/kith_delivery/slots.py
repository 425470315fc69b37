"""Who may make an attempt now: the attempts under way in a process, shared among endpoints and communities. Pure.

Each may take in proportion to what is still free. However many receivers hang, they come to hold less and less each and
never all: whoever begins finds a slot. A receiver that is alone has all it can use.
"""

from collections import Counter
from uuid import UUID

_OF_FREE = 4


def share(free: int) -> int:
    """How much of what is held in common one endpoint may hold while `free` of it is free: a quarter, or one."""
    return max(1, free // _OF_FREE)


class Slots:
    """`total` slots. An endpoint may have its `share`, the endpoints of one community together as many as are free."""

    def __init__(self, total: int) -> None:
        self.free = total
        self._held: Counter[UUID] = Counter()

    def take(self, endpoint_id: UUID, community_id: UUID) -> bool:
        """Take a slot, if this endpoint and its community may have one more now."""
        if self.free < 1 or self._held[endpoint_id] >= share(self.free) or self._held[community_id] >= self.free:
            return False
        self.free -= 1
        self._held.update((endpoint_id, community_id))
        return True

    def give_back(self, endpoint_id: UUID, community_id: UUID) -> None:
        self.free += 1
        for each in (endpoint_id, community_id):
            self._held[each] -= 1
            if not self._held[each]:
                del self._held[each]
