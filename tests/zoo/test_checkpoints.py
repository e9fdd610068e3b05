"""Checkpoints: whole or absent, verified before use, the newest sound one wins."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo import checkpoints
from zoo.errors import RunError, WriteError
from zoo.runs import RunFolder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "purdue" / "conv")


def commit(run: RunFolder, epoch: int, val_loss: float = 1.0) -> None:
    checkpoints.commit(run, epoch=epoch, val_loss=val_loss, facts={"seed": 0}, files={"state.pt": b"state %d" % epoch})


def epochs_on_disk(run: RunFolder) -> list[int]:
    return sorted(int(path.name) for path in run.checkpoint.glob("[0-9]*"))


def test_the_newest_two_and_the_best_are_kept(run: RunFolder) -> None:
    for epoch, loss in enumerate([0.9, 0.2, 0.5, 0.4, 0.6]):
        commit(run, epoch, loss)
    assert epochs_on_disk(run) == [1, 3, 4]
    assert checkpoints.last(run).files == {"state.pt": b"state 4"}


def test_a_loss_that_is_no_number_or_cannot_be_read_is_never_the_best(run: RunFolder) -> None:
    for epoch, loss in enumerate([float("nan"), 0.1, 0.5, 0.9, float("nan")]):
        commit(run, epoch, loss)
    assert epochs_on_disk(run) == [1, 3, 4]
    (run.checkpoint / "000001" / "manifest.json").write_bytes(b"{}")
    commit(run, 5, 0.95)
    assert epochs_on_disk(run) == [3, 4, 5]


@pytest.mark.parametrize("broken", [b"{", b"[]", b'{"val_loss": []}', None])
def test_a_best_one_without_a_sound_manifest_is_the_best_no_more(run: RunFolder, broken: bytes | None) -> None:
    for epoch, loss in enumerate([0.1, 0.5, 0.9]):
        commit(run, epoch, loss)
    manifest = run.checkpoint / "000000" / "manifest.json"
    manifest.unlink() if broken is None else manifest.write_bytes(broken)
    commit(run, 3, 0.95)
    assert epochs_on_disk(run) == [1, 2, 3]


def test_an_epoch_that_is_committed_again_replaces_itself_and_all_later_ones(run: RunFolder) -> None:
    for epoch in (1, 2, 3, 2):
        commit(run, epoch, 1.0 / epoch)
    found = checkpoints.last(run)
    assert epochs_on_disk(run) == [2], "the third and the best of before belong to other weights"
    assert (found.epoch, found.val_loss, found.facts) == (2, 0.5, {"seed": 0})
    assert [path.name for path in run.checkpoint.iterdir()] == ["000002"]


def test_one_flipped_bit_is_noticed_and_the_older_checkpoint_is_taken_with_a_message(run: RunFolder) -> None:
    commit(run, 1)
    commit(run, 2)
    state = run.checkpoint / "000002" / "state.pt"
    data = bytearray(state.read_bytes())
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        state.write_bytes(flipped)
        checkpoint, errors = checkpoints.newest(run)
        assert checkpoint is not None
        assert checkpoint.epoch == 1
        assert len(errors) == 1
        assert "state.pt is not what was written" in errors[0]


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"format": "aezoo-checkpoint/9"}', b"\xff\xfe"])
def test_a_broken_manifest_is_passed_over(run: RunFolder, broken: bytes) -> None:
    commit(run, 1)
    commit(run, 2)
    (run.checkpoint / "000002" / "manifest.json").write_bytes(broken)
    checkpoint, errors = checkpoints.newest(run)
    assert checkpoint is not None
    assert checkpoint.epoch == 1
    assert "is damaged" in errors[0]
    (run.checkpoint / "000002" / "manifest.json").unlink()
    assert checkpoints.last(run).epoch == 1
    (run.checkpoint / "000001" / "state.pt").unlink()
    with pytest.raises(RunError, match=r"000002 is damaged .*; the checkpoint .*000001 is damaged"):
        checkpoints.last(run)


def test_a_checkpoint_of_another_format_or_with_files_elsewhere_is_none(run: RunFolder) -> None:
    commit(run, 1)
    manifest = run.checkpoint / "000001" / "manifest.json"
    whole = manifest.read_text()
    manifest.write_text(whole.replace(checkpoints.FORMAT, "aezoo-checkpoint/2"))
    assert "its format is 'aezoo-checkpoint/2', not 'aezoo-checkpoint/1'" in checkpoints.newest(run)[1][0]
    (run.checkpoint / "state.pt").write_bytes(b"state 1")
    (run.checkpoint / "000001" / "state.pt").unlink()
    manifest.write_text(whole.replace("state.pt", "../state.pt"))
    assert checkpoints.newest(run)[0] is None


def test_what_else_lies_among_the_checkpoints_is_none_of_them(run: RunFolder) -> None:
    commit(run, 1)
    (run.checkpoint / "notes").mkdir()
    (run.checkpoint / "000009").write_bytes(b"no folder")
    found, errors = checkpoints.newest(run)
    assert found is not None and (found.epoch, errors) == (1, [])


def test_a_state_that_would_run_code_is_refused(run: RunFolder) -> None:
    state = io.BytesIO()
    torch.save({"network": Path("a pickled object")}, state)
    checkpoints.commit(run, epoch=1, val_loss=1.0, facts={}, files={"state.pt": state.getvalue()})
    with pytest.raises(RunError, match="is not of this recipe"), checkpoints.fitting(run):
        checkpoints.load_state(checkpoints.last(run))


def test_a_lock_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(WriteError), checkpoints.held(tmp_path / "file" / "lock", "busy", seconds=0.1):
        pass


def test_without_a_checkpoint_the_sentence_says_what_to_do(run: RunFolder) -> None:
    with pytest.raises(RunError, match=r"nothing was trained there; train it with `aezoo train`"):
        checkpoints.last(run)


class Counting:
    """Fails the n-th call among several operations of the operating system."""

    def __init__(self, n: int, number: int) -> None:
        self.n, self.number, self.calls = n, number, 0

    def wrap(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **more: Any) -> Any:
            self.calls += 1
            if self.calls == self.n:
                raise OSError(self.number, os.strerror(self.number))
            return operation(*args, **more)

        return wrapped


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_whichever_operation_fails_the_checkpoint_before_stays_whole(run: RunFolder, number: int) -> None:
    commit(run, 1)
    for n in range(1, 200):
        counting = Counting(n, number)
        with pytest.MonkeyPatch.context() as patch:
            for name in ("fsync", "replace", "open", "mkdir"):
                patch.setattr(os, name, counting.wrap(getattr(os, name)))
            try:
                commit(run, 2)
            except WriteError:
                pass
            else:
                if counting.calls < n:
                    break  # every operation had its turn
        checkpoint, errors = checkpoints.newest(run)
        assert checkpoint is not None
        assert checkpoint.epoch in (1, 2)  # 2 when only the folder's own sync failed
        assert not errors
        assert not list(run.checkpoint.glob(".tmp-*"))
    else:
        pytest.fail("the loop never reached the end of a commit")
    assert n > 5
    assert checkpoints.last(run).epoch == 2


HOLD = """
import sys, time
from pathlib import Path
from zoo import checkpoints
from zoo.runs import RunFolder
with checkpoints.lock(RunFolder(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_trainer_is_refused_and_a_killed_one_lets_go(run: RunFolder) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(run.path)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RunError, match="is being trained by another process"), checkpoints.lock(run):
            pass
    finally:
        holder.kill()
        holder.communicate()
    with checkpoints.lock(run):
        pass


def test_a_run_is_locked_while_its_trainer_lives(run: RunFolder) -> None:
    assert not run.is_locked() and not run.checkpoint.exists(), "asking makes nothing"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(run.path)], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert run.is_locked()
    finally:
        holder.kill()
        holder.communicate()
    assert not run.is_locked() and run.lock.exists()


def test_a_trainer_can_begin_while_others_ask_whether_the_run_is_locked(run: RunFolder) -> None:
    over, asked = threading.Event(), 0

    def ask() -> None:
        nonlocal asked
        while not over.is_set():
            run.is_locked()
            asked += 1

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(50):
            with checkpoints.lock(run):
                pass
    finally:
        over.set()
        asking.join()
    assert asked > 50


def test_what_a_killed_trainer_left_half_made_is_swept_under_the_lock(run: RunFolder) -> None:
    commit(run, 1)
    (run.checkpoint / ".tmp-000002-1-ab").mkdir()
    (run.path / ".history.h5.1.ab.tmp").write_bytes(b"half")
    (run.checkpoint / ".manifest.json.1.ab.tmp").write_bytes(b"half")
    with checkpoints.lock(run):
        assert not list(run.path.rglob("*tmp*"))
    assert checkpoints.last(run).epoch == 1
