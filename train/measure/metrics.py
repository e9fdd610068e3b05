"""The figures at the end of a run: four metrics on [0, 1] pixels, whatever was minimised; of classifiers, two."""

from __future__ import annotations

import numpy as np
import torch

from train.engine.batches import TestSplit
from zoo.blocks import Autoencoder, Classifier

BCE_EPSILON = 1e-7  # as Keras clips
CHUNK = 500
MAX_PSNR_DB = 100.0  # of two equal images, which would be infinite

Pixels = np.ndarray  # float32 (N, C, H, W) in [0, 1]


def reconstruct(network: Autoencoder, split: TestSplit) -> Pixels:
    """Return the network's reconstructions of the whole split."""
    network.eval()
    with torch.inference_mode():
        parts = [network(batch.image).reconstruction.cpu() for batch in split.batches()]
    return torch.cat(parts).numpy()


def classify(network: Classifier, split: TestSplit) -> np.ndarray:
    """Return the network's logits for the whole split, float32 (N, classes)."""
    network.eval()
    with torch.inference_mode():
        return torch.cat([network(batch.image).logits.cpu() for batch in split.batches()]).numpy()


def labels_of(judge: Classifier, pictures: Pixels, *, device: torch.device) -> np.ndarray:
    """Return the class that a classifier gives each picture, int64 (N,)."""
    judge.eval()
    with torch.inference_mode():
        parts = torch.from_numpy(np.ascontiguousarray(pictures, dtype=np.float32)).split(500)
        return torch.cat([judge(part.to(device)).logits.argmax(dim=1).cpu() for part in parts]).numpy()


def measure_labels(labels: np.ndarray, given: np.ndarray) -> dict[str, float]:
    """Return the accuracy: the share of images whose given label is the true one."""
    return {"accuracy": float(np.mean(labels == given))}


def cross_entropy(labels: np.ndarray, logits: np.ndarray) -> float:
    """Return the mean cross-entropy of logits (N, classes), in nats an image."""
    values = logits.astype(np.float64)
    values -= values.max(axis=1, keepdims=True)
    likelihood = values[np.arange(len(labels)), labels] - np.log(np.exp(values).sum(axis=1))
    return float(-likelihood.mean())


def measure(targets: Pixels, outputs: Pixels) -> dict[str, float]:
    """Return mse, psnr (dB), ssim and bce (nats a pixel), each the mean over the images.

    SSIM is Wang et al. 2004 with a uniform 7×7 window, as scikit-image computes it.
    """
    scores: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(targets), CHUNK):
        rows = slice(start, start + CHUNK)  # in float64 a whole split of colour images would take 150 MB an array
        for name, values in _scores(targets[rows].astype(np.float64), outputs[rows].astype(np.float64)).items():
            scores.setdefault(name, []).append(values)
    return {name: float(np.concatenate(parts).mean()) for name, parts in scores.items()}


def _scores(targets: np.ndarray, outputs: np.ndarray) -> dict[str, np.ndarray]:
    """Return each metric of each image, float64 (N,)."""
    error = np.square(outputs - targets).mean(axis=(1, 2, 3))
    psnr = np.minimum(-10 * np.log10(np.maximum(error, 1e-30)), MAX_PSNR_DB)
    p = np.clip(outputs, BCE_EPSILON, 1 - BCE_EPSILON)
    bce = -(targets * np.log(p) + (1 - targets) * np.log1p(-p)).mean(axis=(1, 2, 3))
    return {"mse": error, "psnr": psnr, "ssim": _ssim(targets, outputs), "bce": bce}


def _ssim(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    from skimage.metrics import structural_similarity

    pairs = zip(targets, outputs, strict=True)
    return np.array([structural_similarity(*pair, data_range=1.0, channel_axis=0) for pair in pairs])


def verdict_of_labels(given: np.ndarray) -> str:
    """Return 'finished', or 'failed' for a classifier that gives every image the same label."""
    return "finished" if len(np.unique(given)) > 1 else "failed"


def verdict(targets: Pixels, outputs: Pixels) -> str:
    """Return 'finished', or 'failed' for a run that is not a number or answers every image alike.

    The usual constant is black: its error is the data's own mean square. What varies from image to image by less than
    a thousandth of what the targets do has learned nothing of them.
    """
    if not np.isfinite(outputs).all():
        return "failed"
    spread, expected = (float(images.var(axis=0, dtype=np.float64).mean()) for images in (outputs, targets))
    return "finished" if spread >= 1e-3 * expected else "failed"
