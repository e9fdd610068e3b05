"""The data sets by name, and the one function that turns a name and `--data` into images."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zoo.data import cifar10, comnist, fetch, mnist, sample
from zoo.data.images import Images
from zoo.errors import DataError, UsageError

SAMPLE = "sample"


@dataclass(frozen=True)
class DataSet:
    """A data set: how to read a split from a folder, how to fetch it, and the sample that stands for it."""

    name: str
    title: str
    shape: tuple[int, int, int]
    classes: int
    load: Callable[[str, Path], Images]
    present: Callable[[Path], bool]
    fetch: Callable[[Path], list[Path]]
    sample: Callable[[str], Images]
    sample_title: str
    fetchable: bool = True


def _letters(
    name: str, which: str, load: Callable[[str, Path], Images], sample: Callable[[str], Images], sample_title: str
) -> DataSet:
    return DataSet(
        name=name,
        title=f"{name.capitalize()} letters, {which}, 28×28 grey",
        shape=comnist.SHAPE,
        classes=len(comnist.PAIRS),
        load=load,
        present=comnist.present,
        fetch=fetch.fetch_letters,
        fetchable=False,
        sample=sample,
        sample_title=sample_title,
    )


DATA_SETS = {
    "mnist": DataSet(
        name="mnist",
        title="MNIST, 60,000 + 10,000 digits, 28×28 grey",
        shape=(1, 28, 28),
        classes=len(mnist.CLASSES),
        load=mnist.load,
        present=mnist.present,
        fetch=fetch.fetch_mnist,
        sample=sample.digits,
        sample_title=sample.DIGITS_PROVENANCE,
    ),
    "cifar10": DataSet(
        name="cifar10",
        title="CIFAR-10, 50,000 + 10,000 photographs, 32×32 in colour",
        shape=cifar10.SHAPE,
        classes=len(cifar10.CLASSES),
        load=cifar10.load,
        present=cifar10.present,
        fetch=fetch.fetch_cifar10,
        sample=sample.photos,
        sample_title=sample.PHOTOS_PROVENANCE,
    ),
    "cyrillic": _letters(
        "cyrillic",
        "those 14 that have a Latin partner",
        comnist.load_cyrillic,
        sample.cyrillic,
        sample.CYRILLIC_PROVENANCE,
    ),
    "latin": _letters("latin", "the partners of those 14", comnist.load_latin, sample.latin, sample.LATIN_PROVENANCE),
}


def get(name: str) -> DataSet:
    if name not in DATA_SETS:
        raise UsageError(f"no data set {name!r}; there is {', '.join(DATA_SETS)}")
    return DATA_SETS[name]


def folder_of(data: str | None) -> Path | None:
    """Return the folder that `--data` names, the user's cache where it names none, None for 'sample'."""
    if data == SAMPLE:
        return None
    if not data:
        return fetch.cache_folder()
    try:
        return Path(data).expanduser()
    except RuntimeError as error:
        raise DataError(f"--data names {data!r}, and there is no such user; name a folder, or 'sample'") from error


def existing_folder(data: str | None) -> Path | None:
    """Return the same, or raise DataError where `--data` names no folder."""
    folder = folder_of(data)
    if data and folder is not None and not folder.is_dir():
        raise DataError(f"--data names {data!r}, which is no folder; name one that holds the data sets, or 'sample'")
    return folder


def from_anywhere(data: str | None) -> str | None:
    """Return what names the same data to a process that stands in another folder."""
    folder = folder_of(data)
    return data if not data or folder is None else str(folder.resolve())


def obtain(name: str, data: str | None) -> None:
    """Fetch a data set into the user's cache where no folder is named and it is not there yet; say so first."""
    folder = folder_of(data)
    if data is not None or folder is None or get(name).present(folder):
        return
    sentence = f"{name} is not in {folder}; fetching it from the network (--data DIR or --data sample would not)"
    print(sentence, file=sys.stderr)
    get(name).fetch(folder)


def load(name: str, split: str, data: str | None) -> Images:
    """Return a split ('train' or 'test') from `data`: 'sample', a folder, or None for the user's cache.

    Nothing is fetched here and nothing falls back to the sample: what is absent raises DataError.
    """
    dataset, folder = get(name), existing_folder(data)
    return dataset.sample(split) if folder is None else dataset.load(split, folder)
