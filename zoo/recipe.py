"""A recipe: one trainable model of an assignment, as a value. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from zoo.data import sets
from zoo.data.splits import PUBLISHED, Selection
from zoo.tasks import RECONSTRUCT, Task

if TYPE_CHECKING:
    from zoo.blocks import Autoencoder, Classifier


OPTIMISER = "Adam, β 0.9 and 0.999, ε 1e-8"  # of every recipe, as torch has it by default
GLOROT = "Glorot-uniform weights, zero biases"


@dataclass(frozen=True)
class Network:
    """A function that builds a network, and what is known of it before it is built. Calling this builds one.

    summary         its layers in one line
    parameters      how many values are trained
    bottleneck      shape of one image's bottleneck; () for a classifier
    view            the (rows, columns) in which the sheet wants the bottleneck shown
    initialisation  how weights start
    """

    build: Callable[[], Autoencoder | Classifier]
    summary: str
    parameters: int
    bottleneck: tuple[int, ...] = ()
    view: tuple[int, int] | None = None
    initialisation: str = GLOROT

    def __call__(self) -> Autoencoder | Classifier:
        return self.build()


def network(
    summary: str,
    *,
    parameters: int,
    bottleneck: tuple[int, ...] = (),
    view: tuple[int, int] | None = None,
    initialisation: str = GLOROT,
) -> Callable[[Callable[[], Autoencoder | Classifier]], Network]:
    """Decorate a function that builds a network with what is known of it before it is built."""
    return lambda build: Network(build, summary, parameters, bottleneck, view, initialisation)


@dataclass(frozen=True)
class Data:
    """What goes in and what should come out.

    name            the data set
    split           'published', or '80/10/10' of all images shuffled
    selection       only the images of one label, of the training split so many
    noise           standard deviation of the Gaussian noise added to the input, in units of the pixel range [0, 1]; the
                    noisy input is clipped to [0, 1] and the target stays clean
    noise_class     classify as many images of pure noise again, as a class of their own
    augment         distort the training images afresh each time, by affine and elastic maps
    targets         the data set of the targets, where it is another one
    target_letters  which of its letters are the target: 'several' of the class, the same 'one', or their 'mean'
    """

    name: str
    split: str = PUBLISHED
    selection: Selection | None = None
    noise: float = 0.0
    noise_class: bool = False
    augment: bool = False
    targets: str | None = None
    target_letters: Literal["several", "one", "mean"] = "mean"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long is learned, and how fast, with Adam.

    steps   batches an epoch; None: each image once. Images are taken again and again until it is full
    seed    of a variant that names one; otherwise the command's own is taken
    """

    epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    steps: int | None = None
    seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class Needs:
    """The recipes that must be trained before this one, and what for; iterating gives each name once.

    teacher              its frozen classifier is a part of the loss
    scoring_classifier   its classifier names what comes out when it is measured
    parent               its trained decoder is taken over and frozen
    """

    teacher: str | None = None
    scoring_classifier: str | None = None
    parent: str | None = None

    def __iter__(self) -> Iterator[str]:
        names = (self.parent, self.teacher, self.scoring_classifier)
        return iter(dict.fromkeys(name for name in names if name))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Network + data set + objective + schedule.

    published     the sheet's own figures on the test split, by metric
    compared_by   the metric of the figures that the sheet gives for its sisters, where it gives none for this one
    choices       what the sheet leaves open and we chose, in sentences
    """

    name: str
    network: Network
    data: Data
    objective: str
    schedule: Schedule
    task: Task = RECONSTRUCT
    needs: Needs = Needs()
    published: Mapping[str, float] = field(default_factory=dict)
    compared_by: str | None = None
    choices: tuple[str, ...] = ()

    @property
    def assignment(self) -> str:
        return self.name.split("/")[0]

    @property
    def metric(self) -> str:
        """The metric that says most: the sheet's own, where it published one."""
        return self.compared_by or next(iter(self.published), self.task.metric)

    @property
    def main_baseline(self) -> str:
        """The baseline that says most beside this model."""
        return self.task.baselines[0]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the data set's images."""
        return sets.get(self.data.name).shape

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of what goes in: the images, their grey values, or a row with one pixel a class."""
        channels, height, width = self.image_shape
        shapes = {"image": (channels, height, width), "grey": (1, height, width), "class": (1, 1, self.classes)}
        return shapes[self.task.input]

    @property
    def classes(self) -> int:
        """Kinds of images in the data set."""
        return sets.get(self.data.name).classes

    @property
    def data_sets(self) -> tuple[str, ...]:
        return (self.data.name, *([self.data.targets] if self.data.targets else []))
