"""The kernels of a training step: each writes its LLVM code, and beside it stands its formula in numpy.

A kernel works on 16 images at once, the innermost dimension. `arena` (vectors, 16) holds the maps, `weights` what each
kernel's weights are packed to, `gradients` what these images add to the gradient of each weight.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

import numpy as np

from train.engine.fused.emitter import LANES, Code, Memory, Value

Array = np.ndarray
Tap = tuple[int, int, int]  # what is seen: dy, dx, and the spot of the kernel that weighs it
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))  # of a window of 2×2


@dataclass(eq=False)
class Map:
    """Feature maps in the arena: vectors (channels, size + 2·border, size + 2·border); the border stays zero."""

    channels: int
    size: int  # height and width
    border: int = 0
    ones: int = 0  # channels of ones after the others, for who reads
    at: int = 0  # index of the first vector

    @property
    def inputs(self) -> int:
        return self.channels + self.ones

    @property
    def row(self) -> int:
        return self.size + 2 * self.border

    @property
    def vectors(self) -> int:
        return self.inputs * self.row**2

    def __call__(self, channel: Any, y: Any, x: Any) -> Any:
        """Return the index of a pixel; those of the border have negative coordinates, or beyond the size."""
        return channel * self.row**2 + y * self.row + x + (self.at + self.border * (self.row + 1))

    def of(self, arena: Array) -> Array:
        """Return the maps with their border, (C, H, W, 16), as a view."""
        return arena[self.at : self.at + self.vectors].reshape(self.inputs, self.row, self.row, LANES)

    def inside(self, arena: Array, ones: int = 0) -> Array:
        inner = slice(self.border, self.border + self.size)
        return self.of(arena)[: self.channels + ones, inner, inner]

    def seen(self, arena: Array, dy: int, dx: int, height: int, width: int, stride: int) -> Array:
        """Return the pixels (C, height, width, 16) at (stride · y + dy, stride · x + dx)."""
        y, x = self.border + dy, self.border + dx
        return self.of(arena)[:, y : y + stride * height : stride, x : x + stride * width : stride][:, :height, :width]

    @contextmanager
    def pixels(self, code: Code) -> Iterator[tuple[Any, Any, Any]]:
        """Loop over channels, rows and columns."""
        with code.loop(self.channels) as c, code.loop(self.size) as y, code.loop(self.size) as x:
            yield c, y, x


@dataclass(frozen=True)
class AxisMap:
    """How a linear layer maps rows, and columns alike: output `phases · y + r` sees the inputs `stride · y + offset`.

    phases   for each r the taps (offset, spot): which of the kernel's spots weighs that input
    stride   of the inputs
    """

    phases: tuple[tuple[tuple[int, int], ...], ...]
    stride: int

    @property
    def transposed(self) -> AxisMap:
        """The axis from outputs back to inputs: of the gradients."""
        back: list[list[tuple[int, int]]] = [[] for _ in range(self.stride)]
        for r, taps in enumerate(self.phases):
            for offset, spot in taps:
                shift, residue = divmod(offset, self.stride)
                back[residue].append((r - len(self.phases) * shift, spot))
        return AxisMap(tuple(tuple(sorted(taps)) for taps in back), len(self.phases))

    @property
    def spots(self) -> int:
        return sum(map(len, self.phases))

    def border(self, inputs: int, outputs: int) -> int:
        """Return how far beyond the inputs the outputs see."""
        offsets = [offset for taps in self.phases for offset, _ in taps]
        return max(0, -min(offsets), self.stride * (-(-outputs // len(self.phases)) - 1) + max(offsets) - inputs + 1)

    def planes(self, size: int) -> Iterator[tuple[tuple[int, int], tuple[int, int], list[Tap]]]:
        """Yield for rows and columns the phase (ry, rx), its (height, width) of `size`², and taps (dy, dx, spot)."""
        for (ry, rows), (rx, columns) in product(enumerate(self.phases), repeat=2):
            taps = [(dy, dx, sy * self.spots + sx) for (dy, sy), (dx, sx) in product(rows, columns)]
            height, width = (len(range(r, size, len(self.phases))) for r in (ry, rx))
            yield (ry, rx), (height, width), taps


class Kernel(Protocol):
    def emit(self, code: Code, arena: Memory, weights: Memory, gradients: Memory) -> None:
        """Write the kernel's code."""
        ...

    def formula(self, arena: Array, weights: Array, gradients: Array) -> None:
        """Compute the same in numpy."""
        ...


def divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def fits(channels: int, pixels: int, registers: int) -> bool:
    """Whether the sums of so many channels of so many pixels, and what they are made of, fit into the registers."""
    return channels * pixels + (pixels if channels > 1 else 0) + 1 <= registers


# ---- layers that are linear ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Convolve:
    """Outputs = bias + Σ over channels and taps of weight · input: convolutions of every kind, and their transposes.

    weights    index of the packed weights: for each phase of rows and columns [channels / block][inputs][taps][block]
    block      how many channels are summed at once
    registers  how many vectors they hold
    bias       index of the outputs' biases, or None
    relu       whether what is below zero is cut
    cut        outputs where this map is not above zero are zero: a gradient that ReLU lets through
    """

    source: Map
    target: Map
    axis: AxisMap
    weights: int
    block: int
    registers: int
    bias: int | None = None
    relu: bool = False
    cut: Map | None = None

    def emit(self, code: Code, arena: Memory, weights: Memory, gradients: Memory) -> None:
        step, stride, at = len(self.axis.phases), self.axis.stride, self.weights
        for (ry, rx), (height, width), taps in self.axis.planes(self.target.size):
            pixels = max(size for size in divisors(width) or [1] if fits(self.block, size, self.registers))
            with (
                code.loop(self.target.channels, self.block) as o,
                code.loop(height) as y,
                code.loop(width, pixels) as x,
            ):
                places = [(0, stride * p) for p in range(pixels)]
                sums = self.sums(code, arena, weights, at, taps, o, (y * stride, x * stride), places)
                for b, p in product(range(self.block), range(pixels)):
                    here = o + b, y * step + ry, x * step + (p * step + rx)
                    value = sums[b][p].relu() if self.relu else sums[b][p]
                    if self.cut is not None:
                        value = (arena[self.cut(*here)] > 0).where(value, 0)
                    arena[self.target(*here)] = value
            at += self.target.channels * self.source.inputs * len(taps)

    def sums(
        self, code: Code, arena: Memory, weights: Memory, at: int, taps: Sequence[Tap],
        o: Any, origin: tuple[Any, Any], pixels: Sequence[tuple[int, int]],
    ) -> list[list[Value]]:  # fmt: skip
        """Return the sums of a block of channels from `o` on, for pixels (dy, dx) from the origin: [channel][pixel]."""
        starts = [code.vector(0 if self.bias is None else weights[o + (self.bias + b)]) for b in range(self.block)]
        sums = [start for start in starts for _ in pixels]
        with code.loop(self.source.inputs, carried=sums) as i:
            here, first = self.source(i, *origin), (o * self.source.inputs + i * self.block) * len(taps) + at
            for t, (dy, dx, _) in enumerate(taps):
                seen = [arena[here + ((dy + py) * self.source.row + dx + px)] for py, px in pixels]
                for b in range(self.block):
                    weight = code.vector(weights[first + (t * self.block + b)])
                    for p, value in enumerate(seen, b * len(pixels)):
                        sums[p] = code.fma(weight, value, sums[p])
        return [sums[b * len(pixels) : (b + 1) * len(pixels)] for b in range(self.block)]

    def formula(self, arena: Array, weights: Array, gradients: Array) -> None:
        self.target.inside(arena)[:] = self.values(arena, weights)

    def values(self, arena: Array, weights: Array) -> Array:
        step, outputs, inputs, at = len(self.axis.phases), self.target.channels, self.source.inputs, self.weights
        values = np.zeros((outputs, self.target.size, self.target.size, LANES), np.float32)
        for (ry, rx), (height, width), taps in self.axis.planes(self.target.size):
            if not taps:
                continue
            packed = weights[at : at + outputs * inputs * len(taps)].reshape(-1, inputs, len(taps), self.block)
            weight = packed.transpose(0, 3, 1, 2).reshape(outputs, inputs, len(taps))
            for t, (dy, dx, _) in enumerate(taps):
                seen = self.source.seen(arena, dy, dx, height, width, self.axis.stride)
                values[:, ry::step, rx::step] += np.einsum("oi,iyxn->oyxn", weight[:, :, t], seen)
            at += outputs * inputs * len(taps)
        if self.bias is not None:
            values += weights[self.bias : self.bias + outputs, None, None, None]
        values = np.maximum(values, 0) if self.relu else values
        return values if self.cut is None else values * (self.cut.inside(arena) > 0)


@dataclass(frozen=True)
class ConvolveAndPool:
    """A convolution, max-pooling by 2 and ReLU in one, without the large map. `choice`: which corner it was."""

    convolution: Convolve
    target: Map
    choice: Map

    def emit(self, code: Code, arena: Memory, weights: Memory, gradients: Memory) -> None:
        inner, size, stride = self.convolution, self.target.size, self.convolution.axis.stride
        ((_, _, taps),) = inner.axis.planes(inner.target.size)
        corners = [(dy * stride, dx * stride) for dy, dx in CORNERS]
        with code.loop(self.target.channels, inner.block) as o, code.loop(size) as y, code.loop(size) as x:
            origin = y * (2 * stride), x * (2 * stride)
            sums = inner.sums(code, arena, weights, inner.weights, taps, o, origin, corners)
            for b in range(inner.block):
                best, choice = sums[b][0], code.vector(0)  # of equal ones the first
                for number, corner in enumerate(CORNERS[1:], 1):
                    value = sums[b][number]
                    for d, at in zip(corner, (y, x), strict=True):
                        if d and 2 * size > inner.target.size:  # the last window reaches beyond the map
                            value = (at < size - 1).where(value, best)
                    best, choice = (value > best).where(value, best), (value > best).where(number, choice)
                arena[self.target(o + b, y, x)], arena[self.choice(o + b, y, x)] = best.relu(), choice

    def formula(self, arena: Array, weights: Array, gradients: Array) -> None:
        size, values = self.target.size, self.convolution.values(arena, weights)
        beyond = np.full((values.shape[0], 2 * size, 2 * size, LANES), -np.inf)
        part = values[:, : 2 * size, : 2 * size]
        beyond[:, : part.shape[1], : part.shape[2]] = part
        corners = np.stack([beyond[:, y::2, x::2] for y, x in CORNERS])
        self.target.inside(arena)[:], self.choice.inside(arena)[:] = np.maximum(corners.max(0), 0), corners.argmax(0)


@dataclass(frozen=True)
class Correlate:
    """The gradient of a linear layer's weights: Σ over pixels of gradient · input, for each spot of the kernel.

    `axis` leads from `many`, of which the taps are seen, to `one`. Gradients lie at `at` + one's channel · steps[0] +
    many's channel · steps[1] + spot.
    """

    one: Map
    many: Map
    axis: AxisMap
    at: int
    steps: tuple[int, int]
    registers: int

    def emit(self, code: Code, arena: Memory, weights: Memory, gradients: Memory) -> None:
        step, stride = len(self.axis.phases), self.axis.stride
        for (ry, rx), (height, width), spots in self.axis.planes(self.one.size):
            block, most = self._block(spots)
            with code.loop(self.one.inputs, block) as a, code.loop(self.many.inputs) as j:
                for taps in (spots[first : first + most] for first in range(0, len(spots), most)):
                    sums = [code.vector(0)] * (block * len(taps))
                    with code.loop(height, carried=sums) as y, code.loop(width, carried=sums) as x:
                        factors = [arena[self.one(a + b, y * step + ry, x * step + rx)] for b in range(block)]
                        here = self.many(j, y * stride, x * stride)
                        for t, (dy, dx, _) in enumerate(taps):
                            seen = arena[here + (dy * self.many.row + dx)]
                            for b, factor in enumerate(factors):
                                sums[b * len(taps) + t] = code.fma(factor, seen, sums[b * len(taps) + t])
                    for b, (t, (_, _, spot)) in product(range(block), enumerate(taps)):
                        entry = (a + b) * self.steps[0] + j * self.steps[1] + (self.at + spot)
                        gradients[entry] = code.total(sums[b * len(taps) + t])

    def _block(self, taps: Sequence[Any]) -> tuple[int, int]:
        """Return how many channels of `one`, and taps, are summed at once: with few loads, and in few rounds."""
        parts = {-(-len(taps) // count) for count in range(1, len(taps) + 1)}
        sizes = [(b, t) for b in divisors(self.one.inputs) for t in parts if fits(t, b, self.registers)]
        return min(sizes, key=lambda size: 1 / size[0] + (1 + 0.5 * len(taps) ** 0.5) / size[1], default=(1, 1))

    def formula(self, arena: Array, weights: Array, gradients: Array) -> None:
        a, j = np.ogrid[: self.one.inputs, : self.many.inputs]
        for (ry, rx), (height, width), taps in self.axis.planes(self.one.size):
            one = self.one.seen(arena, ry, rx, height, width, len(self.axis.phases))
            for dy, dx, spot in taps:
                seen = self.many.seen(arena, dy, dx, height, width, self.axis.stride)
                entry = self.at + a * self.steps[0] + j * self.steps[1] + spot
                gradients[entry] = np.einsum("ayxn,jyxn->aj", one, seen)


@dataclass(frozen=True)
class SumPixels:
    """The gradient of a bias: Σ over pixels of the gradient."""

    source: Map
    at: int

    def emit(self, code: Code, arena: Memory, weights: Memory, gradients: Memory) -> None:
        size = self.source.size
        with code.loop(self.source.channels) as c:
            sums = [code.vector(0)]
            with code.loop(size, carried=sums) as y, code.loop(size, carried=sums) as x:
                sums[0] += arena[self.source(c, y, x)]
            gradients[c + self.at] = code.total(sums[0])

    def formula(self, arena: Array, weights: Array, gradients: Array) -> None:
        gradients[self.at : self.at + self.source.channels] = self.source.inside(arena).sum(axis=(1, 2, 3))


# ---- layers without weights ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unpool:
    """The gradient of max-pooling: each goes to the pixel that was the largest, the others get zero."""

    source: Map
    choice: Map
    target: Map

    def emit(self, code: Code, arena: Memory, weights: Memory, gradients: Memory) -> None:
        with self.source.pixels(code) as (c, y, x):
            value, choice = arena[self.source(c, y, x)], arena[self.choice(c, y, x)]
            for number, (dy, dx) in enumerate(CORNERS):
                arena[self.target(c, y * 2 + dy, x * 2 + dx)] = choice.equals(number).where(value, 0)

    def formula(self, arena: Array, weights: Array, gradients: Array) -> None:
        value, choice = self.source.inside(arena), self.choice.inside(arena)
        for number, (dy, dx) in enumerate(CORNERS):
            self.target.seen(arena, dy, dx, self.source.size, self.source.size, 2)[:] = value * (choice == number)


@dataclass(frozen=True)
class Prelu:
    """PReLU: what is below zero times its channel's slope; slopes lie at `weights`."""

    source: Map
    target: Map
    weights: int

    def emit(self, code: Code, arena: Memory, weights: Memory, gradients: Memory) -> None:
        with self.source.pixels(code) as (c, y, x):
            value, slope = arena[self.source(c, y, x)], code.vector(weights[c + self.weights])
            arena[self.target(c, y, x)] = (value > 0).where(value, value * slope)

    def formula(self, arena: Array, weights: Array, gradients: Array) -> None:
        value = self.source.inside(arena)
        slope = weights[self.weights : self.weights + len(value), None, None, None]
        self.target.inside(arena)[:] = np.where(value > 0, value, value * slope)


@dataclass(frozen=True)
class PreluGradient:
    """The gradients of PReLU: at `target` of what went in (`value`), at `at` of each channel's slope."""

    source: Map
    value: Map
    target: Map
    weights: int
    at: int

    def emit(self, code: Code, arena: Memory, weights: Memory, gradients: Memory) -> None:
        size = self.source.size
        with code.loop(self.source.channels) as c:
            sums, slope = [code.vector(0)], code.vector(weights[c + self.weights])
            with code.loop(size, carried=sums) as y, code.loop(size, carried=sums) as x:
                gradient, value = arena[self.source(c, y, x)], arena[self.value(c, y, x)]
                sums[0] = code.fma(gradient, (value > 0).where(0, value), sums[0])
                arena[self.target(c, y, x)] = (value > 0).where(gradient, gradient * slope)
            gradients[c + self.at] = code.total(sums[0])

    def formula(self, arena: Array, weights: Array, gradients: Array) -> None:
        gradient, value = self.source.inside(arena), self.value.inside(arena)
        slope = weights[self.weights : self.weights + len(value), None, None, None]
        gradients[self.at : self.at + len(value)] = (gradient * np.minimum(value, 0)).sum(axis=(1, 2, 3))
        self.target.inside(arena)[:] = np.where(value > 0, gradient, gradient * slope)


# ---- the loss ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Head:
    """The loss of each pixel and its gradient, from the last layer's values (`raw`) and the images wanted.

    Where these are larger, each value stands for several pixels: nearest upsampling.

    kind      'bce': of logits; 'sigmoid': squared error of the sigmoid; 'clamp': of value · scale + offset in [0, 1],
              without gradient outside; 'linear': of the value itself
    share     map of one vector: what an image's pixel counts in the mean; zero where there is no image
    loss      map of one vector
    """

    raw: Map
    wanted: Map
    gradient: Map
    share: Map
    loss: Map
    kind: str
    scale: float = 1.0
    offset: float = 0.0

    def emit(self, code: Code, arena: Memory, weights: Memory, gradients: Memory) -> None:
        factor, share, losses = self.wanted.size // self.raw.size, arena[self.share.at], [code.vector(0)]
        with code.loop(self.raw.channels, carried=losses) as c, code.loop(self.raw.size, carried=losses) as y:
            row = [code.vector(0)]  # a sum of its own: one over all pixels would lose digits
            with code.loop(self.raw.size, carried=row) as x:
                z, sums = arena[self.raw(c, y, x)], [row[0], code.vector(0)]
                with code.loop(factor, carried=sums) as dy, code.loop(factor, carried=sums) as dx:
                    t = arena[self.wanted(c, y * factor + dy, x * factor + dx)]
                    sums[:] = [total + value for total, value in zip(sums, self._of_pixel(code, z, t), strict=True)]
                row[0], arena[self.gradient(c, y, x)] = sums[0], sums[1] * share
            losses[0] += row[0]
        arena[self.loss.at] = losses[0] * share

    def _of_pixel(self, code: Code, z: Value, t: Value) -> tuple[Value, Value]:
        s, slope = z, code.vector(1)  # what is compared, and its derivative
        if self.kind in ("bce", "sigmoid"):
            e = code.exp((z > 0).where(0 - z, z))
            s = (z > 0).where(1, e) / (e + 1)
            slope = e / ((e + 1) * (e + 1))
            if self.kind == "bce":
                return z.relu() - z * t + code.log(e + 1), s - t
        elif self.kind == "clamp":
            s = code.fma(z, self.scale, self.offset)
            slope = (s < 0).where(0, (s > 1).where(0, code.vector(self.scale)))
            s = (s.relu() > 1).where(1, s.relu())
        return (s - t) * (s - t), (s - t) * 2 * slope

    def formula(self, arena: Array, weights: Array, gradients: Array) -> None:
        size, factor = self.raw.size, self.wanted.size // self.raw.size
        t = self.wanted.inside(arena).astype(np.float64)
        z = self.raw.inside(arena).astype(np.float64).repeat(factor, 1).repeat(factor, 2)
        sigmoid, scaled = 1 / (1 + np.exp(-z)), z * self.scale + self.offset
        kinds: dict[str, tuple[Array, Any]] = {
            "bce": (sigmoid, 1),
            "sigmoid": (sigmoid, sigmoid * (1 - sigmoid)),
            "clamp": (scaled.clip(0, 1), self.scale * ((scaled >= 0) & (scaled <= 1))),
            "linear": (z, 1),
        }
        s, slope = kinds[self.kind]
        if self.kind == "bce":
            loss, gradient = np.maximum(z, 0) - z * t + np.log1p(np.exp(-abs(z))), s - t
        else:
            loss, gradient = (s - t) ** 2, 2 * (s - t) * slope
        copies = (gradient * arena[self.share.at]).reshape(-1, size, factor, size, factor, LANES)
        self.gradient.inside(arena)[:] = copies.sum(axis=(2, 4))
        arena[self.loss.at] = loss.sum(axis=(0, 1, 2)) * arena[self.share.at]
