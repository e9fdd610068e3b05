"""From pixels and labels to what goes in and what should come out, as a recipe's task has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from zoo.blocks import normalise
from zoo.data.images import Images
from zoo.inputs import add_noise, distort, grey, pure_noise, to_unit
from zoo.objectives import READS_LABEL, Batch
from zoo.recipe import Recipe

SEVERAL = 20  # letters of a class that an output is compared with
BANK_SEED = 26


@dataclass(frozen=True)
class Preparation:
    """How a recipe's batches are made; `bank` holds the target letters by class, `means` the mean of all of a class.

    The bank is normalised, once for all, where the objective compares normalised images.
    """

    recipe: Recipe
    bank: Tensor | None = None  # (classes, K, C, H, W) float32
    means: Tensor | None = None  # (classes, C, H, W) float32

    @classmethod
    def of(cls, recipe: Recipe, targets: Images | None, *, device: torch.device) -> Preparation:
        """Return the preparation of a recipe; `targets` are the images of its other data set, where it has one."""
        if targets is None:
            return cls(recipe)
        bank = _as_compared(torch.from_numpy(_bank(targets, recipe)).to(device), recipe)
        return cls(recipe, bank, torch.from_numpy(class_means(targets, recipe.classes)).to(device))

    @property
    def reads_labels(self) -> bool:
        """Whether training reads labels at all."""
        recipe = self.recipe
        return self.bank is not None or recipe.task.input == "class" or recipe.objective in READS_LABEL

    def __call__(self, pixels: Tensor, labels: Tensor, generator: torch.Generator, *, training: bool) -> Batch:
        """Make a batch of uint8 pixels (B, C, H, W) and labels (B,); the generator gives noise and distortion."""
        image = to_unit(pixels)
        if self.recipe.task.target == "label":
            return self._classify(image, labels, generator, training=training)
        return Batch(self.input(image, labels, generator), self.target(image, labels), labels)

    def measured(self, pixels: Tensor, labels: Tensor, generator: torch.Generator, *, noisy: bool = True) -> Batch:
        """Make a batch as it is measured: its target is what should come out as a picture, or a classifier's input."""
        if self.recipe.task.target == "label":
            return self(pixels, labels, generator, training=False)
        image = to_unit(pixels)
        return Batch(self.input(image, labels, generator if noisy else None), self.picture(image, labels), labels)

    def input(self, image: Tensor, labels: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return what goes in for clean images (B, C, H, W); without a generator no noise is added."""
        if self.recipe.task.input == "class":
            # As pictures of one row, (B, 1, 1, classes): one pixel a class, white for this one.
            return functional.one_hot(labels, self.recipe.classes).to(torch.float32)[:, None, None, :]
        if self.recipe.task.input == "grey":
            return grey(image)
        return image if generator is None else add_noise(image, self.recipe.data.noise, generator)

    def target(self, picture: Tensor, labels: Tensor) -> Tensor:
        """Return what the objective compares with: the picture, or where letters are translated those of the bank.

        Normalised, where the objective compares normalised images.
        """
        return self.bank[labels] if self.bank is not None else _as_compared(picture, self.recipe)

    def picture(self, image: Tensor, labels: Tensor) -> Tensor:
        """Return what should come out as a picture: the image, for a letter to translate the mean of its class."""
        return image if self.means is None else self.means[labels]

    def _classify(self, image: Tensor, labels: Tensor, generator: torch.Generator, *, training: bool) -> Batch:
        if training and self.recipe.data.augment:
            image = distort(image, generator)
        if self.recipe.data.noise_class:
            image = torch.cat([image, pure_noise(image, generator)])
            labels = torch.cat([labels, torch.full_like(labels, self.recipe.classes)])
        return Batch(image, image, labels)


def _as_compared(picture: Tensor, recipe: Recipe) -> Tensor:
    return normalise(picture) if recipe.objective == "mse-normalised" else picture


def class_means(images: Images, classes: int) -> np.ndarray:
    """Return the mean image of each class, float32 (classes, C, H, W) in [0, 1]."""
    means = [images.pixels[images.labels == label].mean(axis=0, dtype=np.float64) / 255 for label in range(classes)]
    return np.stack(means).astype(np.float32)


def _bank(images: Images, recipe: Recipe) -> np.ndarray:
    """Return the target letters of each class, float32 (classes, K, C, H, W); chosen once, with a fixed seed.

    Several: as many drawings of each class as there are of all, at most 20. One: the drawing nearest to the mean.
    """
    means, classes = class_means(images, recipe.classes), range(recipe.classes)
    if recipe.data.target_letters == "mean":
        return means[:, None]
    of_class = [images.pixels[images.labels == label].astype(np.float32) / 255 for label in classes]
    if recipe.data.target_letters == "one":
        return np.stack([_nearest(letters, mean)[None] for letters, mean in zip(of_class, means, strict=True)])
    count = min(SEVERAL, *map(len, of_class))
    orders = [
        np.random.default_rng([BANK_SEED, label]).permutation(len(letters)) for label, letters in enumerate(of_class)
    ]
    return np.stack([letters[order[:count]] for letters, order in zip(of_class, orders, strict=True)])


def _nearest(letters: np.ndarray, mean: np.ndarray) -> np.ndarray:
    nearest: np.ndarray = letters[np.square(letters - mean).sum(axis=(1, 2, 3)).argmin()]
    return nearest
