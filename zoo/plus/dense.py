"""Perceptrons and their linear counterparts on MNIST, with 2, 8, 32 and 100 values: what do the ReLUs bring?

Purdue's sheet says that an autoencoder may capture what principal component analysis cannot, since its mapping is not
linear. `dense-k` is the sheet's first network with k values in its middle; `linear-k` has no activation function at
all, so that it can at best find the space of the first k principal components (Baldi & Hornik 1989). Image (B, 1, 28,
28) in, reconstruction (B, 1, 28, 28) out.
"""

from __future__ import annotations

from zoo.lazy import blocks, nn
from zoo.recipe import Data, Network, Recipe, Schedule

SIZES = (2, 8, 32, 100)
EPOCHS = 10


def dense(values: int) -> blocks.Autoencoder:
    """784-400-200-k-200-400-784; the k values themselves are linear, since two of them cut at 0 would say little."""
    return blocks.Autoencoder(
        encoder=nn.Sequential(nn.Flatten(), *blocks.linear_relu(784, 400, 200), nn.Linear(200, values)),  # (B, k)
        decoder=nn.Sequential(*blocks.linear_relu(values, 200, 400), nn.Linear(400, 784), nn.Unflatten(1, (1, 28, 28))),
        to_pixels=blocks.UnitClamp(),
    )


def linear(values: int) -> blocks.Autoencoder:
    """784-k-784 without activation functions."""
    return blocks.Autoencoder(
        encoder=nn.Sequential(nn.Flatten(), nn.Linear(784, values)),  # (B, k)
        decoder=nn.Sequential(nn.Linear(values, 784), nn.Unflatten(1, (1, 28, 28))),
        to_pixels=blocks.UnitClamp(),
    )


def _recipe(kind: str, network: Network) -> Recipe:
    return Recipe(
        name=f"plus/{kind}",
        network=network,
        data=Data("mnist"),
        objective="mse-linear",
        schedule=Schedule(epochs=EPOCHS, batch_size=256),
        choices=(
            "squared error, which is what PCA makes least; clamped to [0, 1] in the graph, not while training: ours",
            f"batch 256, Adam 1e-3, {EPOCHS} epochs: ours",
        ),
    )


def _dense(values: int) -> Network:
    layers = f"784-400-200-{values}-200-400-784"
    return Network(lambda: dense(values), layers, parameters=789_184 + 401 * values, bottleneck=(values,))


def _linear(values: int) -> Network:
    layers = f"784-{values}-784, no activation"
    return Network(lambda: linear(values), layers, parameters=784 + 1_569 * values, bottleneck=(values,))


RECIPES = (
    *(_recipe(f"dense-{values}", _dense(values)) for values in SIZES),
    *(_recipe(f"linear-{values}", _linear(values)) for values in SIZES),
)
