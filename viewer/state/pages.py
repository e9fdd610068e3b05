"""Which images the panels show: ten out of a run's test split, in its order or by their errors, or pasted ones.

All panels and all compared runs show the same ones, so that what differs is what the networks make of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from viewer.state import noise
from viewer.state.grids import PictureGrid
from viewer.state.samples import COUNT, Samples, to_grey, to_unit
from zoo.data import fit

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class SplitName:
    """The key of a test split: the data set ('mnist', 'mnist-sample') and how it is cut ('published').

    images, shape   where pictures of the user's own lay when they were learned, and the shape they were scaled to
    """

    dataset: str
    cut: str
    images: str = ""
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Split:
    """The test images of a data set and some of those for training, or the sentence for why they are not there.

    pixels, training                   uint8 (N, C, H, W)
    labels, training_labels            uint8 (N,)
    """

    name: SplitName
    pixels: np.ndarray
    labels: np.ndarray
    training: np.ndarray
    training_labels: np.ndarray
    classes: tuple[str, ...] = ()
    provenance: str = ""
    error: str = ""


@dataclass(frozen=True, eq=False)
class Order:
    """An order of a split's images: their indices in the run's test split, and what they are sorted by."""

    indices: np.ndarray
    description: str


@dataclass(frozen=True, eq=False)
class Pasted:
    """Pictures that were dropped or pasted, uint8 (H, W, 3) each, with what they are called."""

    pictures: tuple[np.ndarray, ...]
    names: tuple[str, ...]
    inverted: bool = False  # dark for light, as ink on paper needs it for networks of light digits


@dataclass(frozen=True, eq=False)
class Page:
    """The images shown now.

    clean       float32 (N, C, H, W) in [0, 1], before any noise, in colour where they have one
    labels      int64 (N,), None where they are not known
    indices     of the images in the run's test split; None for pasted ones
    own         the run's samples, where it is these that are shown
    of          how many images there are to page through, 0 while that is not known
    """

    clean: np.ndarray
    title: str
    provenance: str
    labels: np.ndarray | None = None
    indices: tuple[int, ...] | None = None
    own: Samples | None = None
    of: int = 0
    fitting: str = ""  # how pasted pictures were fitted
    made_of: tuple[object, ...] = field(default=(), repr=False)


def clean_of(samples: Samples, task: str) -> np.ndarray:
    """Return a run's own samples without noise and in colour; of letters to be translated what goes in."""
    return samples.targets if task in ("denoise", "colourise", "recall") else samples.inputs


@lru_cache(maxsize=16)
def rows_in_split(split: Split, own: Samples, task: str, count: int) -> np.ndarray | None:
    """Return the rows of `split.pixels` that are a run's test split, by its first ten images; None if none are.

    A run on one label alone has fewer images than the split; its own first images show which. Where others stand in
    for these, the number of images must do.
    """
    if own.stand_in:
        return np.arange(count) if count == len(split.pixels) else None
    first = np.round(clean_of(own, task) * 255).astype(np.uint8)
    every = np.arange(len(split.pixels))
    candidates = [every] if count in (0, len(every)) else []
    candidates += [np.flatnonzero(split.labels == label) for label in np.unique(split.labels)]
    for rows in candidates:
        head = rows[: len(first)]
        fits = not count or len(rows) == count
        if fits and len(head) == len(first) and np.array_equal(split.pixels[head], first):
            return rows
    return None


def first_page(own: Samples, task: str, *, embedded: bool, of: int = 0) -> Page:
    """Return the page of a run's own samples, or of the embedded ones for a graph that comes alone."""
    clean = clean_of(own, task)
    if own.stand_in:
        title = f"{len(clean)} photographs in place of the test split"
    else:
        where = "embedded sample" if embedded else "test split"
        title = f"the first {len(clean)} of the {where}" + (f", {of:,} images" if of else "")
    return Page(clean=clean, title=title, provenance=own.provenance, indices=tuple(range(len(clean))), own=own, of=of)


def later_page(split: Split, rows: np.ndarray, start: int, order: Order | None) -> Page:
    """Return ten images of a run's test split from `start` on, in its own order or another one."""
    indices = (order.indices if order is not None else np.arange(len(rows)))[start : start + COUNT]
    chosen = rows[indices]
    last = start + len(indices)
    if order is None:
        title = f"test images {start + 1:,} to {last:,} of {len(rows):,}"
    else:
        title = f"{order.description}: {start + 1:,} to {last:,} of {len(rows):,}"
    return Page(
        clean=to_unit(split.pixels[chosen]),
        title=title,
        provenance=split.provenance,
        labels=split.labels[chosen].astype(np.int64),
        indices=tuple(int(index) for index in indices),
        of=len(rows),
    )


def pasted_page(pasted: Pasted, shape: Shape) -> Page:
    """Return pasted pictures fitted to the images of this shape."""
    pictures = [255 - picture for picture in pasted.pictures] if pasted.inverted else pasted.pictures
    fitted = [fit.fit_to_shape(picture, shape) for picture in pictures]
    names = ", ".join(pasted.names) if len(pasted.names) < 3 else f"{len(pasted.names)} pictures"
    return Page(
        clean=np.stack([image for image, _ in fitted]),
        title=f"your own: {names}" + (", inverted" if pasted.inverted else ""),
        provenance="pictures of your own",
        of=len(fitted),
        fitting=fitted[0][1],
    )


def make_samples(
    page: Page, own: Samples | None, task: str, sigma: float, shape: Shape, letters: PictureGrid | None
) -> Samples | None:
    """Return what goes into a graph whose images have this shape, for the page's images, and what should come out.

    None where the images do not fit the graph: another size, or colours from grey ones.
    """
    clean = page.clean
    if own is not None and page.indices is not None and _same(page.clean, clean_of(own, task)):
        return own
    if task == "recall":
        return _recall_samples(page, shape, letters)
    if task == "colourise":
        if clean.shape[1] != 3 or (1, *clean.shape[2:]) != shape:
            return None
        return Samples(inputs=to_grey(clean), targets=clean, provenance=page.provenance)
    if clean.shape[1:] != shape and (1, *clean.shape[2:]) == shape:
        clean = to_grey(clean)
    if clean.shape[1:] != shape:
        return None
    targets = _translate_letters(page, letters) if task == "translate" else clean
    inputs = noise.add(clean, sigma) if task == "denoise" and sigma > 0 else clean
    return Samples(inputs=inputs, targets=clean if targets is None else targets, provenance=page.provenance)


samples_for = lru_cache(maxsize=32)(make_samples)  # the same value for the same page, so that panels request it once


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one is other or (one.shape == other.shape and np.array_equal(one, other))


def _translate_letters(page: Page, letters: PictureGrid | None) -> np.ndarray | None:
    """The target letter of each image's class, from the run's history; None where it has none."""
    if page.labels is None or letters is None or letters.targets is None or letters.labels is None:
        return None
    by_label = {int(label): row for row, label in enumerate(letters.labels)}
    rows = [by_label.get(int(label)) for label in page.labels]
    known = [row for row in rows if row is not None]
    return letters.targets[known] if len(known) == len(rows) else None


def _recall_samples(page: Page, shape: Shape, letters: PictureGrid | None) -> Samples | None:
    targets = _translate_letters(page, letters)
    if targets is None or page.labels is None or shape[:2] != (1, 1):
        return None
    classes = np.eye(shape[2], dtype=np.float32)[page.labels % shape[2], None, None]
    return Samples(inputs=classes, targets=targets, provenance=page.provenance)
