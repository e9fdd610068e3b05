"""The runtimes that a graph is tried in: how each is found, what installs it, and what is known to be wrong in it."""

import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from export.npm import npm_command, npm_folder, version_of
from export.runtimes.supervise import output_of
from zoo import sessions

PIP = "pip install 'aezoo[runtimes]'"
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Fault:
    """What a runtime is known to compute wrongly, or to crash on: in which graphs, a sentence, and its source."""

    met: Callable[[onnx.NodeProto], bool]
    sentence: str
    source: str

    def concerns(self, graph: onnx.GraphProto) -> bool:
        return any(self.met(node) for node in graph.node)


@dataclass(frozen=True)
class Runtime:
    """One runtime; `ort-…` are onnxruntime elsewhere than on the CPU: on CUDA, in Node, as WebAssembly in Node.

    version     its version, or None where it is not installed
    absent      why it cannot be used here: the command that installs it, or what is missing
    command     what starts its process; the job's file is added
    served      it runs in a browser and fetches its job from our server
    """

    name: str
    version: str | None
    absent: str = ""
    command: Sequence[str] = ()
    environment: dict[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    served: bool = False


def find(name: str) -> Runtime:
    """Look for a runtime on this machine; it is neither imported nor started, except for its version."""
    return _FINDERS[name](name)


def _attribute(node: onnx.NodeProto, name: str) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == name), 0)


_GROUPED = Fault(
    lambda node: node.op_type == "ConvTranspose" and _attribute(node, "group") > 1,
    "onnx 1.23's ReferenceEvaluator computes ConvTranspose with groups wrongly, or not at all",
    "seen here beside five runtimes that agree with torch",
)
_EXACT_GELU = Fault(
    lambda node: node.op_type == "Erf",
    "exact GELU (Div, Erf, Add, Mul) crashes OpenCV 4.14 and 5.0 while they load it",
    "seen here; on the same pattern https://github.com/opencv/opencv/issues/24568",
)
_GROUP_NORM = Fault(
    lambda node: node.op_type in ("InstanceNormalization", "GroupNormalization"),
    "OpenCV 4.14, and 5.0's classic engine, give GroupNorm's result a dimension too many",
    "seen here",
)
_BY_SIZE = Fault(
    lambda node: node.op_type == "Resize" and len(node.input) > 3 and bool(node.input[3]),
    "OpenCV 4.14 and tract 0.23 refuse Resize to a size that follows from the batch; by scales they take it",
    "seen here",
)


def _python(distribution: str, module: str, faults: tuple[Fault, ...]) -> Callable[[str], Runtime]:
    def found(name: str) -> Runtime:
        if importlib.util.find_spec(module) is None:
            return Runtime(name, None, PIP)
        version = next(filter(None, map(_version, distribution.split())), "of unknown version")
        return Runtime(name, version, command=_child(name), faults=faults)

    return found


def _child(name: str) -> Sequence[str]:
    return sys.executable, "-P", "-m", "export.runtimes.child", name  # -P: the current folder's code is not imported


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cuda(name: str) -> Runtime:
    provider = sessions.probe()
    if provider.name != "cuda":
        return Runtime(name, None, provider.why_not_cuda)
    # Without it cuDNN rounds to TF32's ten bits, and three digits are all that agree.
    strict = {"NVIDIA_TF32_OVERRIDE": "0"}
    return Runtime(name, _version("onnxruntime-gpu"), command=_child(name), environment=strict)


def _node(package: str) -> Callable[[str], Runtime]:
    def found(name: str) -> Runtime:
        node = shutil.which("node")
        if node is None:
            return Runtime(name, None, "install Node.js 18 or later (Debian: apt-get install nodejs npm)")
        version = version_of(package)
        if version is None:
            return Runtime(name, None, npm_command())
        whole = f"{version}, Node {output_of([node, '--version']).lstrip('v')}"
        return Runtime(name, whole, command=(node, str(_HERE / "child.mjs"), package, str(npm_folder())))

    return found


def _chromium(name: str) -> Runtime:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
    version, browser = version_of("onnxruntime-web"), next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        return Runtime(name, None, "install Chromium (Debian: apt-get install chromium)")
    if version is None:
        return Runtime(name, None, npm_command())
    words = output_of([browser, "--version"]).split()
    own = next((word for word in words if word[:1].isdigit()), "of unknown version")
    return Runtime(name, f"{version}, Chromium {own}", command=(browser,), served=True)


_FINDERS: dict[str, Callable[[str], Runtime]] = {
    "onnxruntime": _python("onnxruntime-gpu onnxruntime", "onnxruntime", ()),
    "ort-cuda": _cuda,
    "reference": _python("onnx", "onnx", (_GROUPED,)),
    "openvino": _python("openvino", "openvino", ()),
    "opencv": _python(
        "opencv-python-headless opencv-python opencv-contrib-python", "cv2", (_EXACT_GELU, _GROUP_NORM, _BY_SIZE)
    ),
    "tract": _python("tract", "tract", (_BY_SIZE,)),
    "ort-node": _node("onnxruntime-node"),
    "ort-web": _node("onnxruntime-web"),
    "chromium": _chromium,
}
NAMES = tuple(_FINDERS)
