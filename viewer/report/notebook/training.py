"""The cells that define and train networks, from the recipes' source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from viewer.report.pictures import call_code
from zoo.source import Definition, Source, TrainingCode, paths_of, training_code

CODE = Path(__file__).parent / "code"
PIECES = {
    "The data:": CODE / "loading.py",
    "Training, or reading what was trained:": CODE / "training.py",
    "Pictures:": CODE / "pictures.py",
}


class DataCode(NamedTuple):
    """What a data set is called in a notebook, what loads it, and from which files."""

    name: str
    load: str
    files: str


_LETTERS = "CoMNIST/images with Cyrillic.zip and Latin.zip"
DATA = {  # by a recipe's data set
    "mnist": DataCode("mnist", "load_mnist()", "MNIST's four IDX files, zipped or not"),
    "cifar10": DataCode("cifar10", "load_cifar10()", "the folder cifar-10-batches-bin"),
    "cyrillic": DataCode("cyrillic_letters", 'load_letters("Cyrillic")', _LETTERS),
    "latin": DataCode("latin_letters", 'load_letters("Latin")', _LETTERS),
}
RATE = 1e-3  # learn's own


@dataclass(frozen=True)
class NetworkCode:
    """The code of an assignment: its networks' source, the notebooks' own functions, and its recipes."""

    assignment: str

    @cached_property
    def source(self) -> Source:
        return Source.of([*paths_of(self.assignment), *PIECES.values()])

    @cached_property
    def recipes(self) -> Mapping[str, TrainingCode]:
        return training_code(self.assignment)

    @cached_property
    def own(self) -> frozenset[Definition]:
        """The definitions of the assignment's own file, which stand where they are first needed."""
        return frozenset(Source.of(paths_of(self.assignment)[-1:]).definitions)

    def pieces(self, path: Path) -> frozenset[Definition]:
        """The definitions of one of the notebooks' own files."""
        return frozenset(Source.of([path]).definitions)

    def with_needs(self, names: Iterable[str]) -> list[str]:
        """Return recipes and those that they learn from, in the order in which they can be trained."""
        wanted: set[str] = set()
        left = list(names)
        while left:
            name = left.pop()
            if name in self.recipes and name not in wanted:
                wanted.add(name)
                left += [self.recipes[name].settings[key] for key in ("teacher", "parent")]
        return [name for name in self.recipes if name in wanted]

    def data(self, names: Iterable[str]) -> dict[str, str]:
        """Return what loads the data sets of some recipes, by what they are called in a notebook."""
        sets = [self.recipes[name].settings[key] for name in names for key in ("data", "targets")]
        return {DATA[name].name: DATA[name].load for name in dict.fromkeys(sets) if name}

    def learn(self, name: str) -> str:
        """Return the code that trains a recipe's network, or reads its run."""
        code, settings = self.recipes[name], self.recipes[name].settings
        build, objective, data = code.network, code.objective, DATA[settings["data"]].name
        if settings["parent"]:
            build = f'with_decoder_of(runs["{settings["parent"]}"])'
        if settings["teacher"]:
            objective = f'taught(runs.get("{settings["teacher"]}"))'
        if settings["label"] is not None:
            chosen = [str(settings[key]) for key in ("label", "count") if settings[key] is not None]
            data = call_code("only", data, *chosen)
        keywords: dict[str, object] = {key: settings[key] for key in ("epochs", "batch_size", "steps")}
        if settings["learning_rate"] != RATE:
            keywords["learning_rate"] = settings["learning_rate"]
        batch_of = _batch_of(settings)
        arguments = [f'"{name}"', build, objective, data, *([batch_of] if batch_of else [])]
        return call_code(f'runs["{name}"] = learn', *arguments, **keywords)


def _batch_of(settings: Mapping[str, Any]) -> str:
    """Return what makes a batch of a recipe's images; '' where they go in and come out as they are."""
    if settings["targets"]:
        return f'to_translate("{settings["target_letters"]}")'
    if settings["augment"] or settings["noise_class"]:
        return call_code("to_classify", augment=settings["augment"], noise_class=settings["noise_class"])
    if settings["noise"]:
        return f"noisy({settings['noise']:g})"
    return {"grey": "from_grey", "class": "one_of_each_class"}.get(settings["input"], "")


def text_of(definitions: Sequence[Definition]) -> str:
    """Return definitions as a cell: functions two lines apart, constants together."""
    text = ""
    for before, each in zip([None, *definitions], definitions, strict=False):
        close = before is not None and before.is_constant and each.is_constant
        text += each.text if before is None else ("\n" if close else "\n\n\n") + each.text
    return text
