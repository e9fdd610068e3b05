"""The run format: what is written is read back, and nothing else is read."""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from zoo import runs
from zoo.errors import FileRefused, RunError, WriteError
from zoo.runs import History, RunFolder, atomic_write, find_runs, pack_history, unpack_history

KEY = "history/epoch/train_loss"


@pytest.fixture
def history() -> History:
    images = np.arange(2 * 10 * 4 * 4, dtype=np.uint8).reshape(2, 10, 1, 4, 4)
    return History(
        meta={"recipe": "purdue/conv", "seed": 0, "state": "finished"},
        arrays={
            runs.TRAIN_LOSS: np.array([0.3, float("nan")]),
            runs.VAL_LOSS: np.array([0.4, 0.2]),
            runs.STEP_LOSS: np.zeros(0, np.float32),
            runs.EPOCH_RECONSTRUCTIONS: images,
            "metrics/mse": np.array([0.01]),
            "baselines/pca/mse": np.array([0.02]),
            "baselines/noisy-input/mse": np.array([0.03]),
        },
    )


def test_a_history_comes_back_as_it_was_packed(history: History) -> None:
    back = unpack_history(pack_history(history), source="h")
    assert back.meta == {**history.meta, "format": "aezoo/1"}
    assert back.arrays.keys() == history.arrays.keys()
    for key, array in history.arrays.items():
        np.testing.assert_array_equal(back.arrays[key], array)
    assert back.epochs == 2
    assert back.metrics() == {"mse": 0.01}
    assert back.baselines() == {"pca": {"mse": 0.02}, "noisy-input": {"mse": 0.03}}


def test_equal_histories_give_equal_bytes_whenever_they_are_packed(history: History) -> None:
    before = pack_history(history)
    time.sleep(1.1)  # HDF5 would note the second
    assert pack_history(history) == before


def test_every_data_set_carries_a_checksum_and_no_attribute(history: History) -> None:
    seen = []
    with h5py.File(io.BytesIO(pack_history(history)), "r") as file:
        file.visititems(lambda name, item: seen.append((name, len(item.attrs), getattr(item, "fletcher32", True))))
    assert len(seen) > len(history.arrays)
    assert all(attributes == 0 and summed for _, attributes, summed in seen)


def test_a_newer_format_is_refused_with_a_sentence(history: History) -> None:
    data = pack_history(history).replace(b'"aezoo/1"', b'"aezoo/2"')
    with pytest.raises((RunError, FileRefused)):
        unpack_history(data, source="h")  # the checksum notices a patched file


def test_a_newer_format_that_was_written_properly_asks_for_an_update(
    monkeypatch: pytest.MonkeyPatch, history: History
) -> None:
    monkeypatch.setattr(runs, "FORMAT", "aezoo/2")
    data = pack_history(history)
    monkeypatch.undo()
    with pytest.raises(RunError, match=r"format 'aezoo/2', this program reads 'aezoo/1': update aezoo"):
        unpack_history(data, source="h")


def crafted(build: Callable[[h5py.File], None], keys: list[str] | None = None) -> bytes:
    """A file that a stranger made: our meta, and whatever `build` puts at KEY."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("v110", "v110")) as file:
        meta = json.dumps({"format": "aezoo/1", "keys": keys or [KEY]}).encode()
        file["meta"] = np.frombuffer(meta, np.uint8)
        file.create_group("history/epoch")
        build(file)
    return buffer.getvalue()


def _external_storage(file: h5py.File) -> None:
    file.create_dataset(KEY, (2,), "f8", external=[("/etc/passwd", 0, 16)])


def _external_link(file: h5py.File) -> None:
    file[KEY] = h5py.ExternalLink("/etc/passwd", "/x")


def _soft_link(file: h5py.File) -> None:
    file[KEY] = h5py.SoftLink("/meta")


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(4,))
    file.create_virtual_dataset(KEY, layout)


def _huge(file: h5py.File) -> None:
    file.create_dataset(KEY, (10**6, 10**6), "f8", chunks=(1000, 1000))


def _huge_chunk(file: h5py.File) -> None:
    file.create_dataset(KEY, (1 << 26,), "f8", chunks=(1 << 26,), compression="gzip")


def _text(file: h5py.File) -> None:
    file[KEY] = np.array([b"x" * 8])


def _group(file: h5py.File) -> None:
    file.create_group(KEY)


def _deep(file: h5py.File) -> None:
    file.create_dataset(KEY, (1,) * 8, "f8")


@pytest.mark.parametrize(
    "build", [_external_storage, _external_link, _soft_link, _virtual, _huge, _huge_chunk, _text, _group, _deep]
)
def test_what_a_writer_of_ours_would_not_write_is_not_read(build: Callable[[h5py.File], None]) -> None:
    with pytest.raises(FileRefused, match=r"^h"):
        unpack_history(crafted(build), source="h")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(FileRefused, match=r"unknown data set '\.\./\.\./etc/passwd'"):
        unpack_history(crafted(lambda file: None, keys=["../../etc/passwd"]), source="h")


def test_an_older_hdf5_layout_and_other_files_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["x"] = 1
    with pytest.raises(FileRefused, match="older layout"):
        unpack_history(buffer.getvalue(), source="h")
    with pytest.raises(FileRefused, match="not an HDF5 file"):
        unpack_history(b"hello", source="h")


def test_a_truncated_history_is_refused_wherever_it_was_cut(history: History) -> None:
    data = pack_history(history)
    for length in range(0, len(data), max(1, len(data) // 60)):
        with pytest.raises(FileRefused):
            unpack_history(data[:length], source="h")


MUTATE = """
import sys, numpy as np
from zoo.errors import AezooError
from zoo.runs import unpack_history
data = bytearray(sys.stdin.buffer.read())
rng = np.random.default_rng(7)
refused = 0
for _ in range(400):
    mutant = bytearray(data)
    for position in rng.integers(0, len(mutant), rng.integers(1, 9)):
        mutant[position] = rng.integers(0, 256)
    try:
        unpack_history(bytes(mutant), source="h")
    except AezooError:
        refused += 1
print(refused)
"""


def test_mutated_histories_are_read_or_refused_and_nothing_else_happens(history: History) -> None:
    done = subprocess.run([sys.executable, "-c", MUTATE], input=pack_history(history), capture_output=True, timeout=600)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert int(done.stdout) > 200


# ---- writing -------------------------------------------------------------------------------------------------


def test_a_file_is_written_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    atomic_write(tmp_path / "a" / "file", b"one")
    atomic_write(tmp_path / "a" / "file", b"two")
    assert (tmp_path / "a" / "file").read_bytes() == b"two"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file"]


class FailingAt:
    """Wraps one operation of the operating system: its n-th call fails."""

    def __init__(self, operation: Callable[..., Any], n: int, number: int) -> None:
        self.operation, self.n, self.number, self.calls = operation, n, number, 0

    def __call__(self, *args: Any, **more: Any) -> Any:
        self.calls += 1
        if self.calls == self.n:
            raise OSError(self.number, os.strerror(self.number))
        return self.operation(*args, **more)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize(("module", "name"), [(os, "fsync"), (os, "replace"), (builtins, "open")])
def test_the_file_before_survives_whichever_operation_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, number: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    monkeypatch.setattr(module, name, FailingAt(getattr(module, name), 1, number))
    with pytest.raises(WriteError, match="could not write") as caught:
        atomic_write(path, b"after")
    monkeypatch.undo()
    assert caught.value.errno == number
    assert caught.value.exit_code == 74
    assert path.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_is_said_in_one_sentence_with_the_megabytes_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", FailingAt(os.fsync, 1, errno.ENOSPC))
    with pytest.raises(WriteError) as caught:
        atomic_write(tmp_path / "file", b"x" * 2_500_000)
    assert "the disk is full; free 2.5 MB" in str(caught.value)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EDQUOT, "your disk quota is used up; free some space or choose another folder"),
        (errno.EACCES, "you may not write there; choose another folder"),
        (errno.EPERM, "you may not write there; choose another folder"),
        (errno.EROFS, "that disk is read-only; choose another folder"),
        (errno.EISDIR, "a folder stands there; move it away or choose another folder"),
        (errno.EEXIST, "something else stands there; move it away or choose another folder"),
        (errno.ENOTDIR, "a part of that path is a file; choose another folder"),
        (errno.EIO, "input/output error"),
    ],
)
def test_what_the_system_says_becomes_what_to_do(number: int, remedy: str) -> None:
    error = runs.as_write_error(Path("a/b"), OSError(number, os.strerror(number)), size=0)
    assert str(error) == f"could not write a/b: {remedy}. What stood there is unchanged"
    assert (error.errno, error.exit_code) == (number, 74)


def test_a_link_stays_a_link_and_what_it_leads_to_is_written_but_never_a_pipe_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"before")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    atomic_write(tmp_path / "link", b"after")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"after"
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "."):
        with pytest.raises(WriteError, match="what stands there is no regular file; choose another folder"):
            atomic_write(tmp_path / name, b"x")


def test_several_files_are_written_in_their_order_and_leave_no_half_written_ones(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for name in (".a.onnx.1.2.tmp", "inner/.b.1.2.tmp", ".other.1.2.tmp"):
        (tmp_path / name).write_bytes(b"half")
    runs.write_all(tmp_path, {"a.onnx": b"1", "inner/b": b"2"}, {})
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"a.onnx", "inner/b", ".other.1.2.tmp"}
    with pytest.raises(FileRefused, match=r"inner/b was not written by aezoo"):
        runs.write_all(tmp_path, {"new": b"", "inner/b": b"3"}, {})
    assert not (tmp_path / "new").exists() and (tmp_path / "inner" / "b").read_bytes() == b"2"


# ---- finding -------------------------------------------------------------------------------------------------


def test_runs_are_found_at_any_depth_and_links_are_not_followed(tmp_path: Path) -> None:
    for name in ("purdue/conv", "demo/purdue/dense"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model.onnx").write_bytes(b"")
    (tmp_path / "purdue" / "loop").symlink_to(tmp_path)
    assert [str(run.path.relative_to(tmp_path)) for run in find_runs(tmp_path)] == ["demo/purdue/dense", "purdue/conv"]


def test_a_folder_without_a_history_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="train it with `aezoo train`"):
        RunFolder(tmp_path).read_history()


def test_hidden_folders_and_those_too_deep_hold_no_runs_and_a_history_alone_is_one(tmp_path: Path) -> None:
    for name in ("a/b/c/d", "a/b/c/.d", "a/b/e/f/g", ".hidden/a", "z"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "history.h5").write_bytes(b"")
    (tmp_path / "z" / "inside").mkdir()
    (tmp_path / "z" / "inside" / "model.onnx").write_bytes(b"")
    assert [run.path.relative_to(tmp_path).as_posix() for run in find_runs(tmp_path)] == ["a/b/c/d", "z"]
    assert [run.path for run in find_runs(tmp_path / "z")] == [tmp_path / "z"]
    assert find_runs(tmp_path / "absent") == []


@pytest.mark.parametrize(
    ("meta", "sentence"),
    [
        ([], "has no aezoo format mark"),
        ({"keys": []}, "has no aezoo format mark"),
        ({"format": 1, "keys": []}, "has no aezoo format mark"),
        ({"format": "aezoo/1"}, "does not list its data sets"),
        ({"format": "aezoo/1", "keys": {}}, "does not list its data sets"),
        ({"format": "aezoo/1", "keys": [KEY] * 513}, "does not list its data sets"),
        ({"format": "aezoo/1", "keys": [7]}, "lists the unknown data set '7'"),
        ({"format": "aezoo/1", "keys": [f"{KEY}/more"]}, "lists the unknown data set"),
        ({"format": "aezoo/1", "keys": ["metrics/MSE"]}, "lists the unknown data set"),
        ({"format": "aezoo/1", "keys": [KEY]}, "/history/epoch/train_loss is not in it; expected a history.h5"),
    ],
)
def test_a_meta_that_is_not_ours_has_its_sentence(meta: object, sentence: str) -> None:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("v110", "v110")) as file:
        file["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
        file.create_group("history/epoch")
    with pytest.raises(FileRefused, match=f"^h .*{sentence}|^h: {sentence}"):
        unpack_history(buffer.getvalue(), source="h")


def test_pictures_are_packed_small_and_one_epoch_at_a_time(history: History) -> None:
    pictures = np.zeros((3, 10, 1, 28, 28), np.uint8)
    data = pack_history(History(history.meta, {runs.EPOCH_RECONSTRUCTIONS: pictures, runs.TRAIN_LOSS: np.zeros(3)}))
    assert len(data) < pictures.nbytes / 2
    with h5py.File(io.BytesIO(data), "r") as file:
        assert file[runs.EPOCH_RECONSTRUCTIONS].chunks == (1, 10, 1, 28, 28)
        assert file[runs.TRAIN_LOSS].compression is None


def test_a_figure_that_is_none_or_not_finite_is_none_and_only_single_values_are_figures(history: History) -> None:
    assert [runs.finite(value) for value in (0.0, -1.5, None, float("nan"), float("-inf"))] == [
        0.0,
        -1.5,
        None,
        None,
        None,
    ]
    odd = History(
        history.meta, {"metrics/mse": np.zeros(1), "metrics/bce": np.zeros(2), "metrics/psnr": np.zeros((1, 1))}
    )
    assert (odd.metrics(), odd.baselines(), odd.epochs) == ({"mse": 0.0}, {}, 0)


def test_what_a_training_makes_stale_is_every_graph_and_the_card_and_nothing_else(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    names = ("model.onnx", "encoder.onnx", "decoder.onnx", "model_fp16.onnx", "card.json", "history.h5", "README.md")
    for name in names:
        (tmp_path / name).write_bytes(b"")
        if name not in ("history.h5", "README.md"):
            (tmp_path / name).write_bytes(b"a stranger's")
            with pytest.raises(FileRefused, match=f"{name} was not written by aezoo"):
                run.check_overwritable()
            (tmp_path / name).write_bytes(b"")
    run.check_overwritable()
    run.delete_exports()
    assert {path.name for path in tmp_path.iterdir()} == {"history.h5", "README.md"}


def test_a_history_that_declares_more_than_all_histories_hold_is_refused_before_it_is_read(tmp_path: Path) -> None:
    import io

    import h5py

    keys = [f"metrics/m{number}" for number in range(40)]
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("v110", "v110")) as file:
        for key in keys:  # none of it is in the file
            file.create_dataset(key, shape=(1 << 24,), dtype="f8", chunks=(1 << 20,))
        meta = np.frombuffer(json.dumps({"format": runs.FORMAT, "keys": keys}).encode(), np.uint8)
        file.create_dataset("meta", data=meta)
    data = buffer.getvalue()
    assert len(data) < 1 << 20
    with pytest.raises(FileRefused, match=r"m2 declares the shape .*, more than a history can hold"):
        runs.unpack_history(data, source="h")
    assert runs.unpack_history(data, source="h", only=("terms/",)).arrays == {}
