"""Compiles a network's training step, and takes such steps on several threads.

A batch is cut into micro-batches of 16 images; whichever thread is free takes the next one, in its own arena, and
leaves its gradients in the micro-batch's own row. Rows are summed in their order: bits do not depend on the threads.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass

import numpy as np
import torch
from llvmlite import ir
from torch import Tensor, nn

from train.engine.batches import Batches
from train.engine.fused import Unsupported, processor
from train.engine.fused.emitter import FLOAT, LANES, Code, Memory, Value, compiled
from train.engine.fused.form import Compiler, Form
from train.engine.fused.kernels import Array
from zoo.data.images import LUMA
from zoo.errors import DeviceError
from zoo.recipe import Recipe

KERNEL = ("vectors", "floats", "floats")
# What `run` is given beside the state of its barrier, its own arena, and numbers.
ARRAYS = {
    "order": "ints", "pixels": "bytes", "noise": "floats", "packed": "floats", "rows": "vectors", "summed": "vectors",
    "parameters": "vectors", "gradients": "vectors", "means": "vectors", "squares": "vectors", "rates": "floats",
    "losses": "floats", "packed_start": "ints", "packed_left": "indices", "packed_right": "indices",
    "gradients_start": "ints", "gradients_left": "indices", "gradients_right": "indices",
}  # fmt: skip
RUN = ("ints", "vectors", *ARRAYS.values(), *["int"] * 4, *["float"] * 5)


class Step:
    """The functions of a module: kernels, and around them what makes a step of them."""

    def __init__(self, form: Form, recipe: Recipe) -> None:
        self.form, self.recipe, self.module = form, recipe, ir.Module()
        self.kernels = [self.kernel(number) for number in range(len(form.schedule))]
        self.learn, self.sums = self.write_learn(), self.write_sums()
        self.write_run()

    def kernel(self, number: int) -> Code:
        code = Code(self.module, f"kernel_{number}", KERNEL)
        code.promise_no_overlap()
        self.form.schedule[number].emit(code, *code.arguments)
        code.function.attributes.add("noinline")
        code.end()
        return code

    def write_learn(self) -> Code:
        """Load the first `count` images of `order`, at most 16, and run all kernels; `share`: what a pixel counts."""
        code = Code(self.module, "learn", (*KERNEL, "ints", "bytes", "floats", "int", "float"))
        arena, weights, row, order, pixels, noise, count, share = code.arguments
        form, image = self.form, self.form.wanted
        rows = [(count > lane).where(count * 0 + lane, count - 1) for lane in range(LANES)]
        arena[form.share.at] = code.gathered([(count > lane).where(share, 0) for lane in range(LANES)])
        starts = [order[at] * self.form.pixels for at in rows]
        with code.loop(image.size) as y, code.loop(image.size) as x:
            colours = []
            for c in range(image.channels):
                here = y * image.size + x + c * image.size**2
                colour = code.gathered([pixels[start + here] for start in starts]) / 255
                colours.append(colour)
                arena[image(c, y, x)] = colour
                if form.image is not image and not _is_grey(self.recipe):
                    added = code.gathered([noise[at * self.form.pixels + here] for at in rows])
                    value = (colour + added * self.recipe.data.noise).relu()
                    arena[form.image(c, y, x)] = (value > 1).where(1, value)
            if _is_grey(self.recipe):
                red, green, blue = (colour * luma for colour, luma in zip(colours, LUMA, strict=True))
                arena[form.image(0, y, x)] = red + green + blue
        for kernel in self.kernels:
            code.call(kernel, arena, weights, row)
        row[form.entries] = code.total(arena[form.loss.at])
        code.end()
        return code

    def write_sums(self) -> Code:
        """Write out[j] = Σ x[left[t]] · y[right[t]], t from start[j] to start[j + 1], for j from `first` to `end`."""
        code = Code(self.module, "sums", ("floats", "floats", "floats", "ints", "indices", "indices", "int", "int"))
        out, x, y, start, left, right, first, end = code.arguments
        with code.loop(end, start=first) as j:
            total = [Value(code, FLOAT(0))]
            with code.loop(start[j + 1], start=start[j], carried=total) as t:
                total[0] = code.fma(x[left[t].as_index()], y[right[t].as_index()], total[0])
            out[j] = total[0]
        code.end()
        return code

    def write_run(self) -> None:
        """One thread's part of some steps: pack weights, learn from micro-batches, sum gradients, take Adam's step."""
        code = Code(self.module, "run", RUN)
        state, arena = code.arguments[:2]
        array = dict(zip(ARRAYS, code.arguments[2:], strict=False))
        batch, steps, me, threads, share, weight1, beta2, weight2, epsilon = code.arguments[2 + len(ARRAYS) :]
        floats = {name: memory.of(FLOAT) for name, memory in array.items()}
        micro = (batch + (LANES - 1)) // LANES

        def part(count: int) -> tuple[Value, Value]:
            """Return this thread's share of a range: where it begins and ends."""
            return me * count // threads, (me + 1) * count // threads

        def add_up(out: str, of: str, table: str, count: int) -> None:
            tables = [array[f"{table}_{name}"] for name in ("start", "left", "right")]
            code.call(self.sums, floats[out], floats[of], floats["parameters"], *tables, *part(count))
            code.wait_for_all(state, threads)

        with code.loop(steps) as step:
            add_up("packed", "parameters", "packed", len(self.form.packed.start) - 1)
            with code.taking(state.address(2), micro) as number:
                image, left = step * batch + number * LANES, batch - number * LANES
                row = array["rows"].from_(number * self.form.row).of(FLOAT)
                order, noise = array["order"].from_(image), array["noise"].from_(image * self.form.pixels)
                count = (left < LANES).where(left, LANES)
                code.call(self.learn, arena, array["packed"], row, order, array["pixels"], noise, count, share)
            code.wait_for_all(state, threads)
            first, end = part(self.form.row)
            with code.loop(end, start=first) as k:
                total = [array["rows"][k]]
                with code.loop(micro, start=1, carried=total) as number:
                    total[0] += array["rows"][number * self.form.row + k]
                array["summed"][k] = total[0]
            code.wait_for_all(state, threads)
            array["losses"][step] = floats["summed"][self.form.entries]
            add_up("gradients", "summed", "gradients", self.form.one)
            self.adam(code, array, step, part(-(-self.form.one // LANES)), weight1, beta2, weight2, epsilon)
            code.wait_for_all(state, threads)
        code.end()

    def adam(
        self, code: Code, array: dict[str, Memory], step: Value, part: tuple[Value, Value], *moments: Value
    ) -> None:
        """Take Adam's step as torch takes it; `rates` are [rate / (1 − β1^t), 1 / √(1 − β2^t)] of each step."""
        weight1, beta2, weight2, epsilon = map(code.vector, moments)
        rate, correction = (code.vector(array["rates"][step * 2 + k]) for k in range(2))
        with code.loop(part[1], start=part[0]) as k:
            gradient, mean, square = (array[name][k] for name in ("gradients", "means", "squares"))
            mean = code.fma(weight1, gradient - mean, mean)
            square = code.fma(gradient * weight2, gradient, square * beta2)
            change = mean * rate / code.fma(code.intrinsic("sqrt", square), correction, epsilon)
            array["means"][k], array["squares"][k] = mean, square
            array["parameters"][k] = array["parameters"][k] - change


def _is_grey(recipe: Recipe) -> bool:
    return recipe.task.input == "grey"


def form_for(network: nn.Module, batches: Batches, registers: int) -> Form:
    """Return the form of a training's network. Raises Unsupported, which says what is not compiled."""
    recipe, (channels, *size) = batches.prepare.recipe, batches.pixels.shape[1:]
    if batches.prepare.bank is not None:
        raise Unsupported("targets that are not the images")
    shape = (1 if _is_grey(recipe) else channels, *size)
    return Compiler(network, registers).compile(shape, channels, recipe.objective, noisy=recipe.data.noise > 0)


def aligned(*shape: int) -> Array:
    """Return zeros, float32, that begin where a vector may. Raises DeviceError where there is no memory for them."""
    try:
        memory = np.zeros(int(np.prod(shape)) + LANES, np.float32)
    except MemoryError as error:
        size = int(np.prod(shape)) * 4 >> 20
        raise DeviceError(f"no memory for compiled steps: {size:,} MiB more are needed; close a program") from error
    first = -memory.ctypes.data // 4 % LANES
    return memory[first : first + int(np.prod(shape))].reshape(shape)


@dataclass(frozen=True)
class Adam:
    """An optimiser's settings, and how many steps it has taken."""

    rate: float
    betas: tuple[float, float]
    epsilon: float
    steps: int

    def rates(self, steps: int) -> Array:
        """Return [rate / (1 − β1^t), 1 / √(1 − β2^t)] for each of the next steps, float32 (steps, 2)."""
        t = self.steps + 1 + np.arange(steps)
        columns = self.rate / (1 - self.betas[0] ** t), 1 / np.sqrt(1 - self.betas[1] ** t)
        return np.stack(columns, axis=1).astype(np.float32)


_compiled: dict[tuple[str, str], Mapping[str, Callable[..., None]]] = {}  # in this process


def _functions(form: Form, recipe: Recipe, features: str) -> Mapping[str, Callable[..., None]]:
    """Return the compiled functions of a form; those of an equal one are compiled once."""
    sizes = form.one, form.entries, len(form.packed.start)
    key = repr((form.schedule, form.image, form.wanted, sizes, recipe.data.noise, _is_grey(recipe), LUMA))
    if (key, features) not in _compiled:
        signatures = {"run": RUN, **{f"kernel_{number}": KERNEL for number in range(len(form.schedule))}}
        _compiled[key, features] = compiled(key, features, signatures, lambda: Step(form, recipe).module)
    return _compiled[key, features]


class Engine:
    """A compiled network with its memory.

    parameters, means, squares   float32: the network's parameters one after the other, and what Adam keeps of each
    gradients                    of the last step
    """

    def __init__(self, network: nn.Module, batches: Batches, *, width: int | None = None) -> None:
        registers, features = processor(width)
        self.form = form = form_for(network, batches, registers)
        self.functions = _functions(form, batches.prepare.recipe, features)
        row = form.row * LANES
        self.parameters, self.gradients, self.means, self.squares = aligned(4, -(-(form.one + 1) // LANES) * LANES)
        self.parameters[form.one] = 1
        self._memory = {
            "pixels": np.ascontiguousarray(batches.pixels.numpy()), "packed": aligned(len(form.packed.start)),
            "rows": aligned(-(-max(batches.sizes) // LANES), row), "summed": aligned(row),
            "parameters": self.parameters, "gradients": self.gradients, "means": self.means, "squares": self.squares,
            **{f"{table}_{name}": getattr(getattr(form, table), name)
               for table in ("packed", "gradients") for name in ("start", "left", "right")},
        }  # fmt: skip
        self._arenas: list[Array] = []

    @property
    def max_threads(self) -> int:
        """How many threads find work: a batch has so many micro-batches."""
        return len(self._memory["rows"])

    def run(self, order: Array, noise: Array, size: int, adam: Adam, threads: int, pool: Executor) -> Array:
        """Take a step for each `size` images of `order`; return the losses, float32 (steps,).

        pool   has a worker for each of the threads
        order  int64, indices of images; noise: float32, as many values as the images have, or none where none is added
        """
        steps = len(order) // size
        losses, state = np.zeros(steps, np.float32), np.zeros(3, np.int64)
        mine = {
            "order": np.ascontiguousarray(order),
            "noise": noise,
            "losses": losses,
            "rates": adam.rates(steps),
        }
        memory = {**self._memory, **mine}
        arrays = [memory[name].ctypes.data for name in ARRAYS]
        moments = 1 - adam.betas[0], adam.betas[1], 1 - adam.betas[1], adam.epsilon
        arenas = [self._arena(thread) for thread in range(threads)]

        all_are_there: Future[bool] = Future()

        def work(me: int) -> None:
            if not all_are_there.result():
                return  # the others would wait for ever for one that never came
            torch.set_flush_denormal(True)  # of this thread
            share, arena = 1 / (size * self.form.pixels), arenas[me].ctypes.data
            self.functions["run"](state.ctypes.data, arena, *arrays, size, steps, me, threads, share, *moments)

        workers: list[Future[None]] = []
        try:  # a signal, or no more threads to be had, may end this half way
            for thread in range(threads):
                workers.append(pool.submit(work, thread))
        finally:
            all_are_there.set_result(len(workers) == threads)
        for worker in workers:
            worker.result()
        return losses

    def _arena(self, thread: int) -> Array:
        """Return a thread's memory for maps; channels of ones are written once."""
        while len(self._arenas) <= thread:
            arena = aligned(sum(each.vectors for each in self.form.maps), LANES)
            for each in self.form.maps:
                each.inside(arena, each.ones)[each.channels :] = 1
            self._arenas.append(arena)
        return self._arenas[thread]

    def profile(self, seconds: float = 0.05) -> dict[str, float]:
        """Return the microseconds of each kernel for 16 images on one thread, the longest first, 'all' their sum."""
        arena, memory = self._arena(0), (self._memory["packed"], self._memory["rows"])
        times: dict[str, float] = {}
        for number, kernel in enumerate(self.form.schedule):
            best, end = math.inf, time.perf_counter() + seconds
            while (start := time.perf_counter()) < end:
                self.functions[f"kernel_{number}"](arena.ctypes.data, *(each.ctypes.data for each in memory))
                best = min(best, time.perf_counter() - start)
            times[f"{number + 1} {type(kernel).__name__}"] = best * 1e6
        return {"all": sum(times.values()), **dict(sorted(times.items(), key=lambda item: -item[1]))}

    def take_state(self, optimiser: torch.optim.Optimizer) -> Adam:
        """Copy weights and Adam's state from torch."""
        (group,) = optimiser.param_groups
        steps = 0
        for parameter, part in self._parts():
            saved = optimiser.state[parameter]
            self.parameters[part] = _flat(parameter)
            self.means[part] = _flat(saved["exp_avg"]) if saved else 0
            self.squares[part] = _flat(saved["exp_avg_sq"]) if saved else 0
            steps = int(saved["step"]) if saved else 0
        return Adam(group["lr"], group["betas"], group["eps"], steps)

    @torch.no_grad()
    def give_state(self, optimiser: torch.optim.Optimizer, steps: int) -> None:
        """Copy weights and Adam's state to torch."""
        for parameter, part in self._parts():
            saved = optimiser.state[parameter]
            if not saved:
                saved.update(step=torch.zeros(()), exp_avg=parameter.clone(), exp_avg_sq=parameter.clone())
            saved["step"].fill_(steps)
            pairs = (parameter, self.parameters), (saved["exp_avg"], self.means), (saved["exp_avg_sq"], self.squares)
            for tensor, values in pairs:
                tensor.copy_(torch.from_numpy(values[part]).view(tensor.shape))

    def _parts(self) -> Iterator[tuple[nn.Parameter, slice]]:
        first = 0
        for parameter in self.form.parameters:
            yield parameter, slice(first, first + parameter.numel())
            first += parameter.numel()


def _flat(tensor: Tensor) -> Array:
    flat: Array = tensor.detach().contiguous().numpy().ravel()
    return flat
