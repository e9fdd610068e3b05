"""What one training is made of: the loop, the other processes of a team and the benchmark all take it from here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch

from train.dependencies import NOTHING, Dependencies
from train.engine import devices, fused
from train.engine.batches import Batches, TestSplit
from train.engine.prepare import Preparation
from train.engine.probe import Choice, ProbeTarget, choose, unprobed_choice
from train.engine.steps import TrainStep
from train.options import QUICK_IMAGES, Options
from train.state import TrainingState, fresh_state
from zoo.data.splits import Splits
from zoo.objectives import Objective, objective_of
from zoo.recipe import Recipe


@dataclass(frozen=True)
class TrainingSetup:
    """A recipe's images as batches on the device, its objective, and what makes networks at the start of training."""

    recipe: Recipe
    splits: Splits
    dependencies: Dependencies
    device: torch.device
    seed: int
    epochs: int
    batches: Batches
    objective: Objective

    @classmethod
    def of(
        cls, recipe: Recipe, splits: Splits, options: Options, dependencies: Dependencies = NOTHING
    ) -> TrainingSetup:
        """Put the images on the device, and make what is computed there repeatable."""
        device = devices.choose(options.device)
        devices.make_repeatable(device)
        splits = splits.tested_on(QUICK_IMAGES) if options.quick else splits
        prepare = Preparation.of(recipe, dependencies.targets, device=device)
        batches = Batches.of(
            splits.train,
            prepare,
            batch_size=recipe.schedule.batch_size,
            device=device,
            steps=options.steps_of(recipe, len(splits.train)),
        )
        objective = objective_of(recipe, dependencies.teacher)
        seed, epochs = options.seed_of(recipe), options.epochs_of(recipe)
        return cls(recipe, splits, dependencies, device, seed, epochs, batches, objective)

    @cached_property
    def test(self) -> TestSplit:
        return TestSplit.of(self.splits.test, self.batches.prepare, device=self.device)

    @cached_property
    def validation(self) -> TestSplit:
        """The validation split; the test split where the sheet has no other."""
        if self.splits.val is None:
            return self.test
        return TestSplit.of(self.splits.val, self.batches.prepare, device=self.device)

    def fresh_state(self) -> TrainingState:
        """Return the state before the first epoch; equal seeds give equal weights."""
        return fresh_state(self.recipe, self.seed, self.device, self.dependencies)

    def train_step(self, state: TrainingState, precision: str) -> TrainStep:
        """Return what learns from a batch, in that precision."""
        return TrainStep(state.network, self.objective, state.optimiser, precision)

    def choose_config(self, options: Options, engine: str, say: Callable[[str], None]) -> Choice:
        """Choose how to compute: as a probe finds best, or the reference where none is wanted."""
        if options.precision == "bf16" and not devices.has_bf16(self.device):
            say("there is no bfloat16 in hardware here: --precision bf16 is emulated, many times slower than fp32")
        if not options.wants_probe:
            return unprobed_choice(options.precision, engine)
        images = sum(self.batches.sizes) * self.epochs
        return choose(self.probe_target, precision=options.precision, images=images, engine=engine, say=say)

    def engine(self, options: Options, say: Callable[[str], None]) -> str:
        """Return 'fused' where float32 steps can be compiled, 'torch' otherwise; say what misses, once."""
        if self.device.type != "cpu" or options.precision == "bf16":
            return "torch"
        try:
            fused.check(self.recipe.network(), self.batches)
        except fused.NoCompiler as error:
            _once(f"training takes torch's steps, several times slower: {error}", say)
        except fused.Unsupported as error:
            if options.verbose:
                say(f"{self.recipe.name}: training takes torch's steps, since there are no compiled ones for {error}")
        else:
            return "fused"
        return "torch"

    @property
    def probe_target(self) -> ProbeTarget:
        return ProbeTarget(
            self.recipe,
            self.recipe.network(),
            lambda precision: self.train_step(self.fresh_state(), precision),
            self.batches,
            self.validation,
            self.seed,
        )


_said: set[str] = set()


def _once(line: str, say: Callable[[str], None]) -> None:
    if line not in _said:
        _said.add(line)
        say(line)
