"""The policy of `--precision auto`: an epoch that is not finite in bfloat16 is repeated in float32."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from train.engine.steps import Steps, TrainStep, make_restorer


class FallbackSteps:
    """Steps in bfloat16 until an epoch leaves non-finite losses or weights; that one is repeated in float32.

    `make_float32_steps` returns the steps from then on; `on_fallback` is called with the number of that epoch.
    """

    def __init__(
        self, steps: Steps, make_float32_steps: Callable[[], Steps], on_fallback: Callable[[int], None]
    ) -> None:
        self._steps, self._make_float32_steps, self._on_fallback = steps, make_float32_steps, on_fallback

    @property
    def train_step(self) -> TrainStep:
        return self._steps.train_step

    @property
    def step_losses(self) -> Tensor:
        return self._steps.step_losses

    def run(self, seed: int, epoch: int) -> Iterator[int]:
        if self.train_step.precision == "bf16":
            restore, taken = make_restorer(self.train_step), 0
            for count in self._steps.run(seed, epoch):
                taken += count
                yield count
            if self._is_finite():
                return
            restore()
            self._on_fallback(epoch)
            self._steps = self._make_float32_steps()
            yield -taken
        yield from self._steps.run(seed, epoch)

    def _is_finite(self) -> bool:
        tensors = (self.step_losses, *self.train_step.network.parameters())
        return all(bool(torch.isfinite(values).all()) for values in tensors)
