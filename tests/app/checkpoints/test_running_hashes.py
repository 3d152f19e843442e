"""A whole file is compared by the sum that ran while it came, or read back where that could differ from the disk."""

import asyncio
import base64
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from app.checkpoints import receiving, running_hashes, upload_api
from app.checkpoints.running_hashes import RUNNING, RunningHashes
from app.domain.store import Store
from app.models import UploadFile
from tests.app.checkpoints.sending import Sender, checksum, sha256

CONTENT = os.urandom(3000)


@pytest.fixture
def number(folder: Path) -> int:
    """Which file of the folder has the content."""
    (folder / "tokenizer.json").write_bytes(CONTENT)
    return 3


@pytest.fixture
def read_back(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the files that were read back."""
    sizes: list[int] = []
    hash_file = receiving.hash_file

    def note(descriptor: int, size: int) -> str:
        sizes.append(size)
        return hash_file(descriptor, size)

    monkeypatch.setattr(upload_api, "hash_file", note)
    return sizes


def so_far(content: bytes) -> str:
    """The checksum of a part that ends with this much of the file."""
    return "sha256-so-far " + base64.b64encode(hashlib.sha256(content).digest()).decode()


def send(sender: Sender, upload: str, number: int, start: int, end: int, *, plainly: bool = False) -> int:
    summed = checksum(CONTENT[start:end]) if plainly else so_far(CONTENT[:end])
    return sender.patch(upload, number, CONTENT[start:end], start, Upload_Checksum=summed).status_code


@pytest.mark.parametrize("plainly", [True, False])
def test_what_came_in_order_is_not_read_back(sender, folder, number, read_back, plainly) -> None:
    upload = sender.begun(folder)["id"]
    for start in (0, 1000, 2000):
        assert send(sender, upload, number, start, start + 1000, plainly=plainly) == 204
    assert sender.check(upload, number, sha256(CONTENT)).status_code == 204
    assert read_back == []


def test_a_sum_so_far_that_is_not_that_of_the_file_is_refused(sender, folder, number, read_back) -> None:
    upload = sender.begun(folder)["id"]
    assert send(sender, upload, number, 0, 1000) == 204
    spoilt = sender.patch(upload, number, CONTENT[1001:2001], 1000, Upload_Checksum=so_far(CONTENT[:2000]))
    assert (spoilt.status_code, "changed on its way" in spoilt.json()["detail"]) == (460, True)
    assert sender.offset(upload, number) == 1000
    assert send(sender, upload, number, 1000, 3000) == 204  # what was known before it still is
    assert sender.check(upload, number, sha256(CONTENT)).status_code == 204
    assert read_back == []


def test_another_process_knows_no_sum_asks_for_the_parts_own_and_reads_back(sender, folder, number, read_back) -> None:
    upload = sender.begun(folder)["id"]
    assert send(sender, upload, number, 0, 1000) == 204
    RUNNING.__init__()  # type: ignore[misc]

    unknown = sender.patch(upload, number, CONTENT[1000:2000], 1000, Upload_Checksum=so_far(CONTENT[:2000]))

    assert (unknown.status_code, "another process" in unknown.json()["detail"]) == (460, True)
    assert send(sender, upload, number, 1000, 2000, plainly=True) == 204
    assert send(sender, upload, number, 2000, 3000, plainly=True) == 204
    assert sender.check(upload, number, sha256(CONTENT)).status_code == 204
    assert read_back == [3000]


def overwrite(part: Path) -> None:
    """As another process would, or a file system that lost what it had said it had."""
    with part.open("r+b") as stream:
        stream.write(b"other")


def replace(part: Path) -> None:
    part.with_name("new").write_bytes(part.read_bytes()[:-5] + b"other")
    part.with_name("new").rename(part)


@pytest.mark.parametrize("change", [overwrite, replace])
def test_a_file_that_anybody_else_touched_is_read_back_and_starts_over(
    sender, folder, number, read_back, store: Store, change: Callable[[Path], None]
) -> None:
    upload = sender.begun(folder)["id"]
    assert send(sender, upload, number, 0, 3000) == 204
    change(store.part(upload, number))
    assert sender.check(upload, number, sha256(CONTENT)).status_code == 422
    assert read_back == [3000]
    assert sender.offset(upload, number) == 0
    assert send(sender, upload, number, 0, 3000) == 204
    assert sender.check(upload, number, sha256(CONTENT)).status_code == 204


def test_what_a_longer_version_left_is_cut_off(sender, folder, number, store: Store, read_back) -> None:
    upload = sender.begun(folder)["id"]
    assert send(sender, upload, number, 0, 3000) == 204
    (folder / "tokenizer.json").write_bytes(CONTENT[:500])
    assert sender.begun(folder)["id"] == upload
    assert send(sender, upload, number, 0, 500) == 204
    assert sender.check(upload, number, sha256(CONTENT[:500])).status_code == 204
    assert store.part(upload, number).read_bytes() == CONTENT[:500]
    assert read_back == []


def test_a_disk_that_says_later_that_it_is_full_counts_nothing(sender, folder, number, monkeypatch) -> None:
    upload = sender.begun(folder)["id"]

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", full)
        assert send(sender, upload, number, 0, 1000) == 507
    assert sender.offset(upload, number) == 0


def test_a_disk_that_takes_a_little_at_a_time_gets_the_rest(sender, folder, number, store: Store, monkeypatch) -> None:
    upload = sender.begun(folder)["id"]
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwritev", lambda descriptor, pieces, start: pwrite(descriptor, pieces[0][:10], start))
    monkeypatch.setattr(os, "pwrite", lambda descriptor, block, start: pwrite(descriptor, block[:700], start))
    assert send(sender, upload, number, 0, 3000) == 204
    assert store.part(upload, number).read_bytes() == CONTENT


def test_crumbs_are_swept_together(tmp_path: Path) -> None:
    async def crumbs() -> AsyncIterator[bytes]:
        for at in range(len(CONTENT)):
            yield CONTENT[at : at + 1]

    file = UploadFile(name="tokenizer.json", size=len(CONTENT), received=0)
    with (tmp_path / "part").open("w+b") as part:
        descriptor, digest = part.fileno(), hashlib.sha256()
        end = asyncio.run(receiving.write(descriptor, receiving.Chunk(0, None, None), crumbs(), file, digest))
        assert (end, part.read(), digest.hexdigest()) == (len(CONTENT), CONTENT, sha256(CONTENT))


def test_nothing_is_a_part_that_changes_nothing(sender, folder, number) -> None:
    upload = sender.begun(folder)["id"]
    assert sender.patch(upload, number, b"").status_code == 204
    assert sender.offset(upload, number) == 0


def test_only_the_latest_sums_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_hashes, "MOST", 2)
    known, files = RunningHashes(), [tmp_path / name for name in "abc"]
    opened = [os.open(file, os.O_RDWR | os.O_CREAT) for file in files]
    for file, descriptor in zip(files, opened, strict=True):
        os.write(descriptor, b"x")
        known.keep(file, descriptor, hashlib.sha256(b"x"), 1)
    found = [known.before(file, descriptor, 1) for file, descriptor in zip(files, opened, strict=True)]
    assert [one and one.digest() == hashlib.sha256(b"x").digest() for one in found] == [None, True, True]
    assert known.before(files[2], opened[2], 2) is None
    for descriptor in opened:
        os.close(descriptor)
