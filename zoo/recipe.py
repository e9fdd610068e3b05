"""A recipe: one trainable model of an assignment, as a value. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from zoo.data import sets
from zoo.data.splits import PUBLISHED, Selection

if TYPE_CHECKING:
    from zoo.blocks import Autoencoder, Classifier

Task = Literal["reconstruct", "denoise", "colourise", "generate", "translate", "recall", "classify"]
Wanted = Literal["several", "one", "mean"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Network + data set + objective + schedule.

    task            what goes in and what should come out:
                    reconstruct  the image, the image
                    denoise      the image with noise, the image
                    colourise    its grey values, the image
                    generate     the image, the image, by a variational network that can make new ones
                    translate    a letter, letters of the same class of `partner`
                    recall       a class alone, the letters of that class
                    classify     the image, its label
    noise           standard deviation of the Gaussian noise added to the input, in units of the pixel range [0, 1];
                    the noisy input is clipped to [0, 1] and the target stays clean
    split           'published', or '80/10/10' of all images shuffled
    selection       only the images of one label, of the training split so many
    steps           batches an epoch; None: each image once. The images are dealt over and over until it is full
    partner         the data set of the targets, and `wanted` what is wanted of it: 'several' letters of the class, the
                    same 'one', or their 'mean'
    noise_class     classify as many images of pure noise again, as a class of their own
    augment         distort the training images afresh each time, by affine and elastic maps
    teacher         the recipe whose frozen classifier judges what comes out, inside the loss
    judge           the recipe whose classifier judges what came out, when it is measured
    parent          the recipe whose trained decoder is taken over and frozen
    bottleneck_view the (rows, columns) in which the sheet wants the bottleneck shown
    published       the sheet's own figures on the test split, by metric
    seed            of a variant that names one; otherwise the command's own is taken
    measured_by     the metric that its sisters' figures are given in, where the sheet gives this one none
    rival           the baseline that says most beside this model
    choices         what the sheet leaves open and we chose, in sentences
    """

    name: str
    summary: str
    network: Callable[[], Autoencoder | Classifier]
    dataset: str
    objective: str
    epochs: int
    batch_size: int
    task: Task = "reconstruct"
    learning_rate: float = 1e-3
    steps: int | None = None
    noise: float = 0.0
    split: str = PUBLISHED
    selection: Selection | None = None
    partner: str | None = None
    wanted: Wanted | None = None
    noise_class: bool = False
    augment: bool = False
    teacher: str | None = None
    judge: str | None = None
    parent: str | None = None
    bottleneck_view: tuple[int, int] | None = None
    published: Mapping[str, float] = field(default_factory=dict)
    measured_by: str | None = None
    seed: int | None = None
    rival: str = "pca"
    choices: tuple[str, ...] = ()

    @property
    def assignment(self) -> str:
        return self.name.split("/")[0]

    @property
    def needs(self) -> tuple[str, ...]:
        """The recipes that must be trained before this one."""
        return tuple(dict.fromkeys(name for name in (self.parent, self.teacher, self.judge) if name))

    @property
    def metric(self) -> str:
        """The metric that says most: the sheet's own, where it published one."""
        if self.measured_by:
            return self.measured_by
        return next(iter(self.published), "accuracy" if self.task in ("classify", "translate", "recall") else "mse")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the data set's images."""
        return sets.get(self.dataset).shape

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of what goes in: the images, their grey values, or a row with one pixel a class."""
        channels, height, width = self.image_shape
        if self.task == "recall":
            return 1, 1, self.classes
        return (1, height, width) if self.task == "colourise" else (channels, height, width)

    @property
    def classes(self) -> int:
        """Kinds of images in the data set."""
        return sets.get(self.dataset).classes

    @property
    def data_sets(self) -> tuple[str, ...]:
        return (self.dataset, *([self.partner] if self.partner else []))
