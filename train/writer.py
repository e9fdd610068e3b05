"""Writes the run's folder during a training: after each epoch a checkpoint and the whole history."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from train.engine import devices
from train.engine.batches import TestSplit
from train.engine.probe import Choice
from train.interrupts import Interrupt
from train.measure.run import Measured, to_bytes
from train.options import Options
from train.pictures import path_of
from train.progress import Progress
from train.resume import identity
from train.setup import TrainingSetup
from train.state import TrainingState, to_history
from zoo import checkpoints, runs
from zoo.checkpoints import STATE
from zoo.errors import Interrupted, WriteError
from zoo.layers import layers_of_recipe
from zoo.recipe import OPTIMISER
from zoo.runs import RunFolder, Status, atomic_write, pack_history, remove

FAILURES_IN_A_ROW = 3


def facts_of(setup: TrainingSetup, options: Options, choice: Choice, processes: int) -> dict[str, Any]:
    """Return the history's meta: what was trained, on what, with what."""
    recipe, splits, targets = setup.recipe, setup.splits, setup.dependencies.targets
    return {
        **identity(recipe, splits, options, setup.dependencies),
        "epochs": setup.epochs,
        "device": devices.describe(setup.device),
        "torch": torch.__version__.split("+")[0],
        "provenance": splits.train.provenance + (f"; targets: {targets.provenance}" if targets else ""),
        "licence": splits.train.licence,
        "test_images": len(splits.test),
        "baseline_images": options.images_measured(len(splits.train)),
        "val_images": len(splits.val) if splits.val is not None else 0,
        "split": splits.cut or recipe.data.split,
        **({"images": str(path_of(recipe, options))} if recipe.data.is_own else {}),
        "classes": list(splits.train.classes),
        "task": recipe.task.name,
        "precision": choice.config.precision,
        "optimiser": OPTIMISER,
        "initialisation": recipe.network.initialisation,
        "layers": layers_of_recipe(recipe),
        "compute_config": choice.config.as_json(),
        "why": choice.why,
        "processes": processes,
        "sweep": options.sweep,
        "published": dict(recipe.published),
        "metric": recipe.metric,
        "rival": recipe.main_baseline,
        "objective": recipe.objective,
        "noise": recipe.data.noise,
        "learning_rate": recipe.schedule.learning_rate,
        "summary": recipe.summary,
        **({"file": Path(recipe.file).name} if recipe.file else {}),
        "parameters": recipe.network.parameters,
        "bottleneck": list(recipe.network.bottleneck),
    }


@dataclass
class RunWriter:
    """Writes checkpoint and history; tolerates a full disk for two epochs in a row.

    `saved` is the epoch of the newest checkpoint on the disk.
    """

    run: RunFolder
    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]
    progress: Progress
    resume_line: str
    saved: int
    failures: int = 0

    @classmethod
    def begin(
        cls,
        run: RunFolder,
        state: TrainingState,
        facts: dict[str, Any],
        test: TestSplit,
        options: Options,
        progress: Progress,
    ) -> RunWriter:
        """Write the start of a new run over an old one; of a resumed run delete the graphs of earlier weights."""
        done = state.record.epochs
        inputs, targets = (to_bytes(images[: runs.SAMPLES].cpu().numpy()) for images in (test.inputs, test.pictures))
        samples = {runs.SAMPLE_INPUTS: inputs, runs.SAMPLE_TARGETS: targets}
        writer = cls(run, facts, samples, progress, options.resume_line(facts["recipe"]), done)
        if not options.resume or done == 0:
            writer._commit(state)  # first, so that a full disk does not cost the run before
            run.delete_exports()
            remove(run.history)
        elif done < facts["epochs"]:
            run.delete_exports()  # graphs of earlier weights
        writer._write_history(state, "training")
        return writer

    def write_epoch(self, state: TrainingState) -> None:
        """Write checkpoint and history; raise WriteError if that failed for the third time in a row."""
        try:
            self._save(state)
            self.failures = 0
        except WriteError as error:
            self.failures += 1
            if self.failures == FAILURES_IN_A_ROW:
                raise WriteError(
                    f"{error}. That was epoch {state.record.epochs}, the third in a row that could not be saved; "
                    f"make room, then: {self.resume_line}",
                    errno=error.errno,
                ) from error
            self.progress.warn(f"{error}. Training goes on; the next epoch is tried again")

    def _save(self, state: TrainingState) -> None:
        self._commit(state)
        self.saved = state.record.epochs
        self._write_history(state, "training")

    def _commit(self, state: TrainingState) -> None:
        epoch, files = state.record.epochs, {STATE: state.to_bytes()}
        val_loss = state.record.val_loss[-1] if epoch else math.inf
        checkpoints.commit(self.run, epoch=epoch, val_loss=val_loss, facts=self.facts, files=files)

    def ensure_last_epoch_saved(self, state: TrainingState) -> None:
        """Save the last epoch if that failed before. Raises WriteError if it fails again."""
        if self.saved == state.record.epochs:
            return
        try:
            self._save(state)
        except WriteError as error:
            message = f"{error}. The last epoch is not saved; make room, then: {self.resume_line}"
            raise WriteError(message, errno=error.errno) from error

    def raise_if_interrupted(self, interrupt: Interrupt) -> None:
        """Raise Interrupted, saying what is on the disk, if a signal came."""
        if interrupt.received is None:
            return
        kept = f"epochs 1 to {self.saved} are" if self.saved > 1 else "epoch 1 is" if self.saved else "the start is"
        when = "while it was measured" if self.saved == self.facts["epochs"] else "before the next epoch was done"
        sentence = f"stopped {when}; {kept} saved. Resume with: {self.resume_line}"
        raise Interrupted(sentence, received=interrupt.received)

    def record_fallback(self, epoch: int) -> None:
        """Warn, and note for the history, that float32 is used from this epoch on."""
        self.progress.warn(f"{self.run.path}: bf16 gave a non-finite loss in epoch {epoch}; it is repeated in fp32")
        self.facts["precision"] = self.facts["compute_config"]["precision"] = "fp32"
        self.facts["why"] = {**self.facts["why"], "bf16": f"left in epoch {epoch}: its loss was not finite"}

    def _write_history(self, state: TrainingState, status: Status) -> None:
        meta = {**self.facts, "state": status}
        del meta["sweep"]  # equal results of two commands have equal histories
        atomic_write(self.run.history, pack_history(to_history(state.record, meta, self.arrays)))

    def write_result(self, state: TrainingState, measured: Measured, status: Status) -> None:
        """Write the history with metrics, baselines and status."""
        self.facts["rival"] = next(iter(measured.baselines), self.facts["rival"])  # no PCA where it would be exact
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
        self._write_history(state, status)
