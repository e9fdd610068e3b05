"""Metrics: mse, psnr, ssim and bce on [0, 1] pixels, whatever was minimised; of classifiers accuracy, cross-entropy.

Long computations call `check_stop` between chunks of images; it raises if the user wants to stop.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from train.engine.batches import TEST_BATCH
from zoo.blocks import Autoencoder, Classifier
from zoo.runs import Status

BCE_EPSILON = 1e-7  # as Keras clips
CHUNK = 100  # images, of which every array stays in the processor's cache
MAX_PSNR_DB = 100.0  # of two equal images, which would be infinite
WINDOW = 7  # pixels a side, of SSIM

Pixels = np.ndarray  # float32 (N, C, H, W) in [0, 1]
CheckStop = Callable[[], None]


def never_stop() -> None:
    """Never raise."""


def reconstruct(network: Autoencoder, inputs: Tensor, check_stop: CheckStop) -> Pixels:
    """Return the network's reconstructions of inputs (N, C, H, W) on its device."""
    return np.concatenate([output.reconstruction.cpu().numpy() for output in _outputs(network, inputs, check_stop)])


def classify(network: Classifier, inputs: Tensor, check_stop: CheckStop) -> np.ndarray:
    """Return the network's logits of inputs (N, C, H, W) on its device, float32 (N, classes)."""
    return np.concatenate([output.logits.cpu().numpy() for output in _outputs(network, inputs, check_stop)])


def labels_of(classifier: Classifier, pictures: Pixels, *, device: torch.device, check_stop: CheckStop) -> np.ndarray:
    """Return the class that a classifier predicts for each image, int64 (N,)."""
    inputs = torch.from_numpy(np.ascontiguousarray(pictures, dtype=np.float32)).to(device)
    labels: np.ndarray = classify(classifier, inputs, check_stop).argmax(axis=1)
    return labels


def _outputs(network: nn.Module, inputs: Tensor, check_stop: CheckStop) -> Iterator[Any]:
    network.eval()
    for part in inputs.split(TEST_BATCH):
        check_stop()
        with torch.inference_mode():
            output = network(part)
        yield output


def accuracy(labels: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return the accuracy: the share of images whose given label is the true one."""
    return {"accuracy": float(np.mean(labels == predicted))}


def cross_entropy(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the mean cross-entropy of logits (N, classes), in nats an image."""
    return float(functional.cross_entropy(torch.from_numpy(logits).double(), torch.from_numpy(labels)))


def measure(targets: Pixels, outputs: Pixels, check_stop: CheckStop = never_stop) -> dict[str, float]:
    """Return mse, psnr (dB), ssim and bce (nats a pixel), each the mean over the images.

    SSIM is Wang et al. 2004 with a uniform 7×7 window, as scikit-image computes it.
    """
    scores: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(targets), CHUNK):
        check_stop()
        rows = slice(start, start + CHUNK)
        for name, values in _scores(targets[rows].astype(np.float64), outputs[rows].astype(np.float64)).items():
            scores.setdefault(name, []).append(values)
    return {name: float(np.concatenate(parts).mean()) for name, parts in scores.items()}


def _scores(targets: np.ndarray, outputs: np.ndarray) -> dict[str, np.ndarray]:
    """Return each metric of each image, float64 (N,)."""
    error = np.square(outputs - targets).mean(axis=(1, 2, 3))
    psnr = np.minimum(-10 * np.log10(np.maximum(error, 1e-30)), MAX_PSNR_DB)
    p = np.clip(outputs, BCE_EPSILON, 1 - BCE_EPSILON)
    bce = -(targets * np.log(p) + (1 - targets) * np.log1p(-p)).mean(axis=(1, 2, 3))
    ssim = _ssim(torch.from_numpy(targets), torch.from_numpy(outputs)).numpy()
    return {"mse": error, "psnr": psnr, "ssim": ssim, "bce": bce}


def _ssim(x: Tensor, y: Tensor) -> Tensor:
    """Return the structural similarity of each pair of images, (N, C, H, W) → (N,)."""
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    variances = unbiased * (_window_mean(x * x) + _window_mean(y * y) - mean_x**2 - mean_y**2)
    covariance = unbiased * (_window_mean(x * y) - mean_x * mean_y)
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (variances + c2)
    return similarity.mean(dim=(1, 2, 3))


def _window_mean(image: Tensor) -> Tensor:
    """Return the mean of every window that lies wholly inside the image, (N, C, H, W) → (N, C, H - 6, W - 6)."""
    height, width = image.shape[2:]
    return _windows(height).T @ image @ _windows(width)


def _windows(size: int) -> Tensor:
    """Return the weights by which values become means of windows, float64 (size, size - 6): a band of sevenths."""
    return torch.ones(size, size - WINDOW + 1, dtype=torch.float64).tril().triu(1 - WINDOW) / WINDOW


def status_of_labels(predicted: np.ndarray) -> Status:
    """Return 'finished', or 'failed' for a classifier that predicts the same label for every image."""
    return "finished" if len(np.unique(predicted)) > 1 else "failed"


def status_of_pictures(targets: Pixels, outputs: Pixels) -> Status:
    """Return 'finished', or 'failed' if outputs are not finite or nearly the same for every image.

    Nearly the same: their variance over the images is below a thousandth of the targets'. Most often they are black.
    """
    if not np.isfinite(outputs).all():
        return "failed"
    spread, expected = (float(images.var(axis=0, dtype=np.float64).mean()) for images in (outputs, targets))
    return "finished" if spread >= 1e-3 * expected else "failed"
