"""Runs the training steps of an epoch: eagerly, as CUDA graphs, or compiled for the CPU (fused/).

All take the same step (`TrainStep.step`) on the same batches. Loss and terms of all steps stay in one tensor on the
device until the epoch ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from train.engine import devices
from train.engine.batches import Batches, TestSplit, noise_seed, seed_network
from train.engine.rewriting import rewrite
from train.engine.threads import ThreadTimer
from zoo.blocks import Autoencoder, Classifier, ClassifierOutput, Output
from zoo.objectives import FROM_RAW, MAX_TERMS, Batch, Objective, Terms, total

STEPS_PER_GRAPH = 16  # a replay costs the host about 10 µs; sixteen steps share it
_SECONDS_AT_ONCE, _MAX_STEPS_AT_ONCE = 0.01, 64  # of compiled steps, between two looks at the clock
# As torch itself draws random numbers, so that all configs draw the same.
COMPILER: dict[str, Any] = {"backend": "inductor", "options": {"fallback_random": True}}
_WARM_UP_STEPS = 3  # before a capture: cuDNN and cuBLAS choose kernels and allocate


@dataclass(frozen=True)
class ComputeConfig:
    """How steps are computed: all configs train the same network on the same data.

    precision   of the layers: 'fp32', 'tf32' (the same, but CUDA multiplies 10 bits of fraction) or 'bf16'; weights,
                optimiser and losses are float32 in all
    layout      'nhwc' or 'nchw': memory format of images and weights
    threads     on the CPU
    engine      'torch', or 'fused': steps compiled for the CPU
    compiled    whether torch.compile makes the kernels of forward, objective and backward, on CUDA
    """

    precision: str
    layout: str
    threads: int
    engine: str = "torch"
    compiled: bool = False

    @classmethod
    def from_json(cls, value: Any) -> ComputeConfig:
        """Return what `as_json` wrote. Raises TypeError or ValueError for anything else."""
        config = cls(**value)
        known = (
            config.precision in ("fp32", "tf32", "bf16")
            and config.layout in ("nhwc", "nchw")
            and config.engine in ("torch", "fused")
            and isinstance(config.compiled, bool)
        )
        if not (known and 1 <= config.threads <= 1024):
            raise ValueError(f"unknown compute config: {config}")
        return config

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        how = "fused" if self.engine == "fused" else self.layout + (", compiled" if self.compiled else "")
        return f"{self.precision}, {how}, {devices.threads_text(self.threads)}"

    def apply_to(self, network: nn.Module) -> None:
        """Convert the network's memory format, and set torch's number of threads (global)."""
        memory_format = torch.channels_last if self.layout == "nhwc" else torch.contiguous_format
        network.to(memory_format=memory_format)  # type: ignore[call-overload]
        torch.set_num_threads(self.threads)


@dataclass
class TrainStep:
    """Holds a network, its objective and its optimiser; `step` trains on one batch.

    `terms` are the names of the objective's terms, known after the first step; `rewritten` is a faster network with the
    same weights, used for forward passes.
    """

    network: Autoencoder | Classifier
    objective: Objective
    optimiser: torch.optim.Optimizer
    precision: str
    terms: tuple[str, ...] = ()
    rewritten: Autoencoder | Classifier = field(init=False)

    def __post_init__(self) -> None:
        self.rewritten = rewrite(self.network, pixel_shuffle=self.precision == "bf16")
        if self.objective in FROM_RAW:
            self.rewritten.to_pixels = nn.Identity()
        self._one = torch.ones((), device=next(self.network.parameters()).device)  # the loss's gradient, every time

    def train(self, mode: bool = True) -> None:
        """Call .train(mode) on both networks: they share layers, but each container has its own `training` flag."""
        self.network.train(mode)
        self.rewritten.train(mode)

    def terms_of(self, batch: Batch, forward: Callable[[Tensor], Output | ClassifierOutput] | None = None) -> Terms:
        """Return the objective's terms; `forward`: called instead of `self.rewritten`, e.g. its DDP wrapper."""
        with torch.autocast(batch.image.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16"):
            return self.objective(_in_float32((forward or self.rewritten)(batch.image)), batch)

    def step(
        self, batch: Batch, row: Tensor, *, terms_of: Callable[[Batch], Terms] | None = None, weight: float = 1.0
    ) -> None:
        """Train on one batch; write the loss and its terms into `row` (MAX_TERMS + 1,), float32.

        `terms_of`: called instead of `self.terms_of`; `weight`: factor on the loss, for a process's share of the batch.
        """
        with devices.tf32(self.precision == "tf32"):
            terms = (terms_of or self.terms_of)(batch)
            loss = total(terms)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward(self._one if weight == 1 else self._one * weight)
        self.optimiser.step()
        self.terms = tuple(terms)
        values = [value.detach() for value in (loss, *terms.values())]
        torch.stack(values, out=row[: len(values)])


def validate(train_step: TrainStep, split: TestSplit, *, min_images: int | None = None) -> float:
    """Return the objective's mean over a split, or its first batches of at least `min_images`; sets eval mode."""
    train_step.train(False)
    summed = torch.zeros((), dtype=torch.float64, device=split.inputs.device)
    images = 0
    with torch.no_grad():
        for batch in split.batches():
            summed += total(train_step.objective(train_step.rewritten(batch.image), batch)).double() * len(batch.image)
            images += len(batch.image)
            if min_images is not None and images >= min_images:
                break
    return float(summed) / images


def _in_float32(output: Output | ClassifierOutput) -> Output | ClassifierOutput:
    """Cast a network's output, so that the loss is computed in float32."""
    if isinstance(output, ClassifierOutput):
        return ClassifierOutput(*(value.float() for value in output))
    raw, logvar = output.raw.float(), output.logvar if output.logvar is None else output.logvar.float()
    pixels = raw if output.reconstruction is output.raw else output.reconstruction.float()
    return Output(pixels, output.bottleneck.float(), raw, logvar)


class Steps(Protocol):
    """Interface for running one epoch; implementations decide how (eager, CUDA graph, distributed).

    `step_losses` (steps, MAX_TERMS + 1) float32 on the device: loss and terms of each step, complete once `run` ends.
    """

    @property
    def train_step(self) -> TrainStep: ...

    @property
    def step_losses(self) -> Tensor: ...

    def run(self, seed: int, epoch: int) -> Iterator[int]:
        """Take the steps of an epoch; after one or several, yield how many."""
        ...


def steps_of(train_step: TrainStep, batches: Batches, config: ComputeConfig, *, retime: bool = False) -> Steps:
    """Return the steps that compute as `config` says, for the device that the data is on.

    `retime`: each epoch may go on with fewer threads, where another process wants a core. Torch's bits depend on it.
    """
    if batches.pixels.device.type == "cuda":
        return StaticSteps(train_step, batches, compiled=config.compiled)
    if config.engine == "fused":
        return FusedSteps(train_step, batches, config.threads)
    return EagerSteps(train_step, batches, ThreadTimer(config.threads) if retime else None)


class EagerSteps:
    """One batch after the other: the reference."""

    def __init__(self, train_step: TrainStep, batches: Batches, threads: ThreadTimer | None = None) -> None:
        self.train_step, self.batches, self._threads = train_step, batches, threads
        # One tensor for all steps: a small one kept of each would pin the heap around it, gigabytes.
        self.step_losses = torch.zeros(batches.step_count, MAX_TERMS + 1, device=batches.pixels.device)

    def run(self, seed: int, epoch: int) -> Iterator[int]:
        seed_network(seed, epoch)
        self.train_step.train()
        if self._threads is not None:
            self._threads.begin_epoch()
        for row, batch in zip(self.step_losses, self.batches.epoch(seed, epoch), strict=True):
            start = time.perf_counter()
            if self._threads is not None:
                torch.set_num_threads(self._threads.threads)
            self.train_step.step(batch, row)
            if self._threads is not None:
                self._threads.took(len(batch.image), time.perf_counter() - start)
            yield 1


class FusedSteps:
    """Steps compiled for the CPU, in float32: weights and Adam's state are torch tensors again when an epoch ends."""

    def __init__(self, train_step: TrainStep, batches: Batches, threads: int) -> None:
        from train.engine.fused.driver import Engine  # llvmlite takes its time, and may be missing

        self.train_step, self.batches = train_step, batches
        self.step_losses = torch.zeros(batches.step_count, MAX_TERMS + 1)
        self.engine, self._steps_at_once = Engine(train_step.network, batches), 1
        self._threads = ThreadTimer(min(threads, self.engine.max_threads))

    def run(self, seed: int, epoch: int) -> Iterator[int]:
        recipe, optimiser = self.batches.prepare.recipe, self.train_step.optimiser
        seed_network(seed, epoch)
        self.train_step.train()
        self.train_step.terms = ("bce" if recipe.objective == "bce" else "mse",)
        self._threads.begin_epoch()
        adam, order = self.engine.take_state(optimiser), self.batches.order(seed, epoch)
        generator, shape = torch.Generator().manual_seed(noise_seed(seed, epoch)), self.batches.pixels.shape[1:]

        def draw(size: int, steps: int) -> Tensor:
            noise = torch.empty(steps if recipe.data.noise else 0, size, *shape)
            for batch in noise:
                torch.randn(batch.shape, generator=generator, out=batch)
            return noise

        taken = first = 0
        chunks = self._chunks()
        chunk = next(chunks, None)
        with ThreadPoolExecutor(self._threads.threads + 1) as pool:
            drawn = chunk and pool.submit(draw, *chunk)
            while chunk and drawn:
                (size, steps), noise, threads = chunk, drawn.result(), self._threads.threads
                chunk = next(chunks, None)
                drawn = chunk and pool.submit(draw, *chunk)  # while these steps are taken
                images, start = order[first : first + size * steps].numpy(), time.perf_counter()
                losses = self.engine.run(images, noise.numpy(), size, adam, threads, pool)
                seconds = time.perf_counter() - start
                self._threads.took(size * steps, seconds)
                self._steps_at_once = int(min(max(_SECONDS_AT_ONCE * steps / seconds, 1), _MAX_STEPS_AT_ONCE))
                self.step_losses[taken : taken + steps, :2] = torch.from_numpy(losses)[:, None]
                taken, first, adam = taken + steps, first + size * steps, replace(adam, steps=adam.steps + steps)
                if not chunk:
                    self.engine.give_state(optimiser, adam.steps)
                yield steps

    def _chunks(self) -> Iterator[tuple[int, int]]:
        """Yield (batch size, steps) that are taken at once; a smaller last batch alone."""
        sizes, first = self.batches.sizes, 0
        while first < len(sizes):
            steps = min(self._steps_at_once, sizes[first:].count(sizes[first]))
            yield sizes[first], steps
            first += steps


class StaticSteps:
    """Steps that all read and write the same memory, so that CUDA graphs can hold them.

    One graph holds STEPS_PER_GRAPH steps, another a single step; a smaller last batch is taken eagerly. Gathering,
    noise, forward, backward and optimiser are all captured; the host only replays. Without CUDA the same steps are
    called one by one, so that tests can check their arithmetic anywhere.
    """

    def __init__(
        self,
        train_step: TrainStep,
        batches: Batches,
        *,
        steps_per_graph: int = STEPS_PER_GRAPH,
        compiled: bool = False,
    ) -> None:
        self.train_step, self.batches = train_step, batches
        self._terms_of = compile_terms(train_step) if compiled else train_step.terms_of
        device, sizes = batches.pixels.device, batches.sizes
        self.step_losses = torch.zeros(len(sizes), MAX_TERMS + 1, device=device)
        self._size = sizes[0]
        self._full_batches = sum(size == self._size for size in sizes)
        self._index = torch.zeros(steps_per_graph, self._size, dtype=torch.int64, device=device)  # of a chunk's images
        self._losses = torch.zeros(steps_per_graph, MAX_TERMS + 1, device=device)  # of a chunk's steps
        self._noise = torch.Generator(device)
        self._chunks = list(chunk_sizes(self._full_batches, steps_per_graph))
        self._replays: dict[int, Callable[[], None]] = {}  # on CUDA, of a chunk of each size

    def run(self, seed: int, epoch: int) -> Iterator[int]:
        self.train_step.train()
        if self.step_losses.device.type == "cuda" and not self._replays:
            self._replays = self._capture()
        seed_network(seed, epoch)
        self._noise.manual_seed(noise_seed(seed, epoch))
        order, done = self.batches.order(seed, epoch), 0
        for count in self._chunks:
            images = order[done * self._size : (done + count) * self._size]
            self._index[:count].copy_(images.view(count, self._size))
            if self._replays:
                self._replays[count]()
            else:
                self._take(count)
            self.step_losses[done : done + count] = self._losses[:count]
            done += count
            yield count
        rest = order[done * self._size :]
        if len(rest):
            self.train_step.step(self.batches.gather(rest, self._noise), self.step_losses[-1])
            yield 1

    def _take(self, count: int) -> None:
        for index, row in zip(self._index[:count], self._losses[:count], strict=True):
            self.train_step.step(self.batches.gather(index, self._noise), row, terms_of=self._terms_of)

    def _capture(self) -> dict[int, Callable[[], None]]:
        """Return what replays a chunk of each size."""
        replays: dict[int, Callable[[], None]] = {}
        # The graphs may share a pool: they are replayed one after the other on one stream, and none reads what another
        # left there. Weights, Adam's state, indices and losses outlive a replay, and lie outside.
        pool = torch.cuda.graph_pool_handle()
        restore = make_restorer(self.train_step)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_STEPS):
                self._take(1)
        torch.cuda.current_stream().wait_stream(stream)
        for count in dict.fromkeys(self._chunks):
            graph = torch.cuda.CUDAGraph()
            graph.register_generator_state(self._noise)
            with torch.cuda.graph(graph, pool=pool):
                self._take(count)
            replays[count] = graph.replay
        restore()
        return replays


def compile_terms(train_step: TrainStep) -> Callable[[Batch], Terms]:
    """Return the step's `terms_of` for batches of one size, with kernels of torch.compile forward and backward."""
    torch.compiler.reset()  # for every network before counts as one of the eight forms that the same code may have
    compiled: Callable[[Batch], Terms] = torch.compile(train_step.terms_of, fullgraph=True, dynamic=False, **COMPILER)
    return compiled


def chunk_sizes(steps: int, size: int) -> Iterator[int]:
    """Split a number of steps into chunks of `size`, and single ones for the rest."""
    full, rest = divmod(steps, size)
    yield from [size] * full
    yield from [1] * rest


def make_restorer(train_step: TrainStep) -> Callable[[], None]:
    """Copy weights, buffers and optimiser state; return a function that writes the copies back in place."""
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
