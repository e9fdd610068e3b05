"""What a variational network makes of points of its latent plane: grids, their labels, and how diverse it is.

The sheet asks whether diversity can be measured. Three numbers say it for as many random pictures as there are real
images in the test split, at most 500, and stand beside the same three of the real ones:

    pairwise   the mean distance between two pictures: how far they are from each other on average
    distinct   how many of the pictures are patterns of their own: further from every one counted before than real
               images of the class are from their nearest real neighbour (the median of that)
    nearest    the mean distance of a picture to the nearest training image. Far below what unseen real images have, it
               shows that training images are repeated; about the same, that new ones are made

Distances are Euclidean over the pixels in [0, 1] (the root of the summed squares of 784 differences).
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch

from train.engine.batches import TestSplit
from train.measure.baselines import Training, as_rows, nearest, squared_distances
from train.measure.metrics import Pixels, labels_of
from zoo.blocks import Classifier, Variational

GRID = 15  # a side, as in the Keras blog
EXTREME = 4.0
PICTURES = 500
SEED = 12


@dataclass(frozen=True)
class Made:
    """A generator's figures, the same of real images, and its grids."""

    metrics: dict[str, float]
    real: dict[str, float]
    arrays: dict[str, np.ndarray]


def plane_points() -> np.ndarray:
    """The grid of the sheet, float32 (225, 2): both coordinates at the 15 quantiles (i + ½)/15 of N(0, 1).

    Row by row; the first coordinate grows to the right, the second upwards.
    """
    normal = NormalDist()
    return _grid(np.array([normal.inv_cdf((index + 0.5) / GRID) for index in range(GRID)]))


def extreme_points() -> np.ndarray:
    """The same with both coordinates from -4 to 4: beyond what training has seen."""
    return _grid(np.linspace(-EXTREME, EXTREME, GRID))


def _grid(axis: np.ndarray) -> np.ndarray:
    across, up = np.meshgrid(axis, axis[::-1])
    return np.stack([across, up], axis=-1).reshape(-1, 2).astype(np.float32)


def decode(network: Variational, points: np.ndarray, device: torch.device) -> Pixels:
    """Return the pictures of latent points (N, latent), float32 (N, C, H, W)."""
    network.eval()
    with torch.inference_mode():
        pictures: Pixels = network.decode(torch.from_numpy(points).to(device)).cpu().numpy()
    return pictures


def measure_generator(
    network: Variational, training: Training, test: TestSplit, scoring_classifier: Classifier | None
) -> Made:
    """Decode both grids and random points; measure them and name them, beside real images of the test split."""
    device, label = test.inputs.device, int(test.labels[0])
    metrics: dict[str, float] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, points in (("plane", plane_points()), ("extreme", extreme_points())):
        pictures = decode(network, points, device)
        arrays |= {f"grids/{name}/images": np.round(pictures * 255).astype(np.uint8), f"grids/{name}/points": points}
        if scoring_classifier is not None:
            given = labels_of(scoring_classifier, pictures, device=device, stop=training.stop)
            arrays[f"grids/{name}/verdicts"] = given
            metrics[f"wrong-{name}"] = float(np.mean(given != label))
    real = test.pictures.cpu().numpy()[:PICTURES]
    random = np.random.default_rng(SEED).standard_normal((len(real), 2), dtype=np.float32)
    alike = typical_distance(real)
    metrics |= diversity(decode(network, random, device), training, alike=alike)
    figures = diversity(real, training, alike=alike)
    if scoring_classifier is not None:
        given = labels_of(scoring_classifier, real, device=device, stop=training.stop)
        figures["wrong-plane"] = float(np.mean(given != label))
    return Made(metrics, figures, arrays)


def diversity(pictures: Pixels, training: Training, *, alike: float) -> dict[str, float]:
    """Return pairwise, distinct and nearest, as the module defines them; at least two pictures are needed."""
    distances, count = _distances(pictures), len(pictures)
    squares, _ = nearest(as_rows(pictures), (batch.image for batch in training.batches()))
    return {
        "pairwise": float((distances.sum() - distances.diagonal().sum()) / (count * (count - 1))),
        "distinct": float(distinct_patterns(distances.numpy(), alike)),
        "nearest": float(squares.sqrt().mean()),
    }


def distinct_patterns(distances: np.ndarray, alike: float) -> int:
    """Count pictures greedily, in their order: one counts if it is further than `alike` from all counted before."""
    counted: list[int] = []
    for index in range(len(distances)):
        if not counted or distances[index, counted].min() > alike:
            counted.append(index)
    return len(counted)


def typical_distance(real: Pixels) -> float:
    """Return the median distance of a real image to its nearest other one."""
    distances = _distances(real).fill_diagonal_(float("inf"))
    return float(distances.min(dim=1).values.median())


def _distances(pictures: Pixels) -> torch.Tensor:
    rows = as_rows(pictures)
    return squared_distances(rows, rows).sqrt()
