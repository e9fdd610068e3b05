"""What several rooms' tests share: small splits of the embedded digits, and one run trained on them."""

from __future__ import annotations

import atexit
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if "PYTEST_XDIST_WORKER" in os.environ:  # other processes have the other cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")
REAL_DATA = os.environ.pop("AEZOO_DATA", None)
os.environ.pop("AEZOO_RUNS", None)
os.environ.pop("AEZOO_MIRROR", None)

from zoo.data.fetch import cache_folder


def own_cache() -> str:
    """Return a cache folder for these tests: the tools of the user's own, and nothing that was measured before."""
    folder = Path(tempfile.mkdtemp(prefix="aezoo-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for tool in ("npm", "onnxruntime-headers"):
        if (cache_folder() / tool).is_dir():
            (folder / tool).symlink_to((cache_folder() / tool).resolve(), target_is_directory=True)
    return str(folder)


if "PYTEST_XDIST_WORKER" not in os.environ:  # workers share that of the process that started them
    os.environ["AEZOO_CACHE"] = own_cache()

import numpy as np
import pytest
import torch
from filelock import FileLock

from train.dependencies import in_order, load_dependencies
from train.engine.batches import TestSplit
from train.interrupts import Interrupt
from train.loop import Result, train
from train.measure.baselines import TrainingSplit, baseline_labels, baseline_pictures
from train.measure.metrics import Pixels
from train.options import Options
from train.progress import Progress
from zoo import checkpoints, pretrained, registry
from zoo.data import comnist, sample, sets
from zoo.data.images import Images
from zoo.data.splits import Splits, load, select
from zoo.recipe import Recipe
from zoo.runs import RunFolder

if TYPE_CHECKING:
    from export.published import Published

PRETRAINED = pretrained.FOLDER
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"

Train = Callable[..., Result]
TrainedRuns = Callable[..., Path]
Exported = Callable[[str], "Published"]


def first(images: Images, count: int) -> Images:
    return replace(images, pixels=images.pixels[:count].copy(), labels=images.labels[:count].copy())


@pytest.fixture(scope="session")
def splits() -> Splits:
    """The first 200 and 40 of the embedded digits."""
    return Splits(train=first(sample.digits("train"), 200), test=first(sample.digits("test"), 40))


@pytest.fixture(scope="session")
def train_quickly(splits: Splits) -> Train:
    """Train a recipe for a few epochs on those digits, without a word."""

    def run(
        recipe: Recipe | str,
        runs: Path,
        *,
        epochs: int | None = 2,
        interrupt: Interrupt | None = None,
        splits: Splits = splits,
        needs: Path | None = None,
        **more: Any,
    ) -> Result:
        chosen = registry.load(recipe) if isinstance(recipe, str) else recipe
        options = Options(
            **{"data": "sample", "runs": runs, "device": "cpu", "epochs": epochs, "precision": "fp32", **more}
        )
        with checkpoints.lock(RunFolder.of(runs, chosen.name)), Progress(quiet=True) as progress:
            dependencies = load_dependencies(chosen, replace(options, runs=needs or runs), torch.device("cpu"))
            return train(chosen, splits, options, interrupt or Interrupt(), progress, dependencies)

    return run


@cache
def _sample(dataset: str, split: str) -> Splits:
    return load(dataset, sets.SAMPLE, split=split)


def small_splits(recipe: Recipe) -> Splits:
    """The first 300 and 60 of the sample images of any recipe."""
    whole = select(_sample(recipe.data.name, recipe.data.split), recipe.data.selection)
    val = first(whole.val, 60) if whole.val is not None else None
    return Splits(train=first(whole.train, 300), test=first(whole.test, 60), val=val)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of these tests share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def trained_runs(shared_folder: Path, train_quickly: Train) -> TrainedRuns:
    """Train recipes and what they need, each once, for one epoch of three batches of sample images, in one folder."""
    root = shared_folder / "zoo"

    def run(*names: str) -> Path:
        for recipe in in_order([registry.load(name) for name in names], root):
            with FileLock(shared_folder / f"{recipe.name.replace('/', ' ')}.lock"):
                if not RunFolder.of(root, recipe.name).history.exists():
                    train_quickly(shortened(recipe), root, epochs=1, quick=True, splits=small_splits(recipe))
        return root

    return run


@pytest.fixture(scope="session")
def exported(shared_folder: Path, trained_runs: TrainedRuns) -> Exported:
    """Export a recipe of that folder, once; tests copy the run before they change it."""
    from export.publish import publish

    @cache
    def export(name: str) -> Published:
        run = RunFolder.of(trained_runs(name), name)
        made = shared_folder / f"{name.replace('/', ' ')}.pickle"
        with FileLock(made.with_suffix(".export.lock")):
            if not made.exists():
                made.write_bytes(pickle.dumps(publish(registry.load(name), run)))
        return pickle.loads(made.read_bytes())  # type: ignore[no-any-return]

    return export


def pictures_of(training: TrainingSplit, test: TestSplit, *, bottleneck_size: int) -> dict[str, Pixels]:
    """Return the images of all baselines of a recipe's task, by name."""
    names = test.prepare.recipe.task.baselines
    made = {name: baseline_pictures(name, training, test, bottleneck_size=bottleneck_size) for name in names}
    return {name: pictures for name, pictures in made.items() if pictures is not None}


def labels_of(training: TrainingSplit, test: TestSplit) -> dict[str, np.ndarray]:
    """Return the labels of all baselines of a classifier, by name."""
    return {name: baseline_labels(name, training, test) for name in test.prepare.recipe.task.baselines}


def shortened(recipe: Recipe) -> Recipe:
    return replace(recipe, schedule=replace(recipe.schedule, steps=3))


@pytest.fixture(scope="session")
def conv_export(tmp_path_factory: pytest.TempPathFactory, train_quickly: Train) -> Published:
    """What the export of a run of purdue/conv wrote; tests copy the run before they change it."""
    from export.publish import publish

    root = tmp_path_factory.mktemp("runs")
    return publish(registry.load("purdue/conv"), train_quickly("purdue/conv", root).run)


@pytest.fixture(scope="session")
def conv_run(conv_export: Published) -> RunFolder:
    """The run of purdue/conv that was trained and exported."""
    return conv_export.run


@pytest.fixture(scope="session")
def real_mnist() -> Path:
    """A folder that holds the real MNIST, where there is one."""
    folders = [*([Path(REAL_DATA)] if REAL_DATA else []), SHARED_DATA / "MNIST"]
    for folder in folders:
        if any(folder.rglob("train-images-idx3-ubyte*")):
            return folder
    pytest.skip("the real MNIST is not here; name its folder with AEZOO_DATA")


@pytest.fixture(scope="session")
def real_letters() -> Path:
    """A folder that holds the real letters, where there is one."""
    folders = [*([Path(REAL_DATA)] if REAL_DATA else []), SHARED_DATA / "letters"]
    for folder in folders:
        if comnist.present(folder):
            return folder
    pytest.skip("the real letters are not here; name their folder with AEZOO_DATA")


@pytest.fixture(autouse=True)
def no_pretrained(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names mean runs of the test's own alone, unless it asks for the pretrained models."""
    if "pretrained_folder" not in request.fixturenames:
        monkeypatch.setattr(pretrained, "FOLDER", Path(os.environ["AEZOO_CACHE"]) / "no pretrained models")


@pytest.fixture(scope="session")
def pretrained_folder() -> Path:
    """The folder of the models that come with the package."""
    return PRETRAINED
