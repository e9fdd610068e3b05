"""The policy of `--precision auto`: an epoch that is not finite in bfloat16 is taken again in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from train.engine.steps import Steps, TrainStep, snapshot


class FallbackSteps:
    """Steps in bfloat16, until an epoch leaves losses or weights that are not finite; from then on in float32.

    `fell_back` is called with the number of that epoch.
    """

    def __init__(self, steps: Steps, in_float32: Callable[[], Steps], fell_back: Callable[[int], None]) -> None:
        self._steps, self._in_float32, self._fell_back = steps, in_float32, fell_back

    @property
    def train_step(self) -> TrainStep:
        return self._steps.train_step

    @property
    def seen(self) -> Tensor:
        return self._steps.seen

    def run(self, seed: int, epoch: int) -> Iterator[int]:
        if self.train_step.precision == "bf16":
            restore, taken = snapshot(self.train_step), 0
            for count in self._steps.run(seed, epoch):
                taken += count
                yield count
            if self._is_sound():
                return
            restore()
            self._fell_back(epoch)
            self._steps = self._in_float32()
            yield -taken
        yield from self._steps.run(seed, epoch)

    def _is_sound(self) -> bool:
        return all(bool(torch.isfinite(values).all()) for values in (self.seen, *self.train_step.network.parameters()))
