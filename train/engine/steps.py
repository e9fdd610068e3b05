"""The steps of an epoch: the reference, one batch after the other, and a form that a CUDA graph can hold.

Both take the same step (`TrainStep.step`) on the same batches. Nothing of an epoch is read back before its end: loss
and terms of every step lie in one table on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from train.engine import devices
from train.engine.batches import Batches, TestSplit, noise_seed, seed_network
from train.engine.rewriting import rewrite
from zoo.blocks import Autoencoder, Classifier, ClassifierOutput, Output
from zoo.objectives import Batch, Objective, total

MOST_TERMS = 3  # of an objective
STEPS_A_GRAPH = 16  # a replay costs the host about 10 µs; sixteen steps share it
_WARM_UP = 3  # steps before a capture, which makes cuDNN and cuBLAS choose and allocate


@dataclass(frozen=True)
class ComputeConfig:
    """How steps are computed. The network and its data are always the same, values within rounding.

    precision   'fp32' or 'bf16': what layers compute in; weights, optimiser and losses are float32 either way
    layout      'nhwc' or 'nchw': how images lie in memory
    threads     of torch, on the CPU
    """

    precision: str
    layout: str
    threads: int

    @classmethod
    def from_json(cls, value: Any) -> ComputeConfig:
        """Return what `as_json` wrote. Raises TypeError or ValueError for anything else."""
        config = cls(**value)
        known = config.precision in ("fp32", "bf16") and config.layout in ("nhwc", "nchw")
        if not (known and 1 <= config.threads <= 1024):
            raise ValueError(f"unknown compute config: {config}")
        return config

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.precision}, {self.layout}, {devices.threads_text(self.threads)}"

    def enter(self, network: nn.Module) -> None:
        """Lay the network's weights out like this, and let torch use so many threads."""
        form = torch.channels_last if self.layout == "nhwc" else torch.contiguous_format
        network.to(memory_format=form)  # type: ignore[call-overload]
        torch.set_num_threads(self.threads)


@dataclass
class TrainStep:
    """What learns from a batch: forward, loss, backward and the optimiser's update.

    `terms` are the names of the objective's terms, known after the first step.
    """

    network: Autoencoder | Classifier
    objective: Objective
    optimiser: torch.optim.Optimizer
    precision: str
    terms: tuple[str, ...] = ()
    rewritten: Autoencoder | Classifier = field(init=False)

    def __post_init__(self) -> None:
        self.rewritten = rewrite(self.network, shuffle=self.precision == "bf16")

    def train(self, mode: bool = True) -> None:
        """Set both networks to training, or to rest: they share their layers, not what holds them."""
        self.network.train(mode)
        self.rewritten.train(mode)

    def step(
        self,
        batch: Batch,
        row: Tensor,
        *,
        forward: Callable[[Tensor], Output | ClassifierOutput] | None = None,
        weight: float = 1.0,
    ) -> None:
        """Learn from one batch; write the loss and its terms into `row` (MOST_TERMS + 1,), float32.

        `forward` replaces the rewritten network where that is wrapped; `weight` multiplies the gradients.
        """
        with torch.autocast(batch.image.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"):
            terms = self.objective(_in_float32((forward or self.rewritten)(batch.image)), batch)
            loss = total(terms)
        self.optimiser.zero_grad(set_to_none=True)
        (loss if weight == 1 else loss * weight).backward()
        self.optimiser.step()
        self.terms = tuple(terms)
        for column, value in enumerate((loss, *terms.values())):
            row[column].copy_(value.detach())


def validate(train_step: TrainStep, split: TestSplit, *, most: int | None = None) -> float:
    """Return the objective's mean over a split, or its first images (at least `most`), in float32 and at rest."""
    train_step.train(False)
    summed = torch.zeros((), dtype=torch.float64, device=split.inputs.device)
    images = 0
    with torch.no_grad():
        for batch in split.batches():
            summed += total(train_step.objective(train_step.rewritten(batch.image), batch)).double() * len(batch.image)
            images += len(batch.image)
            if most is not None and images >= most:
                break
    return float(summed) / images


def _in_float32(answer: Output | ClassifierOutput) -> Output | ClassifierOutput:
    """A loss is summed in float32, whatever the layers computed in."""
    if isinstance(answer, ClassifierOutput):
        return ClassifierOutput(*(value.float() for value in answer))
    logvar = answer.logvar if answer.logvar is None else answer.logvar.float()
    return Output(answer.reconstruction.float(), answer.bottleneck.float(), answer.raw.float(), logvar)


class Steps(Protocol):
    """Takes the steps of an epoch: the policy of how lies behind this.

    `seen` (steps, MOST_TERMS + 1) float32 on the device: loss and terms of each step, whole when `run` is exhausted.
    """

    @property
    def train_step(self) -> TrainStep: ...

    @property
    def seen(self) -> Tensor: ...

    def run(self, seed: int, epoch: int) -> Iterator[int]:
        """Take the steps of an epoch; yield how many were taken since the last time."""
        ...


def steps_of(train_step: TrainStep, batches: Batches) -> Steps:
    """Return the form that is right for the device that the data lies on."""
    if batches.pixels.device.type == "cuda":
        return StaticSteps(train_step, batches)
    return EagerSteps(train_step, batches)


class EagerSteps:
    """One batch after the other: the reference."""

    def __init__(self, train_step: TrainStep, batches: Batches) -> None:
        self.train_step, self.batches = train_step, batches
        # One row a batch, made beforehand: a small tensor kept of every step pinned the heap around it, gigabytes.
        self.seen = torch.zeros(batches.steps, MOST_TERMS + 1, device=batches.pixels.device)

    def run(self, seed: int, epoch: int) -> Iterator[int]:
        seed_network(seed, epoch)
        self.train_step.train()
        for row, batch in zip(self.seen, self.batches.epoch(seed, epoch), strict=True):
            self.train_step.step(batch, row)
            yield 1


class StaticSteps:
    """The same with every step reading and writing the same memory, so that CUDA graphs can hold whole steps.

    A graph is captured of STEPS_A_GRAPH steps and one of a single step; a last batch that is smaller is taken as it is.
    Gathering, noise, forward, backward and the optimiser are all inside; the host only replays. Where there is no CUDA
    the same steps are called one by one, which is how their arithmetic is tested anywhere.
    """

    def __init__(self, train_step: TrainStep, batches: Batches, *, steps_a_graph: int = STEPS_A_GRAPH) -> None:
        self.train_step, self.batches = train_step, batches
        device, sizes = batches.pixels.device, batches.sizes
        self.seen = torch.zeros(len(sizes), MOST_TERMS + 1, device=device)
        self._size = sizes[0]
        self._whole = sum(size == self._size for size in sizes)
        self._order = torch.zeros(sum(sizes), dtype=torch.int64, device=device)
        self._within = torch.arange(self._size, device=device)
        self._next = torch.zeros(1, dtype=torch.int64, device=device)  # the step that comes next
        self._row = torch.zeros(MOST_TERMS + 1, device=device)
        self._noise = torch.Generator(device)
        self._chunks = list(chunk_sizes(self._whole, steps_a_graph))
        self._replays: dict[int, Callable[[], None]] = {}  # on CUDA, of a chunk of each size

    def run(self, seed: int, epoch: int) -> Iterator[int]:
        self.train_step.train()
        if self.seen.device.type == "cuda" and not self._replays:
            self._replays = self._capture()
        seed_network(seed, epoch)
        self._noise.manual_seed(noise_seed(seed, epoch))
        self._order.copy_(self.batches.order(seed, epoch))
        self._next.zero_()
        for count in self._chunks:
            if self._replays:
                self._replays[count]()
            else:
                self._take(count)
            yield count
        rest = self._order[self._whole * self._size :]
        if len(rest):
            self.train_step.step(self.batches.gather(rest, self._noise), self.seen[-1])
            yield 1

    def _take(self, count: int) -> None:
        for _ in range(count):
            index = self._order.index_select(0, self._next * self._size + self._within)
            self.train_step.step(self.batches.gather(index, self._noise), self._row)
            self.seen.index_copy_(0, self._next, self._row[None])
            self._next += 1

    def _capture(self) -> dict[int, Callable[[], None]]:
        """Return what replays a chunk of each size."""
        replays: dict[int, Callable[[], None]] = {}
        pool = torch.cuda.graph_pool_handle()
        restore = snapshot(self.train_step)
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP):
                self._next.zero_()
                self._take(1)
        torch.cuda.current_stream().wait_stream(aside)
        for count in dict.fromkeys(self._chunks):
            graph = torch.cuda.CUDAGraph()
            graph.register_generator_state(self._noise)
            with torch.cuda.graph(graph, pool=pool):
                self._take(count)
            replays[count] = graph.replay
        restore()
        return replays


def chunk_sizes(steps: int, most: int) -> Iterator[int]:
    """Split a number of steps into chunks of `most`, and single ones for the rest."""
    whole, rest = divmod(steps, most)
    yield from [most] * whole
    yield from [1] * rest


def snapshot(train_step: TrainStep) -> Callable[[], None]:
    """Return what puts weights, buffers and the optimiser's memory back as they are now, at the same addresses."""
    network = [(value, value.detach().clone()) for value in train_step.network.state_dict().values()]
    before = {
        parameter: {name: value.clone() for name, value in memory.items()}
        for parameter, memory in train_step.optimiser.state.items()
    }

    def restore() -> None:
        with torch.no_grad():
            for value, old in network:
                value.copy_(old)
            for parameter, memory in train_step.optimiser.state.items():
                for name, value in memory.items():
                    if parameter in before:
                        value.copy_(before[parameter][name])
                    else:
                        value.zero_()

    return restore
