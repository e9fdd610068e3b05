"""What a variational network decodes from its latent plane: two grids of images, their labels, their diversity.

The sheet asks whether diversity can be measured. Three numbers do, for as many random images as the test split has, at
most 500, and for the real images of the test split:

    pairwise   the mean distance between two images
    distinct   how many images are further from every one counted before than the median distance between a real image
               and its nearest real neighbour
    nearest    the mean distance of an image to the nearest training image. Far below that of unseen real images:
               training images are repeated; about the same: new ones are made

Distances are Euclidean over the pixels in [0, 1] (the root of the summed squares of 784 differences).
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import torch

from train.engine.batches import TestSplit
from train.measure.baselines import TrainingSplit, as_rows, nearest, squared_distances
from train.measure.metrics import Pixels, labels_of
from zoo.blocks import Classifier, Variational

GRID_SIDE = 15  # images, as in the Keras blog
EXTREME_COORDINATE = 4.0
MAX_IMAGES = 500
SEED = 12


@dataclass(frozen=True)
class GeneratorMeasurement:
    """A generator's metrics, the same of real images, and arrays for the history."""

    metrics: dict[str, float]
    real: dict[str, float]
    arrays: dict[str, np.ndarray]


def plane_points() -> np.ndarray:
    """Return the sheet's grid, float32 (225, 2): both coordinates at the 15 quantiles (i + ½)/15 of N(0, 1).

    Row-major from the top left; the first coordinate grows to the right, the second upwards.
    """
    normal = NormalDist()
    return _grid(np.array([normal.inv_cdf((index + 0.5) / GRID_SIDE) for index in range(GRID_SIDE)]))


def extreme_points() -> np.ndarray:
    """Return the same with both coordinates from -4 to 4: beyond the latents seen in training."""
    return _grid(np.linspace(-EXTREME_COORDINATE, EXTREME_COORDINATE, GRID_SIDE))


def _grid(axis: np.ndarray) -> np.ndarray:
    x, y = np.meshgrid(axis, axis[::-1])
    return np.stack([x, y], axis=-1).reshape(-1, 2).astype(np.float32)


def decode(network: Variational, points: np.ndarray, device: torch.device) -> Pixels:
    """Return the images decoded from latent points (N, latent), float32 (N, C, H, W)."""
    network.eval()
    with torch.inference_mode():
        pictures: Pixels = network.decode(torch.from_numpy(points).to(device)).cpu().numpy()
    return pictures


def measure_generator(
    network: Variational, training: TrainingSplit, test: TestSplit, scoring_classifier: Classifier | None
) -> GeneratorMeasurement:
    """Decode both grids and random points; measure and classify them, and real images of the test split."""
    device, label = test.inputs.device, int(test.labels[0])
    metrics: dict[str, float] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, points in (("plane", plane_points()), ("extreme", extreme_points())):
        pictures = decode(network, points, device)
        arrays |= {f"grids/{name}/images": np.round(pictures * 255).astype(np.uint8), f"grids/{name}/points": points}
        if scoring_classifier is not None:
            predicted = labels_of(scoring_classifier, pictures, device=device, check_stop=training.check_stop)
            arrays[f"grids/{name}/verdicts"] = predicted
            metrics[f"wrong-{name}"] = float(np.mean(predicted != label))
    real = test.pictures.cpu().numpy()[:MAX_IMAGES]
    random = np.random.default_rng(SEED).standard_normal((len(real), 2), dtype=np.float32)
    threshold = median_nearest_distance(real)
    metrics |= diversity(decode(network, random, device), training, threshold=threshold)
    figures = diversity(real, training, threshold=threshold)
    if scoring_classifier is not None:
        predicted = labels_of(scoring_classifier, real, device=device, check_stop=training.check_stop)
        figures["wrong-plane"] = float(np.mean(predicted != label))
    return GeneratorMeasurement(metrics, figures, arrays)


def diversity(pictures: Pixels, training: TrainingSplit, *, threshold: float) -> dict[str, float]:
    """Return pairwise, distinct and nearest, as the module defines them; at least two pictures are needed."""
    distances, count = _distances(pictures), len(pictures)
    squares, _ = nearest(as_rows(pictures), (batch.image for batch in training.batches()))
    return {
        "pairwise": float((distances.sum() - distances.diagonal().sum()) / (count * (count - 1))),
        "distinct": float(distinct_patterns(distances.numpy(), threshold)),
        "nearest": float(squares.sqrt().mean()),
    }


def distinct_patterns(distances: np.ndarray, threshold: float) -> int:
    """Count images greedily, in order: one counts if it is further than `threshold` from all counted before."""
    counted: list[int] = []
    for index in range(len(distances)):
        if not counted or distances[index, counted].min() > threshold:
            counted.append(index)
    return len(counted)


def median_nearest_distance(real: Pixels) -> float:
    """Return the median distance between an image and its nearest other one."""
    distances = _distances(real).fill_diagonal_(float("inf"))
    return float(distances.min(dim=1).values.median())


def _distances(pictures: Pixels) -> torch.Tensor:
    rows = as_rows(pictures)
    return squared_distances(rows, rows).sqrt()
