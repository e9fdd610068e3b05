"""A recipe: one trainable model of an assignment, as a value. Torch-free."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from zoo.data import sets
from zoo.data.splits import PUBLISHED, Selection
from zoo.tasks import RECONSTRUCT, Task

if TYPE_CHECKING:
    from zoo.blocks import Autoencoder, Classifier
    from zoo.objectives import Batch, Terms


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
    features        values that a classifier's last layer sees
    """

    build: Callable[[], Autoencoder | Classifier]
    summary: str
    parameters: int
    bottleneck: tuple[int, ...] = ()
    view: tuple[int, int] | None = None
    initialisation: str = GLOROT
    features: int = 0

    def __call__(self) -> Autoencoder | Classifier:
        return self.build()

    def with_outputs(self, count: int, before: int) -> Network:
        """Return a classifier's network with so many outputs instead of those before."""

        def build() -> Autoencoder | Classifier:
            classifier: Any = self.build()
            resized: Classifier = classifier.with_outputs(count)
            return resized

        parameters = self.parameters + (self.features + 1) * (count - before)
        summary = f"{self.summary.rpartition(', ')[0]}, {count}"
        return replace(self, build=build, summary=summary, parameters=parameters)


def network(
    summary: str,
    *,
    parameters: int = 0,
    bottleneck: tuple[int, ...] = (),
    view: tuple[int, int] | None = None,
    initialisation: str = GLOROT,
    features: int = 0,
) -> Callable[[Callable[[], Autoencoder | Classifier]], Network]:
    """Decorate a function that builds a network with what is known of it before it is built.

    Of a network in a file of one's own only the summary is given; the rest is found out when the file is read.
    """
    return lambda build: Network(build, summary, parameters, bottleneck, view, initialisation, features)


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
    shape, classes  (C, H, W) of an image, and kinds of images, where it is no data set of the zoo: the user's pictures
    """

    name: str
    split: str = PUBLISHED
    selection: Selection | None = None
    noise: float = 0.0
    noise_class: bool = False
    augment: bool = False
    targets: str | None = None
    target_letters: Literal["several", "one", "mean"] = "mean"
    shape: tuple[int, int, int] | None = None
    classes: int = 0

    @property
    def is_own(self) -> bool:
        """Whether these are pictures of the user's own, which lie where `--images` says."""
        return self.shape is not None


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
    loss          the objective as a function of one's own; `objective` is then what it is called
    file          the user's file that it stands in, and the sum of that; '' of the zoo's own
    has_source    whether its network can be built: of a recipe that only its run describes it cannot
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
    loss: Callable[[Any, Batch], Terms] | None = None
    file: str = ""
    file_sha256: str = ""
    has_source: bool = True

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
        return self.data.shape or sets.get(self.data.name).shape

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of what goes in: the images, their grey values, or a row with one pixel a class."""
        channels, height, width = self.image_shape
        shapes = {"image": (channels, height, width), "grey": (1, height, width), "class": (1, 1, self.classes)}
        return shapes[self.task.input]

    @property
    def classes(self) -> int:
        """Kinds of images in the data set."""
        return self.data.classes if self.data.is_own else sets.get(self.data.name).classes

    @property
    def summary(self) -> str:
        """The network's layers in one line, and of what few images it learns."""
        return self.network.summary + (f", {self.data.selection}" if self.data.selection else "")

    @property
    def data_sets(self) -> tuple[str, ...]:
        """The data sets of the zoo that it is trained on."""
        return () if self.data.is_own else (self.data.name, *([self.data.targets] if self.data.targets else []))
