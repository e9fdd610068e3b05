"""What several rooms' tests share: small splits of the embedded digits, and one run trained on them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
REAL_DATA = os.environ.pop("AEZOO_DATA", None)
os.environ.pop("AEZOO_RUNS", None)
os.environ.pop("AEZOO_MIRROR", None)

import pytest

from train.interrupts import Interrupt
from train.loop import Result, Splits, train
from train.options import Options
from train.progress import Progress
from zoo import checkpoints, registry
from zoo.data import sample
from zoo.data.images import Images
from zoo.recipe import Recipe
from zoo.runs import RunFolder

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"

Train = Callable[..., Result]


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
        recipe: Recipe | str, runs: Path, *, epochs: int = 2, interrupt: Interrupt | None = None, **more: bool
    ) -> Result:
        chosen = registry.load(recipe) if isinstance(recipe, str) else recipe
        options = Options(data="sample", runs=runs, device="cpu", epochs=epochs, **more)
        with checkpoints.lock(RunFolder.of(runs, chosen.name)), Progress(quiet=True) as progress:
            return train(chosen, splits, options, interrupt or Interrupt(), progress)

    return run


@pytest.fixture(scope="session")
def conv_run(tmp_path_factory: pytest.TempPathFactory, train_quickly: Train) -> RunFolder:
    """A run of purdue/conv, trained and exported; tests copy it before they change it."""
    from export.publish import publish

    root = tmp_path_factory.mktemp("runs")
    run = train_quickly("purdue/conv", root).run
    publish(registry.load("purdue/conv"), run)
    return run


@pytest.fixture(scope="session")
def real_mnist() -> Path:
    """A folder that holds the real MNIST, where there is one."""
    places = [*([Path(REAL_DATA)] if REAL_DATA else []), SHARED_DATA / "MNIST"]
    for place in places:
        if any(place.rglob("train-images-idx3-ubyte*")):
            return place
    pytest.skip("the real MNIST is not here; name its folder with AEZOO_DATA")
