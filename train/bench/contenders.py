"""Who is compared: each trains an epoch in a process of its own when asked, and says what the validation loss is then.

aezoo   the engine of `aezoo train`, computed as `--precision` says
plain   what the tutorials do: a DataLoader, an eager network, Adam
keras   Keras 3 on TensorFlow, the sheets' own tool: the same layers, model.fit

Each has `epoch`, which trains one; `loss`, the mean over the validation split; and `profile` ({} where unknown).
All start from Glorot-uniform weights (aezoo and the plain loop from the same ones), see the same images in batches of
the same size, and minimise the same loss.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader, TensorDataset

from train.dependencies import NOTHING
from train.engine import devices
from train.engine.probe import unprobed_choice
from train.engine.steps import FusedSteps, steps_of, validate
from train.options import Options
from train.setup import TrainingSetup
from train.state import fresh_state
from zoo import bench_process, registry
from zoo.data.images import Images
from zoo.data.splits import Splits, load, select
from zoo.inputs import grey
from zoo.objectives import Batch, objective_of, total
from zoo.recipe import Recipe

PROFILED, WARM = 20, 5  # steps


def profile_of(steps: Iterator[object], device: torch.device) -> dict[str, float]:
    """Return the microseconds that each of torch's operators takes of a step, the longest first, 'all' their sum."""
    cuda = device.type == "cuda"
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    for _ in range(WARM):
        next(steps)
    with profile(activities=kinds) as found:
        taken = sum(1 for _ in zip(range(PROFILED), steps, strict=False))
        devices.wait(device)
    rows = found.key_averages()
    times = {row.key: (row.self_device_time_total if cuda else row.self_cpu_time_total) / taken for row in rows}
    return {"all": sum(times.values()), **dict(sorted(times.items(), key=lambda item: -item[1]))}


class Ours:
    """Our engine: compiled steps where `engine` is 'fused', torch's as the probe chooses them where it is 'torch'."""

    def __init__(
        self, recipe: Recipe, train: Images, validation: Images, *, device: str, precision: str, engine: str
    ) -> None:
        options = Options(device=device, precision=precision)
        setup = TrainingSetup.of(recipe, Splits(train, validation), options)
        if engine == "fused":
            choice = unprobed_choice("fp32", engine)
        else:
            choice = setup.choose_config(options, engine, say=lambda line: None)
        state = setup.fresh_state()
        choice.config.apply_to(state.network)
        self._validation = setup.validation
        self._train_step = setup.train_step(state, choice.config.precision)
        self._steps = steps_of(self._train_step, setup.batches, choice.config)
        self.about = {"config": str(choice.config), "why": choice.why}

    def profile(self) -> dict[str, float]:
        if isinstance(self._steps, FusedSteps):
            return self._steps.engine.profile()
        return profile_of(self._steps.run(0, 0), self._steps.step_losses.device)

    def epoch(self, number: int) -> None:
        for _ in self._steps.run(0, number):
            pass
        self._steps.step_losses.cpu()  # waits for the device

    def loss(self) -> float:
        return validate(self._train_step, self._validation)


class Plain:
    def __init__(self, recipe: Recipe, train: Images, validation: Images, *, device: str) -> None:
        self._device = devices.choose(device)
        self._network = fresh_state(recipe, 0, self._device, NOTHING).network  # from the same weights as aezoo
        self._objective = objective_of(recipe, None)
        self._optimiser = torch.optim.Adam(self._network.parameters(), lr=recipe.schedule.learning_rate)
        dataset, held = (
            TensorDataset(*map(torch.from_numpy, pair_of(recipe, images))) for images in (train, validation)
        )
        self._loader = DataLoader(dataset, batch_size=recipe.schedule.batch_size, shuffle=True)
        self._held = DataLoader(held, batch_size=100)
        self.about = {"config": f"DataLoader, eager, Adam; fp32, {devices.threads_text(torch.get_num_threads())}"}

    def _loss(self, inputs: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        inputs, wanted = inputs.to(self._device), wanted.to(self._device)
        return total(self._objective(self._network(inputs), Batch(inputs, wanted, wanted)))

    def profile(self) -> dict[str, float]:
        return profile_of(self._steps(), self._device)

    def _steps(self) -> Iterator[float]:
        self._network.train()
        for inputs, wanted in self._loader:
            loss = self._loss(inputs, wanted)
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()
            yield loss.item()

    def epoch(self, number: int) -> None:
        sum(self._steps())

    def loss(self) -> float:
        self._network.eval()
        with torch.no_grad():
            summed = sum(self._loss(inputs, wanted).item() * len(inputs) for inputs, wanted in self._held)
            return summed / sum(len(inputs) for inputs, _ in self._held)


class Keras:
    def __init__(self, recipe: Recipe, train: Images, validation: Images, *, device: str, backend: str) -> None:
        os.environ["KERAS_BACKEND"] = backend
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        if device == "cpu":
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
            os.environ["JAX_PLATFORMS"] = "cpu"
        import keras

        from train.bench.keras_networks import network_of

        keras.utils.set_random_seed(0)
        self._model = network_of(recipe.name)
        loss = "binary_crossentropy" if recipe.objective == "bce" else "mean_squared_error"
        self._model.compile(optimizer=keras.optimizers.Adam(recipe.schedule.learning_rate), loss=loss)
        self._train, self._held = (
            [part.transpose(0, 2, 3, 1).copy() for part in pair_of(recipe, images)] for images in (train, validation)
        )
        self._size = recipe.schedule.batch_size
        self.about = {"config": f"Keras {keras.__version__} on {keras.backend.backend()}, model.fit"}

    def epoch(self, number: int) -> None:
        self._model.fit(*self._train, batch_size=self._size, epochs=1, shuffle=True, verbose=0)

    def profile(self) -> dict[str, float]:
        return {}

    def loss(self) -> float:
        return float(self._model.evaluate(*self._held, batch_size=100, verbose=0))


def pair_of(recipe: Recipe, images: Images) -> tuple[np.ndarray, np.ndarray]:
    """Return what goes in and what should come out, float32 in [0, 1], (N, C, H, W): a tutorial holds them so."""
    wanted = images.pixels.astype(np.float32) / 255
    return (grey(torch.from_numpy(wanted)).numpy() if recipe.task.input == "grey" else wanted), wanted


def of(
    name: str, recipe: Recipe, train: Images, validation: Images, *, device: str, precision: str = "auto"
) -> Ours | Plain | Keras:
    """Return the contender of that name, ready for its first epoch, which takes each image once."""
    recipe = replace(recipe, schedule=replace(recipe.schedule, steps=None))
    if name in ("fused", "torch"):
        return Ours(recipe, train, validation, device=device, precision=precision, engine=name)
    if name == "plain":
        return Plain(recipe, train, validation, device=device)
    return Keras(recipe, train, validation, device=device, backend=name)


def make(
    name: str, recipe_name: str, data: str | None, device: str, precision: str, images: int
) -> tuple[bench_process.Values, bench_process.Measure]:
    """Return what describes the contender, and what answers: a number trains an epoch, "profile" looks into a step."""
    recipe = registry.load(recipe_name)
    splits = select(load(recipe.data.name, data, split=recipe.data.split), recipe.data.selection)
    train, validation = (each.take(slice(images or None)) for each in (splits.train, splits.val or splits.test))
    del splits
    contender = of(name, recipe, train, validation, device=device, precision=precision)

    def answer(asked: int | str) -> dict[str, Any]:
        if isinstance(asked, str):
            return {"profile": contender.profile()}
        start = time.perf_counter()
        contender.epoch(asked)
        return {"seconds": time.perf_counter() - start, "loss": contender.loss()}

    return {"about": contender.about, "images": len(train), "provenance": train.provenance}, answer


if __name__ == "__main__":
    bench_process.serve(lambda: make(**json.loads(sys.argv[1])))
