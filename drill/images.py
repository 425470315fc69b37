"""What is on a disk, twice: as the running system sees it, and as it would be found after the power was cut.

Bytes survive once their file was synced after they were written; a name, its removal and its change once their
directory was. By POSIX that is all. On a disk that `names_synced` files, syncing a file also brings along its own name
and those above it, as it does on ext4, XFS and Btrfs, though no other file's. Whatever else there is, is forgotten:
nothing reaches this disk by itself, however long it is waited for.
"""

import errno
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

_ids = itertools.count(1)


@dataclass(eq=False)
class File:
    """Bytes now and, in `synced`, bytes after a power cut."""

    mode: int
    id: int = field(default_factory=lambda: next(_ids))
    changed_at: float = field(default_factory=time.time)
    data: bytearray = field(default_factory=bytearray)
    synced: bytearray = field(default_factory=bytearray)
    _written: list[tuple[int, int]] = field(default_factory=list)  # since the last sync, as (start, end)
    _shortest: int = 0  # since the last sync

    def write(self, offset: int, data: bytes) -> None:
        end = offset + len(data)
        if offset > len(self.data):
            self.data.extend(bytes(offset - len(self.data)))
        self.data[offset:end] = data
        self._written.append((offset, end))
        self.changed_at = time.time()

    def resize(self, size: int) -> None:
        self._shortest = min(self._shortest, size)
        del self.data[size:]
        self.data.extend(bytes(size - len(self.data)))
        self.changed_at = time.time()

    def sync(self) -> None:
        # What was cut off and has grown again is zeros, unless written anew.
        del self.synced[self._shortest :]
        self.synced.extend(bytes(max(0, len(self.data) - len(self.synced))))
        for start, end in self._written:
            self.synced[start:end] = self.data[start:end]  # of what is beyond the end now, nothing
        self._settle()

    def cut(self) -> None:
        self.data = bytearray(self.synced)
        self._settle()

    def _settle(self) -> None:
        self._written.clear()
        self._shortest = len(self.data)


@dataclass(eq=False)
class Directory:
    """Names now and, in `synced`, names after a power cut."""

    mode: int
    id: int = field(default_factory=lambda: next(_ids))
    changed_at: float = field(default_factory=time.time)
    entries: dict[bytes, "Node"] = field(default_factory=dict)
    synced: dict[bytes, "Node"] = field(default_factory=dict)

    def cut(self) -> None:
        self.entries = dict(self.synced)


Node = File | Directory
_Place = tuple[Directory, bytes]


class Disk:
    """A tree of directories and files; refuses with OSError, as a kernel would."""

    def __init__(self, *, names_synced: bool = False) -> None:
        self.root = Directory(0o700)
        self._names_synced = names_synced
        self._places: dict[Node, _Place] = {}
        self._left: dict[Node, list[_Place]] = {}  # by renaming, since its name was synced

    def find(self, parent: Directory, name: bytes) -> Node:
        try:
            return parent.entries[name]
        except KeyError:
            raise _refusal(errno.ENOENT) from None

    def make(self, parent: Directory, name: bytes, node: Node) -> None:
        if name in parent.entries:
            raise _refusal(errno.EEXIST)
        self._enter(parent, name, node)

    def remove(self, parent: Directory, name: bytes, *, directory: bool) -> None:
        node = self.find(parent, name)
        if isinstance(node, Directory) != directory:
            raise _refusal(errno.ENOTDIR if directory else errno.EISDIR)
        if isinstance(node, Directory) and node.entries:
            raise _refusal(errno.ENOTEMPTY)
        del parent.entries[name], self._places[node]
        parent.changed_at = time.time()

    def rename(self, parent: Directory, name: bytes, target: Directory, new: bytes) -> None:
        node = self.find(parent, name)
        there = target.entries.get(new)
        if there is node:
            return
        if there is not None:
            self.remove(target, new, directory=isinstance(node, Directory))
        del parent.entries[name]
        parent.changed_at = time.time()
        self._left.setdefault(node, []).append((parent, name))
        self._enter(target, new, node)

    def sync(self, node: Node) -> None:
        """What fsync, fdatasync and each write to a file opened with O_SYNC or O_DSYNC do."""
        if isinstance(node, Directory):
            for each in node.entries.values():
                self._leave(each)
            node.synced = dict(node.entries)
        else:
            node.sync()
        while self._names_synced and node in self._places:
            parent, name = self._places[node]
            self._leave(node)
            parent.synced[name] = node
            node = parent

    def cut(self) -> None:
        """The power is gone and back: whatever was not synced never was."""
        self._places.clear()
        self._left.clear()
        for each in self._nodes():  # goes on with the names a directory has after its cut
            each.cut()
            if isinstance(each, Directory):
                self._places |= {node: (each, name) for name, node in each.entries.items()}

    def used(self) -> int:
        """Bytes in files."""
        return sum(len(each.data) for each in self._nodes() if isinstance(each, File))

    def _enter(self, parent: Directory, name: bytes, node: Node) -> None:
        parent.entries[name] = node
        parent.changed_at = time.time()
        self._places[node] = parent, name

    def _leave(self, node: Node) -> None:
        """A rename reaches the disk as a whole: where the new name is kept, the old one is not."""
        for parent, name in self._left.pop(node, ()):
            if parent.synced.get(name) is node:
                del parent.synced[name]

    def _nodes(self) -> Iterator[Node]:
        waiting: list[Node] = [self.root]
        while waiting:
            node = waiting.pop()
            yield node
            if isinstance(node, Directory):
                waiting.extend(node.entries.values())


def _refusal(number: int) -> OSError:
    return OSError(number, os.strerror(number))
