"""Baselines: what a model should beat, measured on the same split with the same four metrics."""

from __future__ import annotations

import numpy as np

from train.evaluate import Pixels, measure
from zoo.data.images import Images


def measure_baselines(
    train: Images, inputs: Pixels, targets: Pixels, *, bottleneck_size: int
) -> dict[str, dict[str, float]]:
    """Return the metrics of every baseline by name.

    pca          principal components, as many as the bottleneck has values; fitted on the clean training split
    black        an all-black image: its mse is the data's own mean square
    mean-image   the mean of the training split
    noisy-input  the input itself, where the recipe adds noise
    """
    mean = train.pixels.mean(axis=0, dtype=np.float64).astype(np.float32) / 255
    outputs = {
        "pca": pca(train, inputs, components=bottleneck_size),
        "black": np.zeros_like(targets),
        "mean-image": np.broadcast_to(mean, targets.shape),
    }
    if not np.array_equal(inputs, targets):
        outputs["noisy-input"] = inputs
    return {name: measure(targets, output) for name, output in outputs.items()}


def pca(train: Images, inputs: Pixels, *, components: int) -> Pixels:
    """Return the inputs projected on the training split's principal components and back, clipped to [0, 1].

    Pearson 1901; the best linear autoencoder with as many values (Baldi & Hornik 1989). At most as many components
    are taken as the images have pixels, or the split images.
    """
    from sklearn.decomposition import PCA

    if len(train) < 2:  # nothing varies, so there are no components
        return np.broadcast_to(train.pixels[0].astype(np.float32) / 255, inputs.shape)
    flat = train.pixels.reshape(len(train), -1).astype(np.float32) / 255
    model = PCA(min(components, *flat.shape), svd_solver="covariance_eigh").fit(flat)
    there_and_back = model.inverse_transform(model.transform(inputs.reshape(len(inputs), -1)))
    outputs: Pixels = np.clip(there_and_back, 0, 1).astype(np.float32).reshape(inputs.shape)
    return outputs
