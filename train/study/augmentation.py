"""Do generated digits help a classifier? HES-SO's tasks 4 and 5 put to the test: few real digits, and more from them.

A classifier of digits sees 10 or 100 real digits of each class, and besides them nothing, digits that variational
autoencoders made of these very digits (one for each class, so that what it makes has a label), or the real ones
distorted by random affine maps. Every classifier takes the same number of steps, so that none of them learns longer;
half of a batch is real where there is something besides. Measured is the share of the test split that is named
correctly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo import registry
from zoo.cli import say
from zoo.data import splits
from zoo.inputs import distort, to_unit

COUNTS = (10, 100)  # real digits of each class
ADDED = ("nothing", "generated", "affine")
CLASSES = 10
GENERATED = 500  # digits of each class
VAE_STEPS, VAE_BATCH = 500, 32
STEPS, BATCH = 150, 32


def measure(data: str | None, *, seeds: int, before: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the accuracies on the test split after each seed, by what was added and the number of real digits.

    Seeds that an equal measurement `before` holds are not measured again.
    """
    parts = splits.load("mnist", data)
    test = to_unit(torch.from_numpy(parts.test.pixels)), torch.from_numpy(parts.test.labels).long()
    settings = {
        "steps": STEPS,
        "batch": BATCH,
        "generated": GENERATED,
        "vae_steps": VAE_STEPS,
        "tested": len(test[1]),
        "data": parts.train.dataset,
        "data_sha256": parts.train.sha256,
        "provenance": parts.train.provenance,
    }
    is_same = all(before.get(key) == value for key, value in settings.items())
    found: dict[str, list[float]] = {f"{added}-{count}": [] for count in COUNTS for added in ADDED}
    found = {name: list(before["accuracy"][name]) if is_same else [] for name in found}
    for seed in range(min(map(len, found.values())), seeds):
        for count in COUNTS:
            real = _few(parts.train.pixels, parts.train.labels, count, seed)
            torch.manual_seed(seed)
            generated = generate(real)
            for added in ADDED:
                torch.manual_seed(seed)
                accuracy = _accuracy(classifier(real, generated, added), *test)
                found[f"{added}-{count}"].append(round(accuracy, 4))
                say(f"seed {seed}, {count} real digits a class, added {added}: {accuracy:.1%}")
        yield {**settings, "accuracy": found}


def _few(pixels: np.ndarray, labels: np.ndarray, count: int, seed: int) -> Tensor:
    """Return so many random digits of each class, float32 (10, count, 784)."""
    random = np.random.default_rng(seed)
    rows = [random.choice(np.flatnonzero(labels == label), count, replace=False) for label in range(CLASSES)]
    return to_unit(torch.from_numpy(pixels[np.stack(rows)])).flatten(2)


# ---- one variational autoencoder a class -----------------------------------------------------------------------


class Several(nn.Module):
    """The same layer once for each class: (10, B, before) → (10, B, after). Starts Glorot-uniform."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(
            torch.stack([nn.init.xavier_uniform_(torch.empty(before, after)) for _ in range(10)])
        )
        self.bias = nn.Parameter(torch.zeros(CLASSES, 1, after))

    def forward(self, value: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, value, self.weight)


def generate(real: Tensor) -> Tensor:
    """Train 784-64-2-64-784 on the digits of each class, and return new ones: (10, count, 784) → (10, GENERATED, 784).

    The network and the loss are those of hesso/vae-*; the ten are trained side by side.
    """
    hidden, mean_of, logvar_of = Several(784, 64), Several(64, 2), Several(64, 2)
    decoder = nn.Sequential(Several(2, 64), nn.ReLU(), Several(64, 784))
    parameters = [each for module in (hidden, mean_of, logvar_of, decoder) for each in module.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-3)
    for _ in range(VAE_STEPS):
        batch = real[:, torch.randint(real.shape[1], (VAE_BATCH,))]
        features = functional.relu(hidden(batch))
        mu, logvar = mean_of(features), logvar_of(features)
        logits = decoder(mu + torch.exp(logvar / 2) * torch.randn_like(mu))
        divergence = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum()
        loss = functional.binary_cross_entropy_with_logits(logits, batch, reduction="sum") + divergence
        optimiser.zero_grad()
        (loss / VAE_BATCH).backward()
        optimiser.step()
    with torch.no_grad():
        images: Tensor = torch.sigmoid(decoder(torch.randn(CLASSES, GENERATED, 2)))
    return images


# ---- classifiers -----------------------------------------------------------------------------------------------


def classifier(real: Tensor, generated: Tensor, added: str) -> nn.Module:
    """Train hesso/classifier's network on real digits and what is added to them, both (10, N, 784)."""
    network, generator = (
        registry.load("hesso/classifier").network(),
        torch.Generator().manual_seed(torch.initial_seed()),
    )
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(STEPS):
        first, labels = _draw(real, BATCH if added == "nothing" else BATCH // 2)
        parts, names = [first], [labels]
        if added != "nothing":
            more, labels = _draw(generated if added == "generated" else real, BATCH // 2)
            parts.append(distort(more, generator, bend=0.0) if added == "affine" else more)
            names.append(labels)
        loss = functional.cross_entropy(network(torch.cat(parts)).logits, torch.cat(names))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network


def _draw(digits: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return random ones of digits (10, N, 784) with their labels: (count, 1, 28, 28), (count,)."""
    labels = torch.randint(CLASSES, (count,))
    return digits[labels, torch.randint(digits.shape[1], (count,))].reshape(-1, 1, 28, 28), labels


def _accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    network.eval()
    with torch.inference_mode():
        predicted = torch.cat([network(part).logits.argmax(1) for part in images.split(1_000)])
    return float((predicted == labels).float().mean())
