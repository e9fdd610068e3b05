"""Pictures of the user's own as the images of a recipe (`--images PATH`): scaled, turned grey or RGB, split, cached.

Whatever lies there (own_files.py) becomes one array of bytes in the recipe's shape; what cannot be read is left out, as
long as it is at most 1 %. The array is kept in the user's cache under the sum of all it was made from.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from zoo.cli import say
from zoo.data import fit, own_files, pictures
from zoo.data.fetch import cache_folder
from zoo.data.images import Images
from zoo.data.own_files import MOST_BYTES, PictureSource
from zoo.data.splits import SHUFFLED, SPLIT_SEED, Splits
from zoo.errors import DataError, WriteError
from zoo.runs import atomic_write, remove

PREFIX = "images="  # of the data set's name: no data set of the zoo is called so
LEAST = 20  # pictures: 16 to learn from, 2 to watch, 2 to test
MOST_UNREADABLE = 0.01
SHARPER = 4  # times as many pixels a side as are wanted are left of a picture that is reduced while it is decoded
CACHE_BYTES = 8 << 30
GIVEN = "as given"  # a split that the user made
THREADS = min(4, os.cpu_count() or 1)

Shape = tuple[int, int, int]


def name_of(path: Path) -> str:
    """Return what a run on these pictures is named after: the folder's or file's name, made safe."""
    stem = re.sub(r"(-images)?-idx3-ubyte(\.gz)?$|\.(npz|npy|zip)$", "", path.name)
    ascii_only = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "-", ascii_only).strip("-.")[:40]
    return re.sub("-sample$", "_sample", safe) or "pictures"


def absolute(path: str) -> Path:
    """Return a path that a process in another folder finds, too. Raises DataError."""
    try:
        return Path(os.path.abspath(Path(path).expanduser()))
    except RuntimeError as error:
        raise DataError(f"--images names {path!r}, and there is no such user; name a folder or a file") from error


_held: dict[tuple[Path, Shape], Splits] = {}  # those of the last call


def load(path: Path, shape: Shape, *, show: bool = False) -> Splits:
    """Return the pictures that lie there as images of a shape, in their own splits or cut 80/10/10 by a fixed seed.

    `show` tells on stderr what is read. Raises DataError.
    """
    if (path, shape) not in _held:
        _held.clear()
        _held[path, shape] = _load(path, shape, show=show)
    return _held[path, shape]


def _load(path: Path, shape: Shape, *, show: bool) -> Splits:
    source = own_files.find(path)
    check_memory(source, shape)
    order = _order(source)
    pixels, unreadable = _decoded(source, shape, order, show=show)
    check_readable(source, unreadable)
    if unreadable and show:
        say(f"{_some(source, unreadable)} cannot be read and {'is' if len(unreadable) == 1 else 'are'} left out")
    rows = order[~np.isin(order, unreadable)]
    name = name_of(path)
    provenance = f"own pictures: {len(rows):,} of {name}" + (f", {len(unreadable)} left out" if unreadable else "")
    everything = Images(PREFIX + name, "train", pixels, source.labels[rows], provenance, "not stated", source.classes)
    return _cut(source, everything, source.splits[rows])


def _order(source: PictureSource) -> np.ndarray:
    """Return the rows of the source as they are split: shuffled by the fixed seed, but arrays with splits as given."""
    random = np.random.default_rng(SPLIT_SEED)
    if not source.splits[0]:
        return random.permutation(len(source))
    parts = [np.flatnonzero(source.splits == split) for split in ("train", "val", "test")]
    return np.concatenate([random.permutation(part) if source.in_files else part for part in parts])


def _cut(source: PictureSource, images: Images, splits: np.ndarray) -> Splits:
    """Cut images in their order into splits. Raises DataError where one has too few."""
    count = len(images)
    sizes = {split: int(np.sum(splits == split)) for split in ("train", "val", "test")}
    if not splits[0]:
        first, second = round(0.8 * count), round(0.9 * count)
        sizes = {"train": first, "val": second - first, "test": count - second}
    elif not sizes["test"]:  # the split to watch is that to test, as where a sheet has no other
        sizes = {"train": sizes["train"], "val": 0, "test": sizes["val"]}
    if count < LEAST or sizes["train"] < 2 or sizes["test"] < 2:
        found = ", ".join(f"{size} in {split}" for split, size in sizes.items()) if splits[0] else f"{count} in all"
        raise DataError(f"{source.path} holds too few pictures ({found}); expected {LEAST} or more, and 2 in a split")
    ends = np.cumsum(list(sizes.values()))
    parts = {
        split: images.part(split, slice(end - size, end))
        for (split, size), end in zip(sizes.items(), ends.tolist(), strict=True)
        if size
    }
    return Splits(parts["train"], parts["test"], parts.get("val"), cut=GIVEN if splits[0] else SHUFFLED)


def classes_of(source: PictureSource, recipe: str) -> tuple[str, ...]:
    """Return the classes that a classifier is to tell apart. Raises DataError where it cannot learn to."""
    path = source.path
    if source.kinds > len(source.classes):
        most = own_files.MOST_CLASSES
        raise DataError(f"{path} has {source.kinds:,} classes; {recipe} can tell at most {most} apart")
    if len(source.classes) < 2:
        raise DataError(
            f"{recipe} tells classes apart, and {path} has {'one' if source.classes else 'none'}; "
            f"expected a folder for each class, or labels"
        )
    for split in ("test", "val"):
        unknown = set(source.labels[source.splits == split]) - set(source.labels[source.splits == "train"])
        if unknown:
            names = ", ".join(source.classes[label] for label in sorted(unknown)[:3])
            raise DataError(
                f"{path} has {names} in {split} only; {recipe} can learn what is in train, so put some there"
            )
    return source.classes


# ---- bounds ------------------------------------------------------------------------------------------------------


def check_memory(source: PictureSource, shape: Shape) -> None:
    """Raise DataError where decoded pictures would take more memory than is allowed."""
    need, most = len(source) * math.prod(shape), most_bytes()
    if need > most:
        raise DataError(
            f"{source.path} holds {len(source):,} pictures, which take {need / 1e9:,.1f} GB as {size_of(shape)}; "
            f"at most {most / 1e9:,.1f} GB are taken here: name a part of them"
        )


def most_bytes() -> int:
    """Return how much memory the pictures of a data set may take: half of the machine's, at most 4 GiB."""
    try:
        half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):  # Windows
        half = MOST_BYTES
    return min(MOST_BYTES, half)


def check_readable(source: PictureSource, unreadable: Sequence[int]) -> None:
    """Raise DataError where more than 1 % of the pictures could not be read."""
    if len(unreadable) > MOST_UNREADABLE * len(source):
        raise DataError(
            f"{source.path}: {_some(source, unreadable)} of {len(source):,} pictures cannot be read, more than 1 %; "
            f"move them away, or see `aezoo data show`"
        )


def _some(source: PictureSource, rows: Sequence[int]) -> str:
    """Return how many pictures these are, with the names of at most three."""
    names = ", ".join(source.names[row] for row in rows[:3])
    return f"{len(rows):,} ({names}{', …' if len(rows) > 3 else ''})"


def size_of(shape: Shape) -> str:
    """Return a shape as '28×28 grey' or '32×32 RGB'."""
    channels, height, width = shape
    return f"{width}×{height} {'grey' if channels == 1 else 'RGB'}"


# ---- decoding ----------------------------------------------------------------------------------------------------


def decode(source: PictureSource, row: int, shape: Shape) -> np.ndarray:
    """Return a picture as uint8 (C, H, W). Raises DataError."""
    return fitted(source.read(row, SHARPER * max(shape)), shape)


def fitted(picture: np.ndarray, shape: Shape) -> np.ndarray:
    """Return a picture (H, W, 3) as uint8 (C, H, W): its middle, scaled by area."""
    image, _ = fit.fit_to_shape(picture, shape)
    return np.round(255 * image).astype(np.uint8)


def _decoded(source: PictureSource, shape: Shape, order: np.ndarray, *, show: bool) -> tuple[np.ndarray, list[int]]:
    """Return the pictures in that order, uint8 (N, C, H, W), without those rows that cannot be read; and these."""
    from PIL import Image

    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    with bar(show) as advance:
        name = _cache_key(source, shape, order, advance)
        kept = _read_cache(name, shape)
        if kept is not None:
            return kept
        if show:
            need = f"{len(source) * math.prod(shape) / 1e6:,.0f} MB of memory"
            say(f"reading {len(source):,} pictures of {source.path} as {size_of(shape)}: {need}")
        pixels, failed = np.empty((len(source), *shape), np.uint8), list[int]()

        def one(position: int) -> None:
            try:
                pixels[position] = decode(source, int(order[position]), shape)
            except DataError:
                failed.append(position)
            advance("reading", len(source))

        with ThreadPoolExecutor(THREADS) as threads:
            try:
                for _ in threads.map(one, range(len(source))):
                    pass
            except BaseException:
                threads.shutdown(cancel_futures=True)
                raise
    if failed:
        good = np.setdiff1d(np.arange(len(source)), failed)
        for to, position in enumerate(good):  # within the array itself
            pixels[to] = pixels[position]
        pixels = pixels[: len(good)]
    unreadable = sorted(int(order[position]) for position in failed)
    _write_cache(name, pixels, unreadable)
    return pixels, unreadable


@contextmanager
def bar(show: bool) -> Iterator[Callable[[str, int], None]]:
    """Show on stderr how far reading is, where it is a terminal; yield what counts one more of a phase."""
    from rich.console import Console
    from rich.progress import Progress, TaskID

    console = Console(stderr=True)
    with Progress(console=console, disable=not (show and console.is_terminal), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(phase: str, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=total)
            bars.advance(tasks[phase])

        yield advance


# ---- the cache ---------------------------------------------------------------------------------------------------


def _cache_key(source: PictureSource, shape: Shape, order: np.ndarray, advance: Callable[[str, int], None]) -> str:
    """Return the sum of all that the decoded array is made from, this code included."""

    def one(row: int) -> bytes:
        advance("comparing with the cache", len(source))
        try:
            return hashlib.sha256(source.content(row)).digest()
        except (OSError, DataError) as error:
            return str(error).encode()

    digest = hashlib.sha256(repr((shape, order.tolist())).encode())
    for module in (fit.__file__, pictures.__file__, own_files.__file__, __file__):
        digest.update(Path(module).read_bytes())
    with ThreadPoolExecutor(THREADS) as threads:
        for part in threads.map(one, range(len(source))):
            digest.update(part)
    return digest.hexdigest()[:32]


def _cache_paths(name: str) -> tuple[Path, Path]:
    folder = cache_folder() / "pictures"
    return folder / f"{name}.json", folder / f"{name}.pixels"


def _read_cache(name: str, shape: Shape) -> tuple[np.ndarray, list[int]] | None:
    """Return what was decoded before; None where it is not there or damaged."""
    about, data = _cache_paths(name)
    with suppress(OSError, ValueError, KeyError, TypeError):
        facts, pixels = json.loads(about.read_bytes()), np.fromfile(data, np.uint8).reshape(-1, *shape)
        if hashlib.sha256(pixels.data).hexdigest() == facts["sha256"]:
            os.utime(data)
            return pixels, [int(row) for row in facts["unreadable"]]
    return None


def _write_cache(name: str, pixels: np.ndarray, unreadable: list[int]) -> None:
    """Keep what was decoded, and let go of what was not used for longest; where that fails it is decoded again."""
    about, data = _cache_paths(name)
    facts = {"sha256": hashlib.sha256(pixels.data).hexdigest(), "unreadable": unreadable}
    with suppress(WriteError, OSError):
        atomic_write(data, pixels.reshape(-1).data)
        atomic_write(about, json.dumps(facts).encode())
        total = 0
        for path in sorted(data.parent.glob("*.pixels"), key=lambda path: path.stat().st_mtime, reverse=True):
            total += path.stat().st_size
            if total > CACHE_BYTES and path != data:
                remove(path)
                remove(path.with_suffix(".json"))
