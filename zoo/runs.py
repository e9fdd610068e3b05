"""The run format: where a run's files lie, what history.h5 holds, how a file is written.

Training and export write runs, the viewer reads them, and nothing else is agreed between them. Only numpy and h5py are
needed, and h5py only inside the two functions that touch HDF5: the viewer's window imports this module without it.

Keys of `history.h5`, format `aezoo/1`; every data set carries a Fletcher-32 sum and no attributes are used:

    meta                                    (n,) uint8      JSON: format, keys of all other data sets, state (Status),
                                                            recipe, seed, epochs and more, see train/writer.py
    history/epoch/train_loss  val_loss      (E,) float64    the objective's mean over the split
    history/epoch/learning_rate  seconds    (E,) float64    at the epoch's end; wall clock
    history/step/loss                       (S,) float32    the objective of every batch
    terms/<name>                            (E,) float64    the objective's parts on the training split
    metrics/<metric>                        (1,) float64    mse psnr ssim bce on the test split, on [0, 1] pixels; of
                                                            classifiers accuracy; of generators their diversity
    baselines/<name>/<metric>               (1,) float64    the same for each baseline
    samples/inputs  targets  reconstructions    (10, C, H, W) uint8     the first ten of the test split
    samples/epochs/reconstructions          (E, 10, C, H, W) uint8      the same after each epoch
    grids/<grid>/images                     (N, C, H, W) uint8          decoded images; plane, extreme: row-major
    grids/<grid>/points                     (N, 2) float32              the latent points they were decoded from
    grids/<grid>/verdicts  labels           (N,) int64                  labels predicted by a classifier; true labels
    grids/<grid>/inputs  targets            (N, C, H, W) uint8          network inputs; targets
"""

from __future__ import annotations

import errno
import glob
import io
import json
import math
import os
import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zoo import gate
from zoo.errors import FileRefused, RunError, WriteError, first_line, reason
from zoo.ownership import JOURNAL, Sums, check_overwritable, journal, listed_in

if TYPE_CHECKING:
    import h5py

FORMAT = "aezoo/1"
GRAPHS = ("model", "encoder", "decoder")
FP16_MODEL = "model_fp16.onnx"  # the model graph with float16 weights
Status = Literal["training", "finished", "failed", "quick"]  # of a run; the key `state` of the history's meta
QUICK: Status = "quick"  # trained with a tiny budget (--quick): the metrics mean nothing
METRICS = ("mse", "psnr", "ssim", "bce")
SAMPLES = 10

TRAIN_LOSS = "history/epoch/train_loss"
VAL_LOSS = "history/epoch/val_loss"
LEARNING_RATE = "history/epoch/learning_rate"
SECONDS = "history/epoch/seconds"
STEP_LOSS = "history/step/loss"
SAMPLE_INPUTS = "samples/inputs"
SAMPLE_TARGETS = "samples/targets"
SAMPLE_RECONSTRUCTIONS = "samples/reconstructions"
EPOCH_RECONSTRUCTIONS = "samples/epochs/reconstructions"

# Keys of meta in a history that was thinned: which epochs have pictures, and whose the sample pictures are.
PICTURED_EPOCHS = "pictured_epochs"
SAMPLES_PROVENANCE = "samples_provenance"

_NAME = r"[a-z0-9][a-z0-9_.-]{0,63}"
_KEY = re.compile(
    rf"history/epoch/(train_loss|val_loss|learning_rate|seconds)|history/step/loss|terms/{_NAME}"
    rf"|metrics/{_NAME}|baselines/{_NAME}/{_NAME}|samples/(inputs|targets|reconstructions)"
    rf"|samples/epochs/reconstructions|grids/{_NAME}/(images|points|verdicts|labels|inputs|targets)"
)
_MAX_KEYS = 512
_MAX_META_BYTES = 1 << 20
MAX_ELEMENTS = 1 << 26  # of the pictures of all epochs
MAX_BYTES = 1 << 28  # of all data sets, as they are declared: none of it need be in the file
_MAX_RANK = 5


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run, `<root>/<assignment>/<recipe>`, and the paths inside it."""

    path: Path

    @classmethod
    def of(cls, root: Path, recipe_name: str) -> RunFolder:
        return cls(root / recipe_name)

    def graph(self, name: str) -> Path:
        assert name in GRAPHS, name
        return self.path / f"{name}.onnx"

    @property
    def fp16_model(self) -> Path:
        """The model graph with its weights as float16, where one was asked for."""
        return self.path / FP16_MODEL

    @property
    def card(self) -> Path:
        return self.path / "card.json"

    @property
    def history(self) -> Path:
        return self.path / "history.h5"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint"

    @property
    def lock(self) -> Path:
        """The file that the trainer of this run holds a lock on."""
        return self.checkpoint / "lock"

    def is_locked(self) -> bool:
        """Whether a trainer holds the run now: tries a shared lock and releases it at once."""
        if sys.platform == "win32":
            return self.lock.exists()  # Windows has no shared lock, so that a leftover file counts as locked
        import fcntl

        try:
            with open(os.open(self.lock, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno == errno.EWOULDBLOCK
        return False

    @property
    def is_run(self) -> bool:
        return self.history.is_file() or self.graph("model").is_file()

    def delete_exports(self) -> None:
        """Delete graphs and card: they belong to older weights. Call `check_overwritable` before. Raises WriteError."""
        for path in self._exported:
            remove(path)

    def check_overwritable(self) -> None:
        """Raise FileRefused where a file of somebody else's has the name of a graph or the card."""
        names = (path.relative_to(self.path).as_posix() for path in self._exported)
        check_overwritable(self.path, dict.fromkeys(names, b""))  # for any new bytes

    @property
    def _exported(self) -> list[Path]:
        vectors = sorted((self.path / "test").glob("*"))  # of a run whose recipe stands in a file of the user's
        return [*map(self.graph, GRAPHS), self.fp16_model, self.card, *vectors]

    def read_history(self, only: Sequence[str] = ("",)) -> History:
        """Read history.h5, or of it the keys that begin so; raise RunError or FileRefused with the sentence for it."""
        if not self.history.is_file():
            raise RunError(f"no run in {self.path}: history.h5 is not there; train it with `aezoo train`")
        data = gate.read_bytes(self.history, limit=gate.MAX_HDF5_BYTES)
        return unpack_history(data, source=str(self.history), only=only)


def finite(value: float | None) -> float | None:
    """Return the value, or None where it is not finite: JSON has no such numbers."""
    return value if value is not None and math.isfinite(value) else None


def find_runs(root: Path, *, depth: int = 4) -> list[RunFolder]:
    """Return the runs under `root` (itself included), sorted by path; links are not followed."""
    run = RunFolder(root)
    if run.is_run or depth == 0:
        return [run] if run.is_run else []
    try:
        folders = sorted(Path(entry.path) for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []  # a folder that went away or may not be read holds no runs
    return [run for path in folders if path.name[0] != "." for run in find_runs(path, depth=depth - 1)]


def loose_graphs(folder: Path) -> list[Path]:
    """Return the .onnx files in a folder that is no run, however their ending is written."""
    if RunFolder(folder).is_run:
        return []
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".onnx" and path.is_file())
    except OSError:
        return []


def atomic_write(path: Path, data: bytes | memoryview) -> None:
    """Put `data` at `path` whole or not at all; every file of a run is written by this function.

    The bytes go to a new file in the same folder, reach the disk, and take the name in one step. Raises WriteError;
    what stood at `path` before is then untouched and nothing is left beside it.
    """
    path = Path(os.path.realpath(path))  # a link stays, and what it leads to is written
    if path.exists() and not path.is_file():
        raise WriteError(f"could not write {path}: what stands there is no regular file; choose another folder")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise as_write_error(path, error, size=memoryview(data).nbytes) from error


def write_all(folder: Path, files: Mapping[str, bytes], listed: Sums | None = None, *, overwrite: bool = False) -> None:
    """Write files (path below the folder → bytes) in their order, once none of them would replace somebody else's.

    `listed` holds the sums of those that aezoo wrote; by default they are card.json's. After a kill in the middle
    a journal says which files were being written. Only one process may write into a folder at a time. Raises
    FileRefused and WriteError.
    """
    known = listed_in(folder) if listed is None else listed
    existing_sums = check_overwritable(folder, files, known, overwrite=overwrite)
    for path in (folder / name for name in (*files, JOURNAL)):
        for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):  # by a kill, half written
            remove(left)
    atomic_write(folder / JOURNAL, journal(known, existing_sums, files))
    for name, data in files.items():
        atomic_write(folder / name, data)
    remove(folder / JOURNAL)


def remove(path: Path) -> None:
    """Remove a file if it is there. Raises WriteError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise as_write_error(path, error, size=0) from error


def as_write_error(path: Path, error: OSError, *, size: int) -> WriteError:
    """Return the WriteError for an OSError met on writing `size` bytes at `path`."""
    remedy = {
        errno.ENOSPC: f"the disk is full; free {size / 1e6:.1f} MB or choose another folder",
        errno.EDQUOT: "your disk quota is used up; free some space or choose another folder",
        errno.EACCES: "you may not write there; choose another folder",
        errno.EPERM: "you may not write there; choose another folder",
        errno.EROFS: "that disk is read-only; choose another folder",
        errno.EISDIR: "a folder stands there; move it away or choose another folder",
        errno.EEXIST: "something else stands there; move it away or choose another folder",
        errno.ENOTDIR: "a part of that path is a file; choose another folder",
    }.get(error.errno or 0, reason(error))
    return WriteError(f"could not write {path}: {remedy}. What stood there is unchanged", errno=error.errno)


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` reach the disk."""
    if os.name == "nt":
        return  # Windows has no handle for a folder's entries
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class History:
    """What history.h5 holds: `meta` is a JSON object, `arrays` maps the keys above to numpy arrays."""

    meta: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    @property
    def epochs(self) -> int:
        """Epochs done so far."""
        return len(self.arrays.get(TRAIN_LOSS, ()))

    def metrics(self) -> dict[str, float]:
        """The test metrics by name; empty while the run is being trained."""
        return self._values("metrics/")

    def baselines(self) -> dict[str, dict[str, float]]:
        """The metrics of every baseline, by its name."""
        table: dict[str, dict[str, float]] = {}
        for key, value in self._values("baselines/").items():
            name, metric = key.split("/")
            table.setdefault(name, {})[metric] = value
        return table

    def _values(self, prefix: str) -> dict[str, float]:
        return {
            key.removeprefix(prefix): float(array[0])
            for key, array in self.arrays.items()
            if key.startswith(prefix) and array.shape == (1,)
        }


def pack_history(history: History, *, level: int = 4) -> bytes:
    """Return history.h5 as bytes, its pictures compressed at a level of gzip; equal histories give equal bytes."""
    import h5py

    arrays = {key: np.ascontiguousarray(array) for key, array in sorted(history.arrays.items())}
    for key, array in arrays.items():
        assert _KEY.fullmatch(key), key
        assert array.ndim >= 1 and array.dtype.kind in "fiu", (key, array.shape, array.dtype)
    meta = {**history.meta, "format": FORMAT, "keys": list(arrays)}
    arrays["meta"] = np.frombuffer(json.dumps(meta, sort_keys=True, allow_nan=False).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver=("v110", "v110")) as file:
        for key, array in arrays.items():
            images = array.dtype == np.uint8 and array.ndim >= 4
            compression = {"compression": "gzip", "compression_opts": level, "shuffle": True} if images else {}
            shape = tuple(max(1, size) for size in array.shape)
            chunks = (1, *shape[1:]) if array.ndim == _MAX_RANK else shape
            options = {"chunks": chunks, "maxshape": shape, "fletcher32": True, "track_times": False}
            file.create_dataset(key, data=array, **options, **compression)
    return buffer.getvalue()


def unpack_history(data: bytes, *, source: str, only: Sequence[str] = ("",)) -> History:
    """Read history.h5 from bytes, asking only for names of the schema; `source` names the file in messages.

    With `only`, the keys that begin so.

    Raises FileRefused for anything that aezoo would not have written, and RunError for a newer format.
    Attributes are never read and links never followed (HDF5 is not made for files from strangers).
    """
    os.environ["HDF5_PLUGIN_PRELOAD"] = "::"
    import h5py

    gate.check_hdf5(data, source=source)
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            meta = _read_meta(file, source)
            keys = [key for key in meta["keys"] if key.startswith(tuple(only))]
            arrays: dict[str, np.ndarray] = {}
            for key in keys:
                left = MAX_BYTES - sum(array.nbytes for array in arrays.values())
                arrays[key] = _read(file, key, source, limit=left)
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, MemoryError) as error:
        message = f"{source} is damaged ({first_line(error)}); train the run again, or restore the file"
        raise FileRefused(message) from error
    del meta["keys"]
    return History(meta, arrays)


def _read_meta(file: h5py.File, source: str) -> dict[str, Any]:
    raw = _read(file, "meta", source, limit=_MAX_META_BYTES)
    meta = json.loads(raw.astype(np.uint8).tobytes().decode())
    if not isinstance(meta, dict) or not isinstance(meta.get("format"), str):
        raise FileRefused(f"{source} has no aezoo format mark; expected a history.h5 written by `aezoo train`")
    if meta["format"] != FORMAT:
        raise RunError(f"{source} has format {meta['format'][:40]!r}, this program reads {FORMAT!r}: update aezoo")
    keys = meta.get("keys")
    if not isinstance(keys, list) or len(keys) > _MAX_KEYS:
        raise FileRefused(f"{source} does not list its data sets; expected a history.h5 written by `aezoo train`")
    for key in keys:
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise FileRefused(f"{source} lists the unknown data set {str(key)[:80]!r}; update aezoo")
    return meta


def _read(file: h5py.File, key: str, source: str, *, limit: int) -> np.ndarray:
    """Read one data set, if it is in this file (no link), uses plain storage and known filters, and is small enough."""
    import h5py

    path = ""
    for part in key.split("/"):
        path = f"{path}/{part}"
        link = file.get(path, getlink=True)
        if link is None:
            raise FileRefused(f"{source}: {path} is not in it; expected a history.h5 written by `aezoo train`")
        if not isinstance(link, h5py.HardLink):
            raise FileRefused(f"{source}: {path} is a link to somewhere else; such files are not opened")
    dataset = file[key]
    if not isinstance(dataset, h5py.Dataset):
        raise FileRefused(f"{source}: {key} is not a data set")
    created = dataset.id.get_create_plist()
    filters = {created.get_filter(index)[0] for index in range(created.get_nfilters())}
    known = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
    plain = dataset.external is None and not dataset.is_virtual and filters <= known
    if not plain or dataset.dtype.kind not in "fiu" or dataset.dtype.itemsize > 8:
        raise FileRefused(f"{source}: {key} is stored in a way that aezoo does not write; it is not opened")
    if dataset.ndim not in range(1, _MAX_RANK + 1) or dataset.nbytes > limit:
        raise FileRefused(f"{source}: {key} declares the shape {dataset.shape}, more than a history can hold")
    chunk = dataset.chunks or dataset.shape
    if int(np.prod(chunk, dtype=np.float64)) * dataset.dtype.itemsize > 1 << 28:
        raise FileRefused(f"{source}: {key} declares chunks of {chunk}, more than a history can hold")
    return np.asarray(dataset[()])
