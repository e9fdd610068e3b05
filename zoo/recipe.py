"""A recipe: one trainable model of an assignment, as a value. Torch-free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.blocks import Autoencoder


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Network + data set + objective + schedule.

    `noise` is the standard deviation of the Gaussian noise added to the input, in units of the pixel range
    [0, 1]; the noisy input is clipped to [0, 1] and the target stays clean. `bottleneck_view` is the (rows,
    columns) in which the sheet wants the bottleneck shown. `choices` lists what the sheet leaves open and we chose.
    """

    name: str
    summary: str
    network: Callable[[], Autoencoder]
    dataset: str
    objective: str
    epochs: int
    batch_size: int
    learning_rate: float = 1e-3
    noise: float = 0.0
    bottleneck_view: tuple[int, int] | None = None
    choices: tuple[str, ...] = ()

    @property
    def assignment(self) -> str:
        return self.name.split("/")[0]

    @property
    def task(self) -> str:
        return "denoise" if self.noise else "reconstruct"
