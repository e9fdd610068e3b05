"""A plain training loop, what it is given, and runs that were trained before."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import h5py
    import onnxruntime
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

    TRAIN: bool
    RUNS: Path
    EPOCHS: int | None
    SEED: int
    Batch: Any
    CLASSES: int
    add_noise: Any
    distort: Any
    grey: Any
    layers_of: Any
    normalise: Any
    pure_noise: Any
    to_unit: Any
    total: Any

Losses = tuple[list[float], list[float]]
ORDER, NOISE, NETWORK, TEST_NOISE = range(4)  # streams of random numbers, each with a seed of its own


@dataclass
class TrainedRun:
    """A network that has learned: its losses, its first ten test images, and a function that asks it.

    `images` are what it generated when it was trained; `network` is there only where it was trained here.
    """

    name: str
    build: Callable[[], Any]
    train_loss: np.ndarray
    val_loss: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray
    ask: Callable[[np.ndarray], dict[str, np.ndarray]]
    images: dict[str, np.ndarray] = field(default_factory=dict)
    network: Any = None

    @property
    def reconstructions(self) -> np.ndarray:
        """What it makes of its first ten."""
        return self.ask(self.inputs)["reconstruction"]

    @property
    def bottleneck(self) -> np.ndarray:
        """The values in its bottleneck for them."""
        return self.ask(self.inputs)["bottleneck"]


def seed(run: int, epoch: int, stream: int) -> int:
    """Return a seed for every run, epoch and stream, as aezoo draws it: so the same numbers are drawn here."""
    return int(np.random.SeedSequence([run, epoch, stream]).generate_state(1, np.uint64)[0] >> 1)


def batches(
    pixels: Tensor, labels: Tensor, batch_of: Any, batch_size: int, steps: int | None, epoch: int
) -> Iterator[Any]:
    """Yield an epoch's batches: all images in a new order; again and again, where a number of steps is given."""
    shuffle = torch.Generator().manual_seed(seed(SEED, epoch, ORDER))
    noise = torch.Generator().manual_seed(seed(SEED, epoch, NOISE))
    count, size = len(pixels), min(batch_size, len(pixels))
    needed = count if steps is None else steps * size
    orders = [torch.randperm(count, generator=shuffle) for _ in range(math.ceil(needed / count))]
    for rows in torch.cat(orders)[:needed].split(size):
        yield batch_of(to_unit(pixels[rows]), labels[rows], noise, training=True)


def train(network: nn.Module, objective: Any, batches: Any, test: Any, epochs: int, rate: float) -> Losses:
    """Train with Adam; return the loss on training and on validation images after each epoch."""
    optimiser = torch.optim.Adam((each for each in network.parameters() if each.requires_grad), lr=rate)
    train_loss, val_loss = [], []
    for epoch in range(1, epochs + 1):
        torch.manual_seed(seed(SEED, epoch, NETWORK))  # dropout and the latent variable draw from it
        network.train()
        losses = []
        for batch in batches(epoch):
            loss = total(objective(network(batch.image), batch))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses += [loss.item()] * len(batch.label)
        train_loss.append(float(np.mean(losses)))
        val_loss.append(evaluate(network, objective, test))
        print(f"epoch {epoch} of {epochs}: loss {train_loss[-1]:.5f}, validation {val_loss[-1]:.5f}")
    return train_loss, val_loss


def evaluate(network: nn.Module, objective: Any, batch: Any, size: int = 100) -> float:
    """Return the mean loss over one large batch, a hundred images at a time."""
    network.eval()
    summed = 0.0
    with torch.no_grad():
        for start in range(0, len(batch.image), size):
            rows = slice(start, start + size)
            part = Batch(batch.image[rows], batch.target[rows], batch.label[rows])
            summed += total(objective(network(part.image), part)).item() * len(part.image)
    return summed / len(batch.image)


def learn(
    name: str,
    build: Callable[[], Any],
    objective: Any,
    data: Any,
    batch_of: Any = None,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float = 1e-3,
    steps: int | None = None,
) -> TrainedRun:
    """Train a network, or read the run that `aezoo train` made of it."""
    if not TRAIN:
        return read(name, build)
    print(name)
    batch_of = batch_of or as_it_is
    torch.manual_seed(seed(SEED, 0, NETWORK))
    network = build()
    tensors = {
        split: (torch.from_numpy(pixels), torch.from_numpy(labels.astype(np.int64)))
        for split, (pixels, labels) in data.items()
    }
    measured = {
        split: batch_of(to_unit(pixels), labels, torch.Generator().manual_seed(seed(0, 0, TEST_NOISE)), training=False)
        for split, (pixels, labels) in tensors.items()
        if split != "train"
    }
    validation = measured.get("validation", measured["test"])  # where the sheet has no other, the test split
    batches_of = partial(batches, *tensors["train"], batch_of, batch_size, steps)
    losses = train(network, objective, batches_of, validation, EPOCHS or epochs, learning_rate)
    train_loss, val_loss = map(np.array, losses)
    inputs, targets = measured["test"].image[:10].numpy(), data["test"][0][:10].astype(np.float32) / 255
    return TrainedRun(name, build, train_loss, val_loss, inputs, targets, partial(ask, network), network=network)


def ask(network: nn.Module, images: np.ndarray) -> dict[str, np.ndarray]:
    """Return what a network makes of images, float32 (N, C, H, W) in [0, 1]."""
    with torch.no_grad():
        output = network.eval()(torch.from_numpy(images))
    return {name: value.numpy() for name, value in output._asdict().items() if value is not None}


def read(name: str, build: Callable[[], Any]) -> TrainedRun:
    """Read a run of `aezoo train`: losses and images from history.h5, the network itself from model.onnx."""
    arrays: dict[str, np.ndarray] = {}
    with h5py.File(RUNS / name / "history.h5") as file:
        file.visititems(lambda key, item: arrays.update({key: item[:]}) if isinstance(item, h5py.Dataset) else None)
    session = onnxruntime.InferenceSession(str(RUNS / name / "model.onnx"), providers=["CPUExecutionProvider"])
    outputs = [output.name for output in session.get_outputs()]

    def ask(images: np.ndarray) -> dict[str, np.ndarray]:
        return dict(zip(outputs, session.run(outputs, {"image": images}), strict=True))

    train_loss, val_loss = arrays["history/epoch/train_loss"], arrays["history/epoch/val_loss"]
    print(f"{name}: {len(train_loss)} epochs, loss {train_loss[-1]:.5f}, validation {val_loss[-1]:.5f}")
    inputs, targets = (arrays[f"samples/{key}"].astype(np.float32) / 255 for key in ("inputs", "targets"))
    images = {key.removeprefix("grids/"): array for key, array in arrays.items() if key.startswith("grids/")}
    return TrainedRun(name, build, train_loss, val_loss, inputs, targets, ask, images)


def as_it_is(image: Tensor, label: Tensor, generator: torch.Generator, training: bool) -> Any:
    """The image goes in, and should come out."""
    return Batch(image, image, label)


def noisy(sigma: float) -> Any:
    """The image goes in with fresh noise, and should come out without."""

    def batch_of(image: Tensor, label: Tensor, generator: torch.Generator, training: bool) -> Any:
        return Batch(add_noise(image, sigma, generator), image, label)

    return batch_of


def from_grey(image: Tensor, label: Tensor, generator: torch.Generator, training: bool) -> Any:
    """The grey values go in, and the colours should come out."""
    return Batch(grey(image), image, label)


def to_classify(*, augment: bool = False, noise_class: bool = False) -> Any:
    """The image goes in, distorted or not, and as many of noise, which are a class of their own."""

    def batch_of(image: Tensor, label: Tensor, generator: torch.Generator, training: bool) -> Any:
        if augment and training:
            image = distort(image, generator)
        if noise_class:
            image = torch.cat([image, pure_noise(image, generator)])
            label = torch.cat([label, torch.full_like(label, CLASSES)])
        return Batch(image, image, label)

    return batch_of


def one_of_each_class(image: Tensor, label: Tensor, generator: torch.Generator, training: bool) -> Any:
    """The class goes in, as a picture of one row with one pixel a class, and a letter of it should come out."""
    return Batch(functional.one_hot(label, CLASSES).float()[:, None, None, :], normalise(image), label)


def print_layers(run: TrainedRun) -> None:
    """Print a network's layers, the shapes that they give and what they learn."""
    network = run.build()
    layers = layers_of(network, run.inputs.shape[1:])
    rows = [("Layer (type)", "Output shape", "Param #")]
    for each in layers:
        shape = ", ".join(map(str, ("None", *each["shape"])))
        rows.append((each["type"], f"({shape})", f"{each['parameters']:,}"))
    rows += [("Total params", "", f"{sum(each['parameters'] for each in layers):,}")]
    print("\n".join(f"{layer:28}{shape:24}{parameters:>12}" for layer, shape, parameters in rows))
