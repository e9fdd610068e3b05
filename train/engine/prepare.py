"""From pixels and labels to what goes in and what should come out, as a recipe's task has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from zoo.blocks import normalise
from zoo.data.images import LUMA, Images
from zoo.objectives import READS_LABEL, Batch
from zoo.recipe import Recipe

SEVERAL = 20  # letters of a class that an output is compared with
NOISE_MEAN, NOISE_DEVIATION = 0.5, 0.15  # of an image of pure noise; nearly none of it is clipped
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
            noise = torch.randn(image.shape, generator=generator, device=image.device)
            image = torch.cat([image, (NOISE_MEAN + NOISE_DEVIATION * noise).clamp_(0, 1)])
            labels = torch.cat([labels, torch.full_like(labels, self.recipe.classes)])
        return Batch(image, image, labels)


def to_unit(pixels: Tensor) -> Tensor:
    """Map uint8 pixels to float32 in [0, 1]."""
    return pixels / 255  # as every embedder does; times 1/255 rounds differently


def add_noise(image: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """Add sigma·N(0, 1) to every pixel and clip to [0, 1]."""
    if sigma == 0:
        return image
    noise = torch.randn(image.shape, generator=generator, device=image.device)
    return (image + sigma * noise).clamp_(0, 1)


def grey(image: Tensor) -> Tensor:
    """Return the luma of colour images: (B, 3, H, W) → (B, 1, H, W)."""
    red, green, blue = image.unbind(1)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)[:, None]


def distort(image: Tensor, generator: torch.Generator, *, bend: float = 0.06) -> Tensor:
    """Turn, shear, scale, shift and bend each image at random: (B, 1, H, W) → the same.

    The bending is a smooth field of displacements, as in Simard, Steinkraus and Platt 2003; 0 leaves affine maps alone.
    """
    count, device = len(image), image.device

    def normal(*shape: int) -> Tensor:
        return torch.randn(count, *shape, generator=generator, device=device)

    affine = torch.eye(2, 3, device=device) + torch.cat([0.12 * normal(2, 2), 0.06 * normal(2, 1)], dim=2)
    grid = functional.affine_grid(affine, list(image.shape), align_corners=False)
    field = functional.interpolate(bend * normal(2, 5, 5), size=image.shape[2:], mode="bicubic", align_corners=True)
    return functional.grid_sample(image, grid + field.permute(0, 2, 3, 1), align_corners=False)


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
