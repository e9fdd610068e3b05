"""The tasks: what goes into a network, what should come out, and what it is measured beside."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Task:
    """One kind of work for a network.

    name        its name in cards and histories
    does        what a network of it does: the sentence after "it"
    baselines   what a network is measured beside; the first says most
    input       what goes in: the image (with noise, where the recipe adds some), its grey values, or its class alone
    target      what should come out: the image, images of its class from another data set, or its label
    metric      the metric that says most, where the sheet gives none of its own
    """

    name: str
    does: str
    baselines: tuple[str, ...]
    input: Literal["image", "grey", "class"] = "image"
    target: Literal["image", "translation", "label"] = "image"
    metric: str = "mse"

    @property
    def by_class(self) -> bool:
        """Whether the class alone says what should come out, which a classifier can then check."""
        return self.input == "class" or self.target == "translation"


_ALWAYS = ("nearest-example", "mean-image", "black")

RECONSTRUCT = Task("reconstruct", "gives back the image that goes in, through the bottleneck", ("pca", *_ALWAYS))
DENOISE = Task(
    "denoise", "gives back the image without the noise that was added to it", ("linear", "noisy-input", *_ALWAYS)
)
COLOURISE = Task(
    "colourise", "gives colours to the grey values that go in", ("grey-copied", "linear", *_ALWAYS), input="grey"
)
GENERATE = Task(
    "generate",
    "gives back the image; new ones come from points of the latent plane, through decoder.onnx",
    ("nearest-example", "pca", "mean-image", "black"),
)
TRANSLATE = Task(
    "translate",
    "gives a Latin letter for the Cyrillic one that goes in",
    ("nearest-example", "linear", "copied-input", "mean-image", "black"),
    target="translation",
    metric="accuracy",
)
RECALL = Task(
    "recall",
    "gives the letter of the class that goes in, one pixel a class",
    ("class-mean", "mean-image", "black"),
    input="class",
    metric="accuracy",
)
CLASSIFY = Task(
    "classify",
    "names what is on the image: the largest of the logits",
    ("nearest-example", "nearest-mean", "majority"),
    target="label",
    metric="accuracy",
)

TASKS = {task.name: task for task in (RECONSTRUCT, DENOISE, COLOURISE, GENERATE, TRANSLATE, RECALL, CLASSIFY)}


def does(name: str) -> str:
    """Return what a network of the task of that name does; "" where this version does not know the task."""
    return TASKS[name].does if name in TASKS else ""


def ranked(name: str, baselines: Iterable[str]) -> list[str]:
    """Return the names of baselines, the one that says most about a task first; unknown ones come last."""
    order = TASKS[name].baselines if name in TASKS else ()
    return sorted(baselines, key=lambda each: (order.index(each) if each in order else len(order), each))
