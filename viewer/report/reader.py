"""Runs as the report reads them: through the worker process, one question at a time, like the window."""

from __future__ import annotations

import glob
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer

from viewer.infer.messages import Reply, Request
from viewer.qt.worker import Workers
from viewer.report.spread import Spread
from viewer.state import files, graph, history, metrics, numbers
from viewer.state.files import FileBytes
from viewer.state.formatting import clean, sentence
from viewer.state.graph import GraphInfo
from viewer.state.history import RunHistory
from viewer.state.samples import COUNT
from zoo import card as cards
from zoo import comparison, gate, pretrained, runs, studies
from zoo.card import Card
from zoo.data import sample, sets
from zoo.data.fit import luma
from zoo.data.images import Images
from zoo.errors import AezooError, CheckFailed, DataError, FileRefused
from zoo.runs import QUICK, RunFolder
from zoo.studies import Study

Key = TypeVar("Key")
Runs = Mapping[str, "ReportRun"]  # by what they are called in legends and tables

LIMIT_SECONDS = 60
AT_ONCE = 100  # images a question, so that each is answered well within its deadline

_EMPTY = history.from_parts({}, {})


@dataclass(frozen=True, eq=False)
class ReportRun:
    """A run's history and its graph. Of a run that is not there the history is empty, and `error` says why.

    listed  the graph's sha256 by card.json, '' where it lists none
    """

    name: str
    history: RunHistory = _EMPTY
    error: str = ""
    file: FileBytes | None = None
    graph: GraphInfo | None = None
    graph_error: str = ""
    listed: str = ""
    is_absent: bool = False
    seeds: tuple[RunHistory, ...] = ()  # the same recipe from other seeds

    @property
    def recipe(self) -> str:
        return self.name.split("/")[1]

    @property
    def is_there(self) -> bool:
        return not self.error

    @property
    def card(self) -> Card | None:
        return self.graph.card if self.graph else None

    @property
    def size(self) -> int:
        """Values in the bottleneck, 0 where that is not known."""
        return math.prod(self.history.bottleneck) if self.history.bottleneck else 0

    @property
    def reconstructions(self) -> np.ndarray | None:
        """What it makes of its first ten."""
        return self.history.samples.reconstructions if self.history.samples else None

    @property
    def samples_provenance(self) -> str:
        """Where its first ten are from: others may stand in for images that must not be passed on."""
        return self.fact("samples_provenance") or self.history.provenance

    @property
    def first_ten(self) -> str:
        """What its first ten are called at the beginning of a sentence."""
        if self.samples_provenance == self.history.provenance:
            return "The first ten test images"
        return "Ten patches of photographs, in place of test images that must not be passed on,"

    @property
    def is_quick(self) -> bool:
        """Whether it was cut to a few steps, so that nothing may be concluded from its figures."""
        return self.history.state == QUICK

    def measured(self, name: str) -> float | None:
        """Return a figure of the test split, for a table; None for one that is not there or not finite."""
        return numbers.finite_or_none(self.history.metrics.get(name))

    def metric(self, name: str) -> float | None:
        """Return the same where something may be concluded from it: None of a run that was cut to a few steps."""
        return None if self.is_quick else self.measured(name)

    def spread(self, name: str) -> Spread:
        """Return what this run and the same recipe from other seeds have in a metric."""
        found = [self.metric(name), *(numbers.finite_or_none(each.metrics.get(name)) for each in self.seeds)]
        return Spread(tuple(value for value in found if value is not None))

    @cached_property
    def baselines(self) -> dict[str, Mapping[str, float]]:
        """The baselines that the run is compared with, the one that says most first."""
        task = (self.card.task if self.card else "") or self.fact("task")
        is_denoiser = self.history.noise > 0 and task in ("", "reconstruct")
        return metrics.comparable_baselines(self.history.baselines, "denoise" if is_denoiser else task)

    def baseline(self, name: str, metric: str) -> float | None:
        """Return a baseline's figure of the test split; None for one that is not there, not finite or not compared."""
        return numbers.finite_or_none(self.baselines.get(name, {}).get(metric))

    def compared(self, name: str, metric: str = "mse") -> str:
        """Return '4.2× less error than PCA', for a baseline by its name; '' where there is nothing to compare."""
        return comparison.in_words(self.metric(metric), self.baseline(name, metric), metric, name)

    def published(self, metric: str) -> float | None:
        return self.history.published.get(metric)

    def fact(self, key: str) -> str:
        """Return what the history's meta holds under a key, as text."""
        return self.history.facts.get(key, "")

    def count(self, key: str) -> int:
        """Return a whole number of the history's meta, 0 where there is none."""
        text = self.fact(key)
        return int(text) if text.isdecimal() and len(text) < 16 else 0


def figures_of(runs: Mapping[Key, ReportRun], metric: str) -> dict[Key, float]:
    """Return a metric of those runs that have it, the mean of their seeds."""
    return {key: spread.mean for key, spread in spreads_of(runs, metric).items()}


def spreads_of(runs: Mapping[Key, ReportRun], metric: str) -> dict[Key, Spread]:
    """Return what the seeds of each run have in a metric, of those runs that have it."""
    return {key: run.spread(metric) for key, run in runs.items() if run.metric(metric) is not None}


class Reader:
    """Asks the worker and waits for its answer; remembers what it read. `data` is what `--data` names."""

    def __init__(self, root: Path, data: str | None = None, *, say: Callable[[str], None] = lambda _: None) -> None:
        self._runs = root
        self._data = data
        self._say = say
        self._workers = Workers(keep_spare=False)
        self._known: dict[str, ReportRun] = {}
        self._split, self._study = cache(self._load), cache(self._read_study)
        self.errors: list[str] = []

    def close(self) -> None:
        self._workers.close()

    @property
    def known(self) -> list[ReportRun]:
        """The runs that were asked for so far."""
        return list(self._known.values())

    def run(self, name: str) -> ReportRun:
        """Return a run; one that cannot be read carries the error."""
        if name not in self._known:
            self._say(f"reading {name}")
            read = self._read(name)
            self._known[name] = replace(read, seeds=self._seeds(name)) if read.is_there else read
        return self._known[name]

    def numbers_of(self, name: str) -> ReportRun:
        """Return a run, or what is kept of it in a study: its numbers without its graph."""
        run = self.run(name)
        for study in self._studies(name.split("/")[0]) if run.is_absent else ():
            if kept := study.runs.get(name):
                strip = study.pictures.get(name)
                arrays = {**kept.arrays, **(self._photographs(strip) if strip else {})}
                meta = {**kept.meta, "samples_provenance": sample.PHOTOS_PROVENANCE} if strip else kept.meta
                self._known[name] = ReportRun(name, history.from_parts(meta, arrays))
                break
        return self._known[name]

    def experiment(self, assignment: str, name: str) -> Mapping[str, Any]:
        """Return what `aezoo study` measured for a sheet; nothing where it was not asked."""
        found = [study.experiments[name] for study in self._studies(assignment) if name in study.experiments]
        return next((each for each in found if isinstance(each, Mapping)), {})

    def _studies(self, assignment: str) -> list[Study]:
        """Return the study beside the runs and the one that comes with the package."""
        return [self._study(root, assignment) for root in dict.fromkeys((self._runs, pretrained.FOLDER))]

    def _seeds(self, name: str) -> tuple[RunHistory, ...]:
        """Return the same recipe from other seeds: run folders `NAME@seed=N`, and those kept in the study beside it."""
        kept = {
            each: history.from_parts(run.meta, run.arrays)
            for each, run in self._study(self._runs, name.split("/")[0]).runs.items()
            if each.startswith(f"{name}@seed=")
        }
        folder = RunFolder.of(self._runs, name).path
        for path in sorted(folder.parent.glob(f"{glob.escape(folder.name)}@seed=*")):
            each = f"{name.split('/')[0]}/{path.name}"
            if (read := self._read(each)).is_there:
                kept[each] = read.history
        return tuple(each for _, each in sorted(kept.items()) if each.state in ("finished", "failed"))

    def _read_study(self, root: Path, assignment: str) -> Study:
        try:
            return studies.read(root, assignment)
        except (FileRefused, OSError) as error:
            self.errors.append(sentence(clean(error, limit=500)))
            return Study()

    def _photographs(self, strip: str) -> dict[str, np.ndarray]:
        """The embedded photographs, their grey, and what a run made of them."""
        targets = sets.load("cifar10", "test", sets.SAMPLE).pixels[:COUNT]
        try:
            made = studies.from_strip(strip, count=len(targets))
        except FileRefused as error:
            self.errors.append(sentence(str(error)))
            return {}
        inputs = np.round(luma(targets.transpose(0, 2, 3, 1))).astype(np.uint8)[:, None]
        return {runs.SAMPLE_INPUTS: inputs, runs.SAMPLE_TARGETS: targets, runs.SAMPLE_RECONSTRUCTIONS: made}

    def _read(self, name: str) -> ReportRun:
        folder = RunFolder.of(self._runs, name)
        if not folder.history.is_file():
            return ReportRun(name, error=f"{name} is not trained yet: `aezoo train {name}`.", is_absent=True)
        try:
            file = files.read(folder.history, limit=gate.MAX_HDF5_BYTES, label=str(folder.history))
            reply = self._request(Request("report", "history", file))
            read = history.from_parts(reply.facts["meta"], reply.arrays)
        except (FileRefused, CheckFailed) as error:
            return ReportRun(name, error=f"{sentence(str(error))} Train it again: `aezoo train {name} --overwrite`.")
        if read.recipe != name:
            text = clean(read.recipe, limit=60) or "nothing known"
            return ReportRun(name, error=f"{folder.path} holds a run of {text}, expected {name}: it is left out.")
        return self._with_graph(name, folder, read)

    def _with_graph(self, name: str, folder: RunFolder, read: RunHistory) -> ReportRun:
        path = folder.graph("model")
        if not path.is_file():
            return ReportRun(name, read, graph_error=f"{name} is not exported yet: `aezoo export {name}`.")
        try:
            file = files.read(path, limit=gate.MAX_ONNX_BYTES, label=str(path))
            found = graph.from_header(self._request(Request("report", "graph", file)).facts)
        except (FileRefused, CheckFailed, ValueError) as error:
            text = f"{sentence(clean(error, limit=500))} Export it again: `aezoo export {name}`."
            return ReportRun(name, read, graph_error=text)
        listed = _listed(folder)
        return ReportRun(name, read, "", file, found, graph_error=found.error, listed=listed)

    def outputs(self, run: ReportRun, images: np.ndarray, name: str) -> np.ndarray | None:
        """Return what the run's graph makes of images, float32 (N, …) for (N, C, H, W) in [0, 1]; None without a graph.

        A graph that cannot be run is named in `errors`.
        """
        if run.file is None:
            return None
        request = partial(Request, requester="report", kind="run", file=run.file, outputs=(name,))
        try:
            made = [
                self._request(request(images=images[start : start + AT_ONCE])).arrays[name]
                for start in range(0, len(images), AT_ONCE)
            ]
        except (FileRefused, CheckFailed) as error:
            self.errors.append(sentence(clean(error, limit=500)))
            return None
        return np.concatenate(made)

    def images(self, run: ReportRun, split: str) -> Images | str:
        """Return a split of the data that a run was trained on, or a sentence on what is missing and how to give it."""
        return self._split(run.history.dataset or "mnist", split)

    def _load(self, name: str, split: str) -> Images | str:
        base = name.removesuffix(f"-{sets.SAMPLE}")
        data = sets.SAMPLE if base != name else self._data
        if base not in sets.DATA_SETS:
            return f"No data set {clean(name, limit=40)} is known, so that its images cannot be shown."
        if base == name and self._data == sets.SAMPLE:
            return f"The run was trained on {name} and not on the sample: give its folder with `--data DIR`."
        self._say(f"loading {name}")
        try:
            return sets.load(base, split, data)
        except (AezooError, OSError) as error:
            cause = sentence(clean(error, limit=500)) if isinstance(error, DataError) and self._data else ""
            return (
                f"{base} is not at hand; name the folder that holds it with `--data DIR` (or AEZOO_DATA). {cause}"
            ).strip()

    def _request(self, request: Request) -> Reply:
        loop, replies = QEventLoop(), list[Reply]()

        def take(reply: Reply) -> None:
            if reply.request is request:
                replies.append(reply)
                loop.quit()

        self._workers.answered.connect(take)
        QTimer.singleShot(1000 * LIMIT_SECONDS, loop, loop.quit)
        self._workers.send(request)
        loop.exec()
        self._workers.answered.disconnect(take)
        if not replies:
            raise CheckFailed(f"{request.file.label}: no answer within {LIMIT_SECONDS} s; try once more")
        if replies[0].error:
            raise FileRefused(replies[0].error)
        return replies[0]


def _listed(folder: RunFolder) -> str:
    try:
        text = files.read(folder.card, limit=2 * cards.MAX_TEXT, label=str(folder.card)).data.decode()
        return cards.files_of(text).get("model.onnx", ("", 0))[0]
    except (FileRefused, UnicodeDecodeError):
        return ""  # no card, or none that can be read: nothing is listed
