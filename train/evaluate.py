"""The figures at the end of a run: four metrics on [0, 1] pixels, whatever was minimised."""

from __future__ import annotations

import numpy as np
import torch

from train.batches import TestSplit
from zoo.blocks import Autoencoder

BCE_EPSILON = 1e-7  # as Keras clips
MAX_PSNR_DB = 100.0  # of two equal images, which would be infinite

Pixels = np.ndarray  # float32 (N, C, H, W) in [0, 1]


def reconstruct(network: Autoencoder, split: TestSplit) -> Pixels:
    """Return the network's reconstructions of the whole split."""
    network.eval()
    with torch.inference_mode():
        parts = [network(batch.image).reconstruction.cpu() for batch in split.batches()]
    return torch.cat(parts).numpy()


def measure(targets: Pixels, outputs: Pixels) -> dict[str, float]:
    """Return mse, psnr (dB), ssim and bce (nats a pixel), each the mean over the images.

    SSIM is Wang et al. 2004 with a uniform 7×7 window, as scikit-image computes it.
    """
    error = np.mean(np.square(outputs - targets, dtype=np.float64), axis=(1, 2, 3))
    psnr = np.minimum(-10 * np.log10(np.maximum(error, 1e-30)), MAX_PSNR_DB)
    return {
        "mse": float(error.mean()),
        "psnr": float(psnr.mean()),
        "ssim": _ssim(targets, outputs),
        "bce": _bce(targets, outputs),
    }


def _ssim(targets: Pixels, outputs: Pixels) -> float:
    from skimage.metrics import structural_similarity

    scores = [
        structural_similarity(target, output, data_range=1.0, channel_axis=0)
        for target, output in zip(targets, outputs, strict=True)
    ]
    return float(np.mean(scores))


def _bce(targets: Pixels, outputs: Pixels) -> float:
    p = np.clip(outputs.astype(np.float64), BCE_EPSILON, 1 - BCE_EPSILON)
    return float(-np.mean(targets * np.log(p) + (1 - targets) * np.log1p(-p)))


def verdict(targets: Pixels, outputs: Pixels) -> str:
    """Return 'finished', or 'failed' for a run that is not a number or answers every image alike.

    The usual constant is black: its error is the data's own mean square. What varies from image to image by less than
    a thousandth of what the targets do has learned nothing of them.
    """
    if not np.isfinite(outputs).all():
        return "failed"
    spread, expected = (float(images.var(axis=0, dtype=np.float64).mean()) for images in (outputs, targets))
    return "finished" if spread >= 1e-3 * expected else "failed"
