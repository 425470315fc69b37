"""A file system of ours under a real program: `images.Disk` behind the kernel's FUSE protocol, version 7.31.

    python -m drill.fuse DEVICE [--names-synced]

serves an empty disk to the kernel, on a descriptor of /dev/fuse that is mounted, until its standard input ends. The
line `off` there cuts the power: nothing is served any more, and what was not synced is gone. `on` gives it back, when
whoever had files open is dead. Each is answered by its own name. The kernel keeps nothing: pages go past its cache and
names are asked for each time, so that the disk's two images are all there is.

There are libraries for this protocol; those on PyPI bring libfuse for one platform only, or want the system's, and
hide a file that is removed while open behind a new name, which would be one more change of names to remember.
Source: linux/fuse.h.
"""

import argparse
import errno
import itertools
import os
import select
import stat
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from drill.images import Directory, Disk, File, Node

_HEADER = struct.Struct("<IIQQIIIHH")  # length, opcode, request, node, uid, gid, pid, …
_ANSWER = struct.Struct("<IiQ")  # length, -errno, request
_ATTRIBUTES = struct.Struct("<6Q10I")
_MAX_WRITE = 1 << 20
_BUFFER = _MAX_WRITE + 8192
# No pages of the kernel's; and nothing asked at a close, where the dying would wait for an answer and could not die.
_DIRECT_IO, _NO_FLUSH = 1 << 0, 1 << 5
_BIG_WRITES, _MAX_PAGES = 1 << 5, 1 << 22
_ROOT = 1  # the node id the kernel begins with
_SET_MODE, _SET_SIZE = 1 << 0, 1 << 3
_BLOCK, _BLOCKS = 4096, 1 << 22  # 16 GB, as far as anyone asks


class Server:
    """Answers the kernel's requests, one after the other."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._nodes: dict[int, Node] = {}
        self._lookups: dict[int, int] = {}
        self._listings: dict[int, list[tuple[bytes, Node]]] = {}
        self._handles = itertools.count(1)
        self._acts: dict[int, Callable[[int, memoryview], bytes | None]] = {
            1: self._lookup, 2: self._forget, 3: self._get_attributes, 4: self._set_attributes, 9: self._make_directory,
            10: self._unlink, 11: self._remove_directory, 12: self._rename, 14: self._open, 15: self._read,
            16: self._write, 17: self._statistics, 18: self._nothing, 20: self._sync,
            26: self._begin, 27: self._open_directory, 28: self._list, 29: self._close_directory, 30: self._sync,
            34: self._nothing, 35: self._create, 36: self._ignore, 38: self._nothing, 42: self._forget_many,
        }  # fmt: skip

    def answer(self, request: bytes) -> bytes | None:
        """The answer to one request as the kernel wrote it; None where it expects none."""
        _, opcode, unique, node, *_ = _HEADER.unpack_from(request)
        body, number = memoryview(request)[_HEADER.size :], 0
        try:
            told = self._acts.get(opcode, _unknown)(node, body)
        except OSError as error:
            told, number = b"", error.errno or errno.EIO
        return None if told is None else _ANSWER.pack(_ANSWER.size + len(told), -number, unique) + told

    def _node(self, number: int) -> Node:
        return self.disk.root if number == _ROOT else self._nodes[number]

    def _directory(self, number: int) -> Directory:
        node = self._node(number)
        if not isinstance(node, Directory):
            raise NotADirectoryError(errno.ENOTDIR, "")
        return node

    def _file(self, number: int) -> File:
        node = self._node(number)
        if not isinstance(node, File):
            raise IsADirectoryError(errno.EISDIR, "")
        return node

    def _begin(self, _: int, __: memoryview) -> bytes:
        flags = _BIG_WRITES | _MAX_PAGES
        return struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, flags, 16, 12, _MAX_WRITE, 1, _MAX_WRITE // 4096, 0, 0)

    def _nothing(self, _: int, __: memoryview) -> bytes:
        return b""

    def _ignore(self, _: int, __: memoryview) -> None:
        return None

    def _entry(self, node: Node) -> bytes:
        number = self._number(node)
        self._nodes[number] = node
        self._lookups[number] = self._lookups.get(number, 0) + 1
        return struct.pack("<QQQQII", number, 0, 0, 0, 0, 0) + self._attributes(node)

    def _number(self, node: Node) -> int:
        return _ROOT if node is self.disk.root else node.id + _ROOT

    def _attributes(self, node: Node) -> bytes:
        kind, size = (stat.S_IFREG, len(node.data)) if isinstance(node, File) else (stat.S_IFDIR, 4096)
        seconds, part = divmod(int(node.changed_at * 1e9), 10**9)
        times = (seconds, seconds, seconds, part, part, part)
        links = 1 if isinstance(node, File) else 2
        rest = (kind | node.mode, links, os.geteuid(), os.getegid(), 0, _BLOCK, 0)
        return _ATTRIBUTES.pack(self._number(node), size, -(-size // 512), *times, *rest)

    def _lookup(self, parent: int, body: memoryview) -> bytes:
        return self._entry(self.disk.find(self._directory(parent), _name(body)))

    def _forget(self, node: int, body: memoryview) -> None:
        self._let_go(node, *struct.unpack_from("<Q", body))

    def _forget_many(self, _: int, body: memoryview) -> None:
        for node, count in struct.iter_unpack("<QQ", body[8:]):
            self._let_go(node, count)

    def _let_go(self, node: int, count: int) -> None:
        left = self._lookups.get(node, 0) - count
        if left > 0:
            self._lookups[node] = left
        else:
            self._lookups.pop(node, None)
            self._nodes.pop(node, None)

    def _get_attributes(self, node: int, _: memoryview) -> bytes:
        return bytes(16) + self._attributes(self._node(node))

    def _set_attributes(self, number: int, body: memoryview) -> bytes:
        valid, _, _, size, _, _, _, _, _, _, _, mode = struct.unpack_from("<IIQQQQQQIIII", body)
        if valid & _SET_SIZE:
            self._file(number).resize(size)
        if valid & _SET_MODE:
            self._node(number).mode = stat.S_IMODE(mode)
        return self._get_attributes(number, body)

    def _make_directory(self, parent: int, body: memoryview) -> bytes:
        mode, _ = struct.unpack_from("<II", body)
        made = Directory(stat.S_IMODE(mode))
        self.disk.make(self._directory(parent), _name(body[8:]), made)
        return self._entry(made)

    def _create(self, parent: int, body: memoryview) -> bytes:
        _, mode = struct.unpack_from("<II", body)
        made = File(stat.S_IMODE(mode))
        self.disk.make(self._directory(parent), _name(body[16:]), made)
        return self._entry(made) + self._open(0, body)

    def _unlink(self, parent: int, body: memoryview) -> bytes:
        self.disk.remove(self._directory(parent), _name(body), directory=False)
        return b""

    def _remove_directory(self, parent: int, body: memoryview) -> bytes:
        self.disk.remove(self._directory(parent), _name(body), directory=True)
        return b""

    def _rename(self, parent: int, body: memoryview) -> bytes:
        (target,) = struct.unpack_from("<Q", body)
        name, new, _ = bytes(body[8:]).split(b"\0", 2)
        self.disk.rename(self._directory(parent), name, self._directory(target), new)
        return b""

    def _open(self, _: int, __: memoryview) -> bytes:
        return struct.pack("<QII", 0, _DIRECT_IO | _NO_FLUSH, 0)

    def _read(self, node: int, body: memoryview) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        return bytes(self._file(node).data[offset : offset + size])

    def _write(self, number: int, body: memoryview) -> bytes:
        _, offset, size, _, _, flags = struct.unpack_from("<QQIIQI", body)
        file = self._file(number)
        file.write(offset, bytes(body[40 : 40 + size]))
        if flags & os.O_DSYNC:  # a part of O_SYNC
            self.disk.sync(file)
        return struct.pack("<II", size, 0)

    def _sync(self, number: int, _: memoryview) -> bytes:
        self.disk.sync(self._node(number))
        return b""

    def _statistics(self, _: int, __: memoryview) -> bytes:
        free = _BLOCKS - self.disk.used() // _BLOCK
        return struct.pack("<QQQQQIII28x", _BLOCKS, free, free, 1 << 20, 1 << 20, _BLOCK, 255, _BLOCK)

    def _open_directory(self, number: int, _: memoryview) -> bytes:
        handle = next(self._handles)
        self._listings[handle] = list(self._directory(number).entries.items())  # as it was: names go while it is read
        return struct.pack("<QII", handle, 0, 0)

    def _list(self, _: int, body: memoryview) -> bytes:
        handle, offset, size = struct.unpack_from("<QQI", body)
        told = b""
        for place, (name, node) in enumerate(self._listings[handle][offset:], start=offset + 1):
            kind = stat.S_IFREG if isinstance(node, File) else stat.S_IFDIR
            entry = struct.pack("<QQII", self._number(node), place, len(name), kind >> 12) + name
            entry += bytes(-len(entry) % 8)
            if len(told) + len(entry) > size:
                break
            told += entry
        return told

    def _close_directory(self, _: int, body: memoryview) -> bytes:
        self._listings.pop(*struct.unpack_from("<Q", body))
        return b""


def _unknown(_: int, __: memoryview) -> bytes:
    raise OSError(errno.ENOSYS, "")


def _name(body: memoryview) -> bytes:
    return bytes(body).partition(b"\0")[0]


def serve(server: Server, device: int, orders: BinaryIO, done: Callable[[str], None]) -> None:
    """Answer the kernel until `orders` ends; `done` is told of each order that was carried out."""
    os.set_blocking(device, False)
    watched = [device, orders]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if orders in ready:
            order = orders.readline().decode().strip()
            if order == "off":
                server.disk.cut()
                watched = [orders]
            elif order == "on":
                watched = [device, orders]
            else:
                return
            done(order)
        elif device in ready:
            with suppress(BlockingIOError, InterruptedError, FileNotFoundError):  # who asked was killed meanwhile
                told = server.answer(os.read(device, _BUFFER))
                if told is not None:
                    os.write(device, told)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m drill.fuse")
    parser.add_argument("device", type=int, help="descriptor of /dev/fuse, mounted")
    parser.add_argument("--names-synced", action="store_true", help="a file that is synced keeps its name")
    asked = parser.parse_args()

    def done(what: str) -> None:
        sys.stdout.write(f"{what}\n")
        sys.stdout.flush()

    serve(Server(Disk(names_synced=asked.names_synced)), asked.device, sys.stdin.buffer, done)


if __name__ == "__main__":
    main()
