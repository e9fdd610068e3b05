"""Who is compared: each trains an epoch when it is requested, and says what the validation loss is then.

ours    the engine of `aezoo train`, computed as `--precision` says
plain   what the tutorials do: a DataLoader, an eager network, Adam
keras   Keras 3 on TensorFlow, the sheets' own tool: the same layers, model.fit

Each has `epoch`, which trains one and returns its seconds without validation; `loss`, the mean over the validation
split; and `profile`, the microseconds of a step by operator ({} where they are unknown).

All start from Glorot-uniform weights (ours and the plain loop from the same ones), see the same images in batches of
the same size, and minimise the same loss.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader, TensorDataset

from train.dependencies import NOTHING
from train.engine import devices
from train.engine.steps import steps_of, validate
from train.options import Options
from train.setup import TrainingSetup
from train.state import fresh_state
from zoo.data.images import Images
from zoo.data.splits import Splits
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
    rows = [
        (row.key, (row.self_device_time_total if cuda else row.self_cpu_time_total) / taken)
        for row in found.key_averages()
    ]
    times = dict(sorted(rows, key=lambda row: -row[1]))
    return {"all": sum(times.values()), **times}


class Ours:
    def __init__(self, recipe: Recipe, train: Images, validation: Images, *, device: str, precision: str) -> None:
        options = Options(device=device, precision=precision)
        setup = TrainingSetup.of(recipe, Splits(train, validation), options)
        choice = setup.choose_config(options, say=lambda line: None)
        state = setup.fresh_state()
        choice.config.enter(state.network)
        self._validation = setup.validation
        self._train_step = setup.train_step(state, choice.config.precision)
        self._steps = steps_of(self._train_step, setup.batches)
        self.about = {"config": str(choice.config), "why": choice.why}

    def profile(self) -> dict[str, float]:
        return profile_of(self._steps.run(0, 0), self._steps.seen.device)

    def epoch(self, number: int) -> float:
        start = time.perf_counter()
        for _ in self._steps.run(0, number):
            pass
        self._steps.seen.cpu()  # waits for the device
        return time.perf_counter() - start

    def loss(self) -> float:
        return validate(self._train_step, self._validation)


class Plain:
    def __init__(self, recipe: Recipe, train: Images, validation: Images, *, device: str) -> None:
        self._device = devices.choose(device)
        self._network = fresh_state(recipe, 0, self._device, NOTHING).network  # from the same weights as ours
        self._objective = objective_of(recipe, None)
        self._optimiser = torch.optim.Adam(self._network.parameters(), lr=recipe.schedule.learning_rate)
        dataset, held = (TensorDataset(torch.from_numpy(as_floats(images))) for images in (train, validation))
        self._loader = DataLoader(dataset, batch_size=recipe.schedule.batch_size, shuffle=True)
        self._held = DataLoader(held, batch_size=100)
        self.about = {"config": f"DataLoader, eager, Adam; fp32, {devices.threads_text(torch.get_num_threads())}"}

    def _loss(self, images: torch.Tensor) -> torch.Tensor:
        return total(self._objective(self._network(images), Batch(images, images, images)))

    def profile(self) -> dict[str, float]:
        return profile_of(self._steps(), self._device)

    def _steps(self) -> Iterator[float]:
        self._network.train()
        for (images,) in self._loader:
            loss = self._loss(images.to(self._device))
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()
            yield loss.item()

    def epoch(self, number: int) -> float:
        start, running = time.perf_counter(), 0.0
        for loss in self._steps():
            running += loss
        return time.perf_counter() - start

    def loss(self) -> float:
        self._network.eval()
        with torch.no_grad():
            summed = sum(self._loss(images.to(self._device)).item() * len(images) for (images,) in self._held)
            return summed / sum(len(images) for (images,) in self._held)


class Keras:
    def __init__(self, recipe: Recipe, train: Images, validation: Images, *, device: str) -> None:
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        if device == "cpu":
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        import keras

        from train.bench.keras_networks import network_of

        keras.utils.set_random_seed(0)
        self._model = network_of(recipe.name)
        loss = "binary_crossentropy" if recipe.objective == "bce" else "mean_squared_error"
        self._model.compile(optimizer=keras.optimizers.Adam(recipe.schedule.learning_rate), loss=loss)
        self._train, self._held = (as_floats(images).transpose(0, 2, 3, 1).copy() for images in (train, validation))
        self._size = recipe.schedule.batch_size
        self.about = {"config": f"Keras {keras.__version__} on {keras.backend.backend()}, model.fit"}

    def epoch(self, number: int) -> float:
        start = time.perf_counter()
        self._model.fit(self._train, self._train, batch_size=self._size, epochs=1, shuffle=True, verbose=0)
        return time.perf_counter() - start

    def profile(self) -> dict[str, float]:
        return {}

    def loss(self) -> float:
        return float(self._model.evaluate(self._held, self._held, batch_size=100, verbose=0))


def as_floats(images: Images) -> np.ndarray:
    """Return all pixels as float32 in [0, 1], (N, C, H, W): a tutorial holds them so."""
    return images.pixels.astype(np.float32) / 255


def of(
    name: str, recipe: Recipe, train: Images, validation: Images, *, device: str, precision: str = "auto"
) -> Ours | Plain | Keras:
    """Return the contender of that name, ready for its first epoch."""
    if name == "ours":
        return Ours(
            replace(recipe, schedule=replace(recipe.schedule, steps=None)),
            train,
            validation,
            device=device,
            precision=precision,
        )
    if name == "plain":
        return Plain(recipe, train, validation, device=device)
    return Keras(recipe, train, validation, device=device)
