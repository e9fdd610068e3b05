"""The training loop: set up, train epochs, measure and write."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from train import resume
from train.dependencies import NOTHING, Dependencies
from train.engine import devices
from train.engine.batches import Batches, TestSplit
from train.engine.fallback import FallbackSteps
from train.engine.steps import ComputeConfig, Steps, TrainStep, steps_of, validate
from train.interrupts import Interrupt
from train.measure.run import RunMeasurement, Table, to_bytes
from train.options import Options
from train.progress import Progress
from train.setup import TrainingSetup
from train.state import Record, TrainingState
from train.writer import RunWriter, facts_of
from zoo import checkpoints, runs
from zoo.blocks import Autoencoder
from zoo.checkpoints import Checkpoint
from zoo.data.splits import Splits
from zoo.recipe import Recipe
from zoo.runs import RunFolder


class Processes(Protocol):
    """The processes that take the steps together."""

    @property
    def size(self) -> int: ...

    def steps(self, state: TrainingState, train_step: TrainStep, batches: Batches, config: ComputeConfig) -> Steps:
        """Return steps that all of them take, from this state on."""
        ...


@dataclass(frozen=True)
class Result:
    """A finished training: its run folder, losses, metrics, baselines and status."""

    recipe: Recipe
    run: RunFolder
    record: Record
    metrics: dict[str, float]
    baselines: Table
    status: runs.Status
    is_finite: bool  # whether the last losses and all metrics are; otherwise the run is not exported


def train(
    recipe: Recipe,
    splits: Splits,
    options: Options,
    interrupt: Interrupt,
    progress: Progress,
    dependencies: Dependencies = NOTHING,
    processes: Processes | None = None,
) -> Result:
    """Train a recipe into its run folder and measure it; the caller holds the run's lock.

    Every epoch ends with a checkpoint and a whole new history.h5, so a kill costs at most the epoch it falls into.
    Raises Interrupted between two batches after a signal.
    """
    checkpoint = resume.checkpoint_to_resume(recipe, splits, options, dependencies, progress.warn)
    setup = TrainingSetup.of(recipe, splits, options, dependencies)
    with devices.threads_restored():
        state, steps, writer = _begin(setup, checkpoint, options, progress, processes)
        while state.record.epochs < setup.epochs:
            epoch, epoch_start = state.record.epochs + 1, time.perf_counter()
            for count in steps.run(setup.seed, epoch):
                progress.step(count)
                writer.raise_if_interrupted(interrupt)
            val_loss = validate(steps.train_step, setup.validation)
            seconds = time.perf_counter() - epoch_start
            state.record.add(steps, setup.batches.sizes, val_loss, recipe.schedule.learning_rate, seconds)
            if isinstance(state.network, Autoencoder):
                state.record.reconstructions.append(_first_reconstructions(state.network, setup.test))
            writer.write_epoch(state)
            progress.epoch(epoch, state.record.train_loss[-1], val_loss)
        writer.ensure_last_epoch_saved(state)
    measurement = _measurement(setup, options, progress, check_stop=lambda: writer.raise_if_interrupted(interrupt))
    del checkpoint, setup, steps  # measuring needs their memory
    measured = measurement.measure(state.network)
    last = (state.record.train_loss[-1], state.record.val_loss[-1], *measured.metrics.values())
    is_finite = all(map(math.isfinite, last))
    status = "failed" if not is_finite else runs.QUICK if options.quick else measured.status
    writer.write_result(state, measured, status)
    return Result(recipe, writer.run, state.record, measured.metrics, measured.baselines, status, is_finite)


def _measurement(
    setup: TrainingSetup, options: Options, progress: Progress, *, check_stop: Callable[[], None]
) -> RunMeasurement:
    train = setup.splits.train
    return RunMeasurement(
        train.take(slice(options.images_measured(len(train)))),
        setup.test,
        scoring_classifier=setup.dependencies.scoring_classifier,
        bottleneck_size=math.prod(setup.recipe.network.bottleneck),
        check_stop=check_stop,
        progress=progress.measuring,
    )


def _begin(
    setup: TrainingSetup,
    checkpoint: Checkpoint | None,
    options: Options,
    progress: Progress,
    processes: Processes | None,
) -> tuple[TrainingState, Steps, RunWriter]:
    """Return the fresh or resumed state, the steps that train it, and the writer of the run's folder."""
    run = RunFolder.of(options.runs, setup.recipe.name)
    state = setup.fresh_state()
    engine = setup.engine(options, progress.say) if processes is None else "torch"
    if checkpoint is None:
        choice = setup.choose_config(options, engine, progress.say)
    else:
        choice = resume.config_of(run, checkpoint, engine)
    choice.config.apply_to(state.network)
    facts = facts_of(setup, options, choice, processes.size if processes else 1)
    if checkpoint is not None:
        resume.warn_of_other_bits(run, facts, checkpoint.facts, progress.warn)
        with checkpoints.fitting(run):
            state.restore(checkpoints.load_state(checkpoint))
    writer = RunWriter.begin(run, state, facts, setup.test, options, progress)
    sizes, done = setup.batches.sizes, state.record.epochs
    progress.begin(setup.recipe.name, epochs=setup.epochs, done=done, steps=len(sizes), images=sum(sizes))

    def steps_in(precision: str) -> Steps:
        train_step, config = setup.train_step(state, precision), replace(choice.config, precision=precision)
        if processes is None:
            return steps_of(train_step, setup.batches, config, retime=options.wants_probe)
        return processes.steps(state, train_step, setup.batches, config)

    steps = steps_in(choice.config.precision)
    if options.precision == "auto" and choice.config.precision == "bf16":
        steps = FallbackSteps(steps, lambda: steps_in("fp32"), writer.record_fallback)
    return state, steps, writer


def _first_reconstructions(network: Autoencoder, test: TestSplit) -> np.ndarray:
    """Return uint8 (10, C, H, W). Expects eval mode, as `validate` leaves it."""
    with torch.no_grad():
        return to_bytes(network(test.inputs[: runs.SAMPLES]).reconstruction.cpu().numpy())
