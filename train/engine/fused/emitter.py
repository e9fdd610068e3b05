"""Writes LLVM code over vectors of 16 images with Python's operators, and compiles it for this processor.

Only IEEE operations in a fixed order: nothing is reassociated, and multiplications and additions are contracted only
where `fma` says so. The bits depend neither on the width of the processor's vectors nor on the number of threads.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from train.cache import cached_bytes, sha256_of_files

LANES = 16  # images in a vector, whatever the processor's width
BYTE, INT, INT32, FLOAT, POINTER = ir.IntType(8), ir.IntType(64), ir.IntType(32), ir.FloatType(), ir.PointerType()
VECTOR, INTEGERS = ir.VectorType(FLOAT, LANES), ir.VectorType(INT32, LANES)
ARRAYS = {"vectors": VECTOR, "floats": FLOAT, "ints": INT, "indices": INT32, "bytes": BYTE}  # kinds of arguments
SCALARS = {"int": INT, "float": FLOAT}
SIZES = {VECTOR: 64, FLOAT: 4, INT: 8, INT32: 4, BYTE: 1}


Operator = Callable[["Value", "Value | float"], "Value"]


def _operator(name: str, *, swapped: bool = False) -> Operator:
    """Return a method that writes an instruction: of integers as it is called, of floats with an f before it."""

    def write(self: Value, other: Value | float) -> Value:
        is_int = isinstance(self.value.type, ir.IntType)
        if is_int and (name, other) in (("add", 0), ("sub", 0), ("mul", 1)):
            return self
        pair = [self.value, self.code.constant(other, self.value.type)]
        instruction = getattr(self.code.builder, name if is_int else f"f{name}")
        return Value(self.code, instruction(*(pair[::-1] if swapped else pair)))

    return write


def _comparison(how: str) -> Operator:
    def write(self: Value, other: Value | float) -> Value:
        kind, builder = self.value.type, self.code.builder
        compare = builder.icmp_signed if isinstance(kind, ir.IntType) else builder.fcmp_ordered
        return Value(self.code, compare(how, self.value, self.code.constant(other, kind)))

    return write


class Value:
    """A number, a vector or a mask in the code. A Python number in an operation becomes a constant."""

    def __init__(self, code: Code, value: Any) -> None:
        self.code, self.value = code, value

    __add__ = __radd__ = _operator("add")
    __mul__ = __rmul__ = _operator("mul")
    __sub__, __rsub__ = _operator("sub"), _operator("sub", swapped=True)
    __truediv__, __rtruediv__ = _operator("div"), _operator("div", swapped=True)
    __floordiv__ = _operator("sdiv")
    __gt__, __lt__ = _comparison(">"), _comparison("<")
    equals = _comparison("==")

    def where(self, a: Value | float, b: Value | float) -> Value:
        """Of a mask: return `a` where it holds, `b` elsewhere."""
        kind = next((each.value.type for each in (a, b) if isinstance(each, Value)), VECTOR)
        pair = (self.code.constant(each, kind) for each in (a, b))
        return Value(self.code, self.code.builder.select(self.value, *pair))

    def relu(self) -> Value:
        return (self < 0).where(0, self)  # in this order what is no number stays so

    def as_index(self) -> Value:
        """Return a small integer as one that indexes."""
        return Value(self.code, self.code.builder.sext(self.value, INT))


class Memory:
    """An array in memory, indexed by its elements."""

    def __init__(self, code: Code, pointer: Any, kind: ir.Type) -> None:
        self.code, self.pointer, self.kind = code, pointer, kind

    def address(self, index: Value | int) -> Any:
        return self.code.builder.gep(self.pointer, [self.code.constant(index, INT)], source_etype=self.kind)

    def from_(self, index: Value | int) -> Memory:
        """Return the array that begins at an element."""
        return Memory(self.code, self.address(index), self.kind)

    def of(self, kind: ir.Type) -> Memory:
        """Return the same memory as an array of another type."""
        return Memory(self.code, self.pointer, kind)

    def __getitem__(self, index: Value | int) -> Value:
        value = self.code.builder.load(self.address(index), typ=self.kind, align=SIZES[self.kind])
        return Value(self.code, value)

    def __setitem__(self, index: Value | int, value: Value) -> None:
        self.code.builder.store(value.value, self.address(index), align=SIZES[value.value.type])


class Code:
    """One function of a module, being written. `arguments` are of the kinds given, arrays as Memory."""

    def __init__(self, module: ir.Module, name: str, kinds: Sequence[str]) -> None:
        self.module, self.kinds = module, kinds
        types = [SCALARS.get(kind, POINTER) for kind in kinds]
        self.function = ir.Function(module, ir.FunctionType(ir.VoidType(), types), name)
        self.builder = ir.IRBuilder(self.function.append_basic_block())
        self.arguments: list[Any] = []
        for kind, argument in zip(kinds, self.function.args, strict=True):
            self.arguments.append(Memory(self, argument, ARRAYS[kind]) if kind in ARRAYS else Value(self, argument))

    def constant(self, value: Value | float, kind: ir.Type) -> Any:
        """Return a number as a constant of a type, in every lane of a vector; a value as it is."""
        if isinstance(value, Value):
            return value.value
        if not isinstance(kind, ir.VectorType):
            return kind(value)
        return ir.Constant(kind, [float(np.float32(value)) if kind == VECTOR else value] * LANES)

    def call(self, function: Code, *arguments: Value | Memory | int) -> None:
        values = [each.pointer if isinstance(each, Memory) else self.constant(each, INT) for each in arguments]
        self.builder.call(function.function, values)

    def promise_no_overlap(self) -> None:
        """Let the compiler take for granted that the arrays do not overlap, and that nobody else writes to them."""
        for kind, argument in zip(self.kinds, self.function.args, strict=True):
            if kind in ARRAYS:
                argument.add_attribute("noalias")

    def end(self) -> None:
        self.builder.ret_void()

    @contextmanager
    def loop(
        self, end: Value | int, step: int = 1, carried: list[Value] | None = None, start: Any = 0
    ) -> Iterator[Any]:
        """Loop over range(start, end, step). `carried` holds values that each turn takes over and replaces in place."""
        builder, values = self.builder, [] if carried is None else carried
        if isinstance(end, int) and start == 0 and step >= end > 0:
            yield 0
            return
        before, first = builder.block, list(values)
        head, body, after = (self.function.append_basic_block() for _ in range(3))
        builder.branch(head)
        builder.position_at_end(head)
        index, *phis = (builder.phi(kind) for kind in (INT, *(value.value.type for value in first)))
        values[:] = [Value(self, phi) for phi in phis]
        builder.cbranch(builder.icmp_signed("<", index, self.constant(end, INT)), body, after)
        builder.position_at_end(body)
        yield Value(self, index)
        following = builder.add(index, INT(step), flags=["nsw"])
        index.add_incoming(self.constant(start, INT), before)
        index.add_incoming(following, builder.block)
        for phi, old, new in zip(phis, first, values, strict=True):
            phi.add_incoming(old.value, before)
            phi.add_incoming(new.value, builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        values[:] = [Value(self, phi) for phi in phis]

    @contextmanager
    def taking(self, counter: Any, end: Value) -> Iterator[Value]:
        """Loop over the numbers below `end` that no other thread has taken from a counter, an address."""
        head, body, after = (self.function.append_basic_block() for _ in range(3))
        self.builder.branch(head)
        self.builder.position_at_end(head)
        number = Value(self, self.builder.atomic_rmw("add", counter, INT(1), "acq_rel"))
        self.builder.cbranch((number < end).value, body, after)
        self.builder.position_at_end(body)
        yield number
        self.builder.branch(head)
        self.builder.position_at_end(after)

    def wait_for_all(self, state: Memory, threads: Value) -> None:
        """Wait until all threads are here; the last one resets `state`: [arrived, generation, counter]."""
        builder, (arrived, generation, counter) = self.builder, (state.address(k) for k in range(3))
        now = builder.load_atomic(generation, "acquire", 8, typ=INT)
        before = Value(self, builder.atomic_rmw("add", arrived, INT(1), "acq_rel"))
        with builder.if_else((before + 1).equals(threads).value) as (last, not_last):
            with last:
                for address in (arrived, counter):
                    builder.atomic_rmw("xchg", address, INT(0), "acq_rel")
                builder.atomic_rmw("add", generation, INT(1), "acq_rel")
            with not_last:
                head, body, after = (self.function.append_basic_block() for _ in range(3))
                builder.branch(head)
                builder.position_at_end(head)
                is_over = builder.icmp_signed("!=", builder.load_atomic(generation, "acquire", 8, typ=INT), now)
                builder.cbranch(is_over, after, body)
                builder.position_at_end(body)
                name = "SwitchToThread" if os.name == "nt" else "sched_yield"
                pause = self.module.globals.get(name) or ir.Function(self.module, ir.FunctionType(INT32, []), name)
                builder.call(pause, [])
                builder.branch(head)
                builder.position_at_end(after)

    # ---- vectors -----------------------------------------------------------------------------------------------

    def vector(self, scalar: Value | float) -> Value:
        """Return a vector with a scalar in every lane."""
        if not isinstance(scalar, Value):
            return Value(self, self.constant(scalar, VECTOR))
        undefined = ir.Constant(VECTOR, ir.Undefined)
        single = self.builder.insert_element(undefined, scalar.value, INT32(0))
        return Value(self, self.builder.shuffle_vector(single, undefined, ir.Constant(INTEGERS, [0] * LANES)))

    def gathered(self, scalars: Sequence[Value]) -> Value:
        """Return the vector of 16 scalars."""
        vector = ir.Constant(ir.VectorType(scalars[0].value.type, LANES), ir.Undefined)
        for lane, scalar in enumerate(scalars):
            vector = self.builder.insert_element(vector, scalar.value, INT32(lane))
        return Value(self, vector if vector.type == VECTOR else self.builder.uitofp(vector, VECTOR))

    def total(self, vector: Value) -> Value:
        """Return the sum of the lanes: lanes half a vector apart, a quarter, an eighth, neighbours."""
        for width in (8, 4, 2, 1):
            turned = ir.Constant(INTEGERS, [(lane + width) % LANES for lane in range(LANES)])
            vector += Value(self, self.builder.shuffle_vector(vector.value, vector.value, turned))
        return Value(self, self.builder.extract_element(vector.value, INT32(0)))

    def intrinsic(self, name: str, *values: Value | float) -> Value:
        kind = next(each.value.type for each in values if isinstance(each, Value))
        name = f"llvm.{name}.{'f32' if kind == FLOAT else f'v{LANES}f32'}"
        known = self.module.globals.get(name) or ir.Function(
            self.module, ir.FunctionType(kind, [kind] * len(values)), name
        )
        return Value(self, self.builder.call(known, [self.constant(each, kind) for each in values]))

    def fma(self, a: Value | float, b: Value | float, c: Value | float) -> Value:
        return self.intrinsic("fma", a, b, c)

    def polynomial(self, x: Value, first: float, *rest: float) -> Value:
        value = self.fma(x, first, rest[0])
        for coefficient in rest[1:]:
            value = self.fma(value, x, coefficient)
        return value

    def exp(self, x: Value) -> Value:
        """exp by Cephes' polynomial (Moshier), within 2 units in the last place; of −87 at least, 87 at most."""
        x = (x > 87).where(87, (x < -87).where(-87, x))
        shifted = self.fma(x, 1.44269504, 12582912.0)  # its last bits are the integer nearest to x / log 2
        n = shifted - 12582912.0
        r = self.fma(n, 2.12194440e-4, self.fma(n, -0.693359375, x))
        p = self.polynomial(r, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5)
        builder, p = self.builder, self.fma(p * r, r, r) + 1
        power = builder.shl(builder.bitcast(shifted.value, INTEGERS), self.constant(23, INTEGERS))
        return Value(self, builder.bitcast(builder.add(builder.bitcast(p.value, INTEGERS), power), VECTOR))

    def log(self, x: Value) -> Value:
        """log of 1 to 2, by Cephes' polynomial."""
        is_large = x > 1.41421356
        x = is_large.where(x * 0.5, x) - 1
        p = self.polynomial(
            x, 7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
            -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
        )  # fmt: skip
        return is_large.where(0.69314718, 0) + (x + self.fma(x * x, -0.5, p * x * (x * x)))


def compiled(
    key: str, features: str, signatures: Mapping[str, Sequence[str]], write: Callable[[], ir.Module]
) -> dict[str, Callable[..., None]]:
    """Return the functions of a module by name, each with the kinds of its arguments, callable without the GIL.

    The module is written and compiled where there is no code in the cache. `key` says all of which it is made.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, target = llvm.get_host_cpu_name(), llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=cpu, features=features, opt=3, jit=True)
    sources = sha256_of_files(sorted(Path(__file__).parent.glob("*.py")))
    made_of = repr((llvm.llvm_version_info, target.triple, cpu, features, sources, key))
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    code = cached_bytes("compiled", made_of, lambda: _object_code(write(), machine))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    types: dict[str, Any] = {"int": ctypes.c_int64, "float": ctypes.c_float}
    functions: dict[str, Any] = {}
    for name, kinds in signatures.items():
        prototype = ctypes.CFUNCTYPE(None, *(types.get(kind, ctypes.c_void_p) for kind in kinds))
        functions[name] = prototype(engine.get_function_address(name))
        functions[name].engine = engine  # which owns the code
    return functions


def _object_code(module: ir.Module, machine: Any) -> bytes:
    parsed = llvm.parse_assembly(str(module))
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(parsed, passes)
    code: bytes = machine.emit_object(parsed)
    return code
