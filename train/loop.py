"""The training loop: set up, loop over epochs, write; then the figures."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from train.dependencies import NOTHING, Supplies
from train.distributed.team import Team, TeamSteps, begin
from train.engine import devices
from train.engine.batches import Batches, TestSplit
from train.engine.prepare import Preparation
from train.engine.probe import Choice, Subject, choose, reference, unprobed
from train.engine.steps import Learner, Steps, Way, steps_of, validate
from train.interrupts import Interrupt
from train.measure.run import Measured, Table, measure_run, to_bytes
from train.options import Options
from train.progress import Progress
from train.state import Record, State, fresh_state, to_history
from zoo import checkpoints, runs
from zoo.blocks import Autoencoder
from zoo.checkpoints import STATE, Checkpoint
from zoo.data.splits import Splits
from zoo.errors import Interrupted, RunError, UsageError, WriteError
from zoo.objectives import objective_of
from zoo.recipe import Recipe
from zoo.runs import RunFolder, atomic_write, pack_history, remove

WRITE_FAILURES_IN_A_ROW = 3


@dataclass(frozen=True)
class Result:
    """What a finished training leaves to tell."""

    recipe: Recipe
    run: RunFolder
    record: Record
    metrics: dict[str, float]
    baselines: Table
    state: str

    @property
    def is_finite(self) -> bool:
        """A run that diverged has no numbers to export."""
        return math.isfinite(next(iter(self.metrics.values())))


def train(
    recipe: Recipe,
    splits: Splits,
    options: Options,
    interrupt: Interrupt,
    progress: Progress,
    supplies: Supplies = NOTHING,
    team: Team | None = None,
) -> Result:
    """Train a recipe into its run folder and measure it, of a team in its first process; call it under the run's lock.

    Every epoch ends with a checkpoint and a whole new history.h5, so a kill costs at most the epoch it falls into.
    Raises Interrupted between two batches when a signal came.
    """
    device = devices.choose(options.device)
    devices.make_repeatable(device)
    run = RunFolder.of(options.runs, recipe.name)
    epochs, seed = options.epochs_of(recipe), options.seed_of(recipe)
    _refuse_too_many(epochs, splits)
    found, troubles = refuse_to_lose(run, options)
    run.refuse_foreign()  # now, and not when all is trained
    for trouble in troubles:
        progress.warn(trouble)
    begun = found if options.resume else None

    prepare = Preparation.of(recipe, supplies.partner, classes=recipe.classes, device=device)
    batches = Batches.of(
        splits.train,
        prepare,
        batch_size=recipe.schedule.batch_size,
        device=device,
        steps=options.steps_of(recipe, len(splits.train)),
    )
    test = TestSplit.of(splits.test, prepare, device=device)
    validation = test if splits.val is None else TestSplit.of(splits.val, prepare, device=device)
    objective = objective_of(recipe, supplies.teacher)

    def fresh(precision: str) -> Learner:
        state = fresh_state(recipe, seed, device, supplies)
        return Learner(state.network, objective, state.optimiser, precision)

    threads = torch.get_num_threads()
    state = fresh_state(recipe, seed, device, supplies)
    subject = Subject(recipe, state.network, fresh, batches, validation, seed)
    choice = _way(run, begun, subject, options, sum(batches.sizes) * epochs, progress)
    choice.way.enter(state.network)
    facts = _facts(recipe, splits, options, device, supplies, choice, team)
    _start(run, state, facts, options, epochs, progress, begun)
    del found, begun  # with the bytes of the checkpoint
    progress.begin(recipe.name, epochs=epochs, done=state.record.epochs, steps=batches.steps)

    writer = _Writer(run, facts, _sample_arrays(test), progress, options.resume_line(recipe.name), state.record.epochs)
    if state.record.epochs < epochs:
        run.withdraw()  # graphs of earlier weights
    writer.history(state, "training")
    learner = Learner(state.network, objective, state.optimiser, facts["precision"])
    steps = _steps(learner, batches, state, choice.way, team)
    while state.record.epochs < epochs:
        epoch, began = state.record.epochs + 1, time.perf_counter()
        if team is not None:
            team.tell(("epoch", epoch))
        losses, terms = _train_epoch(learner, steps, seed, epoch, progress, stop=lambda: writer.stop(interrupt))
        val_loss = validate(learner, validation)
        if options.precision == "auto" and learner.precision == "bf16" and not _is_sound(losses, val_loss):
            _back_to_float32(run, state, writer, progress, epoch)
            learner = Learner(state.network, objective, state.optimiser, "fp32")
            steps = _steps(learner, batches, state, replace(choice.way, precision="fp32"), team)
            continue
        _record(state.record, recipe, losses, terms, val_loss, time.perf_counter() - began, batches)
        if isinstance(state.network, Autoencoder):
            state.record.reconstructions.append(_first_reconstructions(state.network, test))
        writer.epoch(state)
        progress.epoch(epoch, state.record.train_loss[-1], val_loss)

    writer.settle(state)
    progress.measuring()
    torch.set_num_threads(threads)
    del validation, batches, steps, subject
    size = math.prod(facts["bottleneck"])
    measured = measure_run(state.network, splits.train, test, judge=supplies.judge, bottleneck_size=size)
    name = runs.QUICK if options.quick and measured.is_finite else measured.state
    result = Result(recipe, run, state.record, measured.metrics, measured.baselines, name)
    writer.final(state, measured, name)
    return result


def _steps(learner: Learner, batches: Batches, state: State, way: Way, team: Team | None) -> Steps:
    if team is None:
        return steps_of(learner, batches)
    begin(team, state, way)
    return TeamSteps(learner, batches, team)


def _train_epoch(
    learner: Learner, steps: Steps, seed: int, epoch: int, progress: Progress, *, stop: Callable[[], None]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Take the steps of an epoch; return the loss (steps,) and every term (steps,) of the batches, float32.

    `stop` is called between two steps, or two CUDA graphs of several, and raises where the user wants to stop.
    """
    stop()
    for count in steps.run(seed, epoch):
        progress.step(count)
        stop()
    # One wait for the device an epoch: `.item()` would wait at every batch. A copy, since the next epoch writes there.
    losses, *terms = steps.seen.T.cpu().numpy().copy()
    return losses, dict(zip(learner.terms, terms, strict=False))


def _is_sound(losses: np.ndarray, val_loss: float) -> bool:
    return bool(np.isfinite(losses).all()) and math.isfinite(val_loss)


def _back_to_float32(run: RunFolder, state: State, writer: _Writer, progress: Progress, epoch: int) -> None:
    """Take up the last saved state again, since bfloat16, which the probe had chosen, led to something not finite."""
    progress.warn(f"{run.path}: bf16 gave a loss that is not finite in epoch {epoch}; it is taken again in fp32")
    with checkpoints.fitting(run):
        state.restore(checkpoints.load_state(checkpoints.last(run), run))
    writer.facts["precision"] = writer.facts["way"]["precision"] = "fp32"
    writer.facts["why"] = {**writer.facts["why"], "bf16": f"left in epoch {epoch}: its loss was not finite"}


def _record(
    record: Record,
    recipe: Recipe,
    losses: np.ndarray,
    terms: dict[str, np.ndarray],
    val_loss: float,
    seconds: float,
    batches: Batches,
) -> None:
    sizes = batches.sizes
    record.train_loss.append(float(np.average(losses.astype(np.float64), weights=sizes)))
    record.val_loss.append(val_loss)
    record.learning_rate.append(recipe.schedule.learning_rate)
    record.seconds.append(seconds)
    for name, values in terms.items():
        record.terms.setdefault(name, []).append(float(np.average(values.astype(np.float64), weights=sizes)))
    record.step_loss.append(losses)


# ---- setting up ----------------------------------------------------------------------------------------------


def _way(
    run: RunFolder, begun: Checkpoint | None, subject: Subject, options: Options, images: int, progress: Progress
) -> Choice:
    """Return the way to compute: that of the run which is resumed, else the probe's, else the reference."""
    if begun is not None and options.precision in ("auto", begun.facts.get("precision")):
        with checkpoints.fitting(run):
            usual = reference(begun.facts.get("precision", "fp32")).as_json()  # of a run from before there were ways
            way = Way.from_json(begun.facts.get("way", usual))
            why = dict(begun.facts.get("why", {}))
            given = torch.get_num_threads()  # a job's, a team's or a node's share; the device's name tells of another
            threads = given if why == unprobed("fp32").why else min(way.threads, given)
            return Choice(replace(way, threads=threads), why)
    if options.precision == "fp32" or not options.probe or options.quick:
        return unprobed(options.precision)
    return choose(subject, precision=options.precision, images=images, say=progress.say)


def _start(
    run: RunFolder,
    state: State,
    facts: dict[str, Any],
    options: Options,
    epochs: int,
    progress: Progress,
    begun: Checkpoint | None,
) -> None:
    """Take up the state of the run that is resumed, else begin the folder anew."""
    if begun is not None:
        _refuse_other_run(run, facts, begun.facts)
        _warn_of_other_bits(run, facts, begun.facts, progress)
        with checkpoints.fitting(run):
            state.restore(checkpoints.load_state(begun, run))
        if state.record.epochs > epochs:
            raise RunError(
                f"{run.path} has {state.record.epochs} epochs already, more than the {epochs} asked for; "
                f"ask for more with --epochs, or add --overwrite to begin anew"
            )
        return
    if options.resume:
        progress.warn(f"there is nothing to resume in {run.path}; the training begins at the start")
    _commit(run, state, facts)  # first, so that a full disk does not cost the run before
    run.withdraw()
    remove(run.history)


def refuse_to_lose(run: RunFolder, options: Options) -> tuple[Checkpoint | None, list[str]]:
    """Raise RunError where a run stands in the way and it was not said what shall become of it.

    Otherwise return what `checkpoints.newest` finds there.
    """
    checkpoint, troubles = checkpoints.newest(run)
    if options.overwrite or not (checkpoint or run.is_run) or (checkpoint and options.resume):
        return checkpoint, troubles
    if checkpoint is None:
        raise RunError(
            f"{run.path} already holds a run without a readable checkpoint, which cannot be resumed; "
            f"add --overwrite to begin anew, or --runs DIR for another place"
        )
    raise RunError(
        f"{run.path} already holds a run ({checkpoint.epoch} epochs); add --resume to go on with it, "
        f"--overwrite to begin anew, or --runs DIR for another place"
    )


def _refuse_too_many(epochs: int, splits: Splits) -> None:
    """A history holds ten pictures of every epoch, and no reader takes one of any size."""
    most = runs.MAX_ELEMENTS // (runs.SAMPLES * math.prod(splits.train.shape))
    if epochs > most:
        raise UsageError(
            f"--epochs {epochs} is more than a history can hold of these images; at most {most} can be trained"
        )


def _refuse_other_run(run: RunFolder, facts: dict[str, Any], saved: Any) -> None:
    words = {
        "recipe": "recipe",
        "seed": "seed",
        "data_sha256": "data set",
        "partner_sha256": "data set of the targets",
        "batch_size": "batch size",
        "precision": "precision",
        "quick": "budget (--quick)",
        "needs": "teacher, judge or parent",
    }
    for key, word in words.items():
        if key in saved and saved[key] != facts[key]:
            raise RunError(
                f"{run.path} was trained with another {word}{_both(saved[key], facts[key])}; "
                f"name the same one to resume it, or add --overwrite to begin anew"
            )


def _both(before: object, now: object) -> str:
    return "" if isinstance(before, dict) else f" ({before}, now {now})"


def _warn_of_other_bits(run: RunFolder, facts: dict[str, Any], saved: Any, progress: Progress) -> None:
    for key in ("torch", "device", "processes"):
        if saved.get(key, facts[key]) != facts[key]:
            progress.warn(
                f"{run.path} was begun on {key} {saved.get(key)!r}, now {facts[key]!r}: "
                f"the result will not equal an uninterrupted run's bit for bit"
            )


def check(recipe: Recipe, splits: Splits, options: Options) -> None:
    """Raise now what would stop this training at its start: a run in the way, too many epochs, another run to resume.

    What it needs of other runs is checked elsewhere, since they may be trained only just before it.
    """
    checkpoint, _ = refuse_to_lose(RunFolder.of(options.runs, recipe.name), options)
    _refuse_too_many(options.epochs_of(recipe), splits)
    if checkpoint is not None and options.resume:
        device = torch.device("cpu") if options.cluster else devices.choose(options.device)  # of which nothing is asked
        saved = {key: value for key, value in checkpoint.facts.items() if key not in ("needs", "partner_sha256")}
        asked = saved.get("precision", "fp32") if options.precision == "auto" else options.precision
        facts = _facts(recipe, splits, options, device, NOTHING, Choice(reference(asked), {}))
        _refuse_other_run(RunFolder.of(options.runs, recipe.name), facts, saved)


def _facts(
    recipe: Recipe,
    splits: Splits,
    options: Options,
    device: torch.device,
    supplies: Supplies,
    choice: Choice,
    team: Team | None = None,
) -> dict[str, Any]:
    """Return the history's meta: what was trained, on what, with what."""
    return {
        "recipe": recipe.name,
        "seed": options.seed_of(recipe),
        "epochs": options.epochs_of(recipe),
        "device": devices.describe(device),
        "torch": torch.__version__.split("+")[0],
        "data": splits.train.dataset,
        "data_sha256": splits.train.sha256,
        "partner_sha256": supplies.partner.sha256 if supplies.partner else None,
        "provenance": _provenance(splits, supplies),
        "licence": splits.train.licence,
        "train_images": len(splits.train),
        "test_images": len(splits.test),
        "val_images": len(splits.val) if splits.val is not None else 0,
        "split": recipe.data.split,
        "classes": list(splits.train.classes),
        "task": recipe.task.name,
        "precision": choice.way.precision,
        "way": choice.way.as_json(),
        "why": choice.why,
        "processes": 1 if team is None else team.size,
        "quick": options.quick,
        "sweep": options.sweep,
        "needs": dict(supplies.sums),
        "published": dict(recipe.published),
        "metric": recipe.metric,
        "rival": recipe.main_baseline,
        "objective": recipe.objective,
        "noise": recipe.data.noise,
        "batch_size": recipe.schedule.batch_size,
        "learning_rate": recipe.schedule.learning_rate,
        "parameters": recipe.network.parameters,
        "bottleneck": list(recipe.network.bottleneck),
    }


def _provenance(splits: Splits, supplies: Supplies) -> str:
    """Say where the images come from, and where those come from that the outputs are compared with."""
    own = splits.train.provenance
    return own if supplies.partner is None else f"{own}; targets: {supplies.partner.provenance}"


# ---- writing -------------------------------------------------------------------------------------------------


def _commit(run: RunFolder, state: State, facts: dict[str, Any]) -> None:
    epoch = state.record.epochs
    checkpoints.commit(run, epoch=epoch, val_loss=state.val_loss, facts=facts, files={STATE: state.to_bytes()})


@dataclass
class _Writer:
    """Writes checkpoint and history; lives with a full disk for two epochs, since the next may find room.

    `saved` is the epoch of the newest checkpoint on the disk.
    """

    run: RunFolder
    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]
    progress: Progress
    resume_line: str
    saved: int
    failures: int = 0

    def epoch(self, state: State) -> None:
        try:
            self._save(state)
            self.failures = 0
        except WriteError as error:
            self.failures += 1
            if self.failures == WRITE_FAILURES_IN_A_ROW:
                raise WriteError(
                    f"{error}. That was epoch {state.record.epochs}, the third in a row that could not be saved; "
                    f"make room, then: {self.resume_line}",
                    errno=error.errno,
                ) from error
            self.progress.warn(f"{error}. Training goes on; the next epoch is tried again")

    def _save(self, state: State) -> None:
        _commit(self.run, state, self.facts)
        self.saved = state.record.epochs
        self.history(state, "training")

    def settle(self, state: State) -> None:
        """Before a run is called finished its last epoch must be on the disk. Raises WriteError."""
        if self.saved == state.record.epochs:
            return
        try:
            self._save(state)
        except WriteError as error:
            message = f"{error}. The last epoch is not saved; make room, then: {self.resume_line}"
            raise WriteError(message, errno=error.errno) from error

    def stop(self, interrupt: Interrupt) -> None:
        """Raise Interrupted where a signal came, saying what is on the disk."""
        if interrupt.received is None:
            return
        kept = f"epochs 1 to {self.saved} are" if self.saved > 1 else "epoch 1 is" if self.saved else "the start is"
        sentence = f"stopped before the next epoch was done; {kept} saved. Resume with: {self.resume_line}"
        raise Interrupted(sentence, received=interrupt.received)

    def history(self, state: State, name: str) -> None:
        meta = {**self.facts, "state": name}
        del meta["sweep"]  # which command it was is nothing of the result's
        history = to_history(state.record, meta, self.arrays)
        atomic_write(self.run.history, pack_history(history))

    def final(self, state: State, measured: Measured, name: str) -> None:
        self.arrays = {
            **self.arrays,
            **measured.arrays,
            **{f"metrics/{metric}": np.array([value]) for metric, value in measured.metrics.items()},
            **{
                f"baselines/{baseline}/{metric}": np.array([value])
                for baseline, values in measured.baselines.items()
                for metric, value in values.items()
            },
        }
        self.facts["rival"] = next(iter(measured.baselines), self.facts["rival"])  # no PCA where it would be exact
        self.history(state, name)


def _sample_arrays(test: TestSplit) -> dict[str, np.ndarray]:
    first = slice(None, runs.SAMPLES)
    return {
        runs.SAMPLE_INPUTS: to_bytes(test.inputs[first].cpu().numpy()),
        runs.SAMPLE_TARGETS: to_bytes(test.pictures[first].cpu().numpy()),
    }


def _first_reconstructions(network: Autoencoder, test: TestSplit) -> np.ndarray:
    with torch.no_grad():
        return to_bytes(network(test.inputs[: runs.SAMPLES]).reconstruction.cpu().numpy())
