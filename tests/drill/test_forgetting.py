"""The disk that forgets what was not synced: by its rules, and as the kernel's file system under real programs."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from drill.images import Directory, Disk, File
from drill.mounts import CannotMount
from drill.power import Forgetful
from hypothesis import given
from hypothesis import strategies as st

unit = pytest.mark.unit
integration = pytest.mark.integration


@unit
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.integers(0, 40), st.binary(max_size=20)),
            st.tuples(st.just("resize"), st.integers(0, 40)),
            st.tuples(st.just("sync")),
            st.tuples(st.just("cut")),
        )
    )
)
def test_after_a_cut_a_file_is_what_it_was_at_its_last_sync(acts):
    file, kept = File(0o600), b""
    for act, *how in acts:
        getattr(file, act)(*how)
        kept = bytes(file.data) if act == "sync" else kept
        assert act != "cut" or bytes(file.data) == kept
    file.cut()
    assert bytes(file.data) == kept


def made(disk, name, directory=None, data=b""):
    file = File(0o600)
    disk.make(directory or disk.root, name, file)
    file.write(0, data)
    return file


@unit
@pytest.mark.parametrize("names_synced", [False, True])
def test_a_new_file_is_there_after_a_cut_if_its_name_was_synced(names_synced):
    disk, inner = Disk(names_synced=names_synced), Directory(0o700)
    disk.make(disk.root, b"inner", inner)
    disk.sync(made(disk, b"deep", inner, b"here"))
    disk.sync(made(disk, b"flat", data=b"here"))
    made(disk, b"never synced", data=b"here")
    disk.cut()
    assert set(disk.root.entries) == ({b"inner", b"flat"} if names_synced else set())
    assert not names_synced or disk.find(inner, b"deep").data == b"here"


@unit
def test_a_name_that_is_synced_without_its_file_is_there_and_empty():
    disk = Disk()
    made(disk, b"file", data=b"not synced")
    disk.sync(disk.root)
    disk.cut()
    assert disk.find(disk.root, b"file").data == b""


@unit
@pytest.mark.parametrize("synced", [None, "file", "directory"])
def test_a_rename_is_forgotten_or_kept_as_a_whole(synced):
    disk = Disk(names_synced=True)
    new, old = made(disk, b"new", data=b"new"), made(disk, b"target", data=b"old")
    for each in (new, old, disk.root):
        disk.sync(each)
    disk.rename(disk.root, b"new", disk.root, b"target")
    if synced is not None:
        disk.sync(new if synced == "file" else disk.root)
    disk.cut()
    there = {name: bytes(node.data) for name, node in disk.root.entries.items()}
    assert there == ({b"new": b"new", b"target": b"old"} if synced is None else {b"target": b"new"})


@unit
def test_what_was_removed_is_back_unless_its_directory_was_synced():
    disk = Disk(names_synced=True)
    for name in (b"one", b"other"):
        disk.sync(made(disk, name, data=name))
    disk.remove(disk.root, b"one", directory=False)
    disk.sync(disk.root)
    disk.remove(disk.root, b"other", directory=False)
    disk.cut()
    assert {name: bytes(node.data) for name, node in disk.root.entries.items()} == {b"other": b"other"}


@unit
def test_a_moved_directory_takes_its_files_along():
    disk, inner = Disk(names_synced=True), Directory(0o700)
    disk.make(disk.root, b"inner", inner)
    file = made(disk, b"file", inner, b"here")
    disk.sync(file)
    disk.rename(disk.root, b"inner", disk.root, b"moved")
    disk.sync(file)
    disk.cut()
    assert set(disk.root.entries) == {b"moved"}
    assert bytes(disk.find(inner, b"file").data) == b"here"


@asynccontextmanager
async def forgetful(directory: Path, **options):
    try:
        async with Forgetful.mounted(directory, **options) as disk:
            yield disk
    except CannotMount as error:
        pytest.skip(f"this machine cannot mount: {error}")


async def lose_power(disk):
    await disk.cut()
    await disk.back()


@integration
class TestMounted:
    @pytest.mark.parametrize("how", [os.fsync, os.fdatasync, os.O_SYNC, os.O_DSYNC, None])
    async def test_bytes_are_kept_when_a_program_has_synced_them(self, tmp_path, how):
        async with forgetful(tmp_path, names_synced=True) as disk:
            path = tmp_path / "file"
            fd = os.open(path, os.O_CREAT | os.O_WRONLY | (how if isinstance(how, int) else 0))
            os.write(fd, b"first ")
            if callable(how):
                how(fd)
            os.close(fd)
            with path.open("ab") as file:
                file.write(b"second")
            assert path.read_bytes() == b"first second"
            await lose_power(disk)
            there = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
            assert there == ({"file": b"first "} if how else {})

    async def test_a_cut_takes_back_a_truncation_a_rename_and_a_removal(self, tmp_path):
        async with forgetful(tmp_path, names_synced=True) as disk:
            for name in ("cut off", "renamed", "removed"):
                with (tmp_path / name).open("wb") as file:
                    file.write(b"as it was")
                    file.flush()
                    os.fsync(file.fileno())
            os.truncate(tmp_path / "cut off", 2)
            (tmp_path / "renamed").rename(tmp_path / "anew")
            (tmp_path / "removed").unlink()
            assert {each.name: each.stat().st_size for each in tmp_path.iterdir()} == {"cut off": 2, "anew": 9}
            await lose_power(disk)
            there = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
            assert there == dict.fromkeys(("cut off", "renamed", "removed"), b"as it was")

    async def test_directories_are_made_listed_and_removed(self, tmp_path):
        async with forgetful(tmp_path, names_synced=False) as disk:
            many = [f"{number:04}-{'long' * 30}" for number in range(500)]  # more than one answer of readdir holds
            (tmp_path / "a" / "b").mkdir(parents=True)
            for name in many:
                (tmp_path / "a" / name).touch()
            assert sorted(each.name for each in (tmp_path / "a").iterdir()) == sorted([*many, "b"])
            with pytest.raises(OSError, match="not empty"):
                (tmp_path / "a").rmdir()
            with pytest.raises(FileExistsError):
                (tmp_path / "a" / "b").mkdir()
            fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
            os.fsync(fd)
            os.close(fd)
            await lose_power(disk)
            assert list((tmp_path / "a").iterdir()) == []  # its name was synced, and none in it

    async def test_a_program_may_die_while_the_power_is_off(self, tmp_path):
        async with forgetful(tmp_path, names_synced=True) as disk:
            script = "import sys; f = open(sys.argv[1], 'wb', 0)\nwhile True: f.write(b'x'); print(flush=True)"
            writer = await asyncio.create_subprocess_exec(
                sys.executable, "-c", script, str(tmp_path / "file"), stdout=asyncio.subprocess.PIPE
            )
            await writer.stdout.readline()
            await disk.cut()
            writer.kill()
            await asyncio.wait_for(writer.wait(), 20)
            await disk.back()
            assert list(tmp_path.iterdir()) == []
