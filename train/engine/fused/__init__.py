"""Training steps compiled for the CPU: a network becomes one LLVM module that trains it, many times faster than torch.

form.py turns a network into a schedule of kernels, kernels.py holds these, emitter.py writes their LLVM code, and
driver.py runs an epoch with them.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from train.engine.batches import Batches
    from train.engine.fused.form import Form

MIN_LLVMLITE = (0, 46)
REGISTERS = {16: 32, 8: 7}  # by the vectors' width; of eight one is left for what sums are made of


class Unsupported(Exception):
    """A network, objective or preparation that is not compiled; the message says which part."""


class NoCompiler(Unsupported):
    """Nothing can be compiled here, whatever the network."""


def check(network: nn.Module, batches: Batches) -> Form:
    """Return the form in which a training's steps are compiled.

    Raises Unsupported where they cannot be, NoCompiler where none can.
    """
    try:
        import llvmlite
    except ImportError as error:
        raise NoCompiler(f"llvmlite cannot be loaded ({error}); pip install 'llvmlite>={_version()}'") from error
    if tuple(int(part) for part in llvmlite.__version__.split(".")[:2]) < MIN_LLVMLITE:
        raise NoCompiler(f"llvmlite {llvmlite.__version__} is too old; pip install 'llvmlite>={_version()}'")
    from train.engine.fused.driver import form_for

    return form_for(network, batches, processor()[0])


def processor(width: int | None = None) -> tuple[int, str]:
    """Return how many vectors of 16 floats the registers hold, and the features to compile for. Raises NoCompiler.

    width  floats in the processor's vectors, 16 or 8; None: as many as there are
    """
    import llvmlite.binding

    features = dict(llvmlite.binding.get_host_cpu_features())
    if platform.machine().lower() in ("x86_64", "amd64") and not (features.get("avx2") and features.get("fma")):
        raise NoCompiler("the processor has no AVX2 and FMA, which compiled steps need")
    width = width or (16 if features.get("avx512f") else 8)
    if width == 8:
        features = {name: on and not name.startswith(("avx512", "avx10", "amx")) for name, on in features.items()}
    return REGISTERS[width], ",".join(f"{'+' if on else '-'}{name}" for name, on in features.items())


def _version() -> str:
    return ".".join(map(str, MIN_LLVMLITE))
