"""What a training writes into its run's folder, and when: a checkpoint and the whole history after each epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from train.engine import devices
from train.engine.batches import TestSplit
from train.engine.probe import Choice
from train.interrupts import Interrupt
from train.measure.run import Measured, to_bytes
from train.options import Options
from train.progress import Progress
from train.resume import identity
from train.setup import TrainingSetup
from train.state import TrainingState, to_history
from zoo import checkpoints, runs
from zoo.checkpoints import STATE
from zoo.errors import Interrupted, WriteError
from zoo.runs import RunFolder, atomic_write, pack_history, remove

FAILURES_IN_A_ROW = 3


def facts_of(setup: TrainingSetup, options: Options, choice: Choice, processes: int) -> dict[str, Any]:
    """Return the history's meta: what was trained, on what, with what."""
    recipe, splits = setup.recipe, setup.splits
    return {
        **identity(recipe, splits, options, setup.dependencies),
        "epochs": setup.epochs,
        "device": devices.describe(setup.device),
        "torch": torch.__version__.split("+")[0],
        "provenance": _provenance(setup),
        "licence": splits.train.licence,
        "test_images": len(splits.test),
        "baseline_images": options.images_measured(len(splits.train)),
        "val_images": len(splits.val) if splits.val is not None else 0,
        "split": recipe.data.split,
        "classes": list(splits.train.classes),
        "task": recipe.task.name,
        "precision": choice.config.precision,
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
        "parameters": recipe.network.parameters,
        "bottleneck": list(recipe.network.bottleneck),
    }


def _provenance(setup: TrainingSetup) -> str:
    """Say where the images come from, and where those come from that the outputs are compared with."""
    own, targets = setup.splits.train.provenance, setup.dependencies.targets
    return own if targets is None else f"{own}; targets: {targets.provenance}"


@dataclass
class RunWriter:
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
        """Make the folder ready: a run that begins replaces the old one, one that goes on withdraws its graphs."""
        done = state.record.epochs
        writer = cls(run, facts, _sample_arrays(test), progress, options.resume_line(facts["recipe"]), done)
        if not options.resume or done == 0:
            writer._commit(state)  # first, so that a full disk does not cost the run before
            run.withdraw()
            remove(run.history)
        elif done < facts["epochs"]:
            run.withdraw()  # graphs of earlier weights
        writer.history(state, "training")
        return writer

    def epoch(self, state: TrainingState) -> None:
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
        self.history(state, "training")

    def _commit(self, state: TrainingState) -> None:
        epoch, files = state.record.epochs, {STATE: state.to_bytes()}
        checkpoints.commit(self.run, epoch=epoch, val_loss=state.val_loss, facts=self.facts, files=files)

    def settle(self, state: TrainingState) -> None:
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
        when = "while it was measured" if self.saved == self.facts["epochs"] else "before the next epoch was done"
        sentence = f"stopped {when}; {kept} saved. Resume with: {self.resume_line}"
        raise Interrupted(sentence, received=interrupt.received)

    def fall_back(self, epoch: int) -> None:
        """Note that the training goes on in float32 from this epoch on."""
        self.progress.warn(
            f"{self.run.path}: bf16 gave a loss that is not finite in epoch {epoch}; it is taken again in fp32"
        )
        self.facts["precision"] = self.facts["compute_config"]["precision"] = "fp32"
        self.facts["why"] = {**self.facts["why"], "bf16": f"left in epoch {epoch}: its loss was not finite"}

    def history(self, state: TrainingState, name: str) -> None:
        meta = {**self.facts, "state": name}
        del meta["sweep"]  # which command it was is nothing of the result's
        history = to_history(state.record, meta, self.arrays)
        atomic_write(self.run.history, pack_history(history))

    def final(self, state: TrainingState, measured: Measured, name: str) -> None:
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
        self.history(state, name)


def _sample_arrays(test: TestSplit) -> dict[str, np.ndarray]:
    first = slice(None, runs.SAMPLES)
    return {
        runs.SAMPLE_INPUTS: to_bytes(test.inputs[first].cpu().numpy()),
        runs.SAMPLE_TARGETS: to_bytes(test.pictures[first].cpu().numpy()),
    }
