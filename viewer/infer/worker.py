"""The worker process: opens graphs and histories behind the gate and answers questions on a pipe, one at a time.

It is started as `python -I -c …` with a clean environment, imports all it will ever need, shuts the sandbox, and only
then reads its first byte from a file. Standard input brings questions, standard output takes answers.
"""

from __future__ import annotations

import os
import sys
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from viewer.infer import protocol, sandbox
from viewer.infer.protocol import Message
from zoo import card, gate, runs, sessions
from zoo.errors import AezooError

if TYPE_CHECKING:
    import onnxruntime

SESSIONS = 16
CUDA_SESSIONS = 8  # each has an arena of its own on the device
MAX_STEPS = 10_000  # of the losses of single batches, which are not shown

Arrays = Mapping[str, np.ndarray]
Reply = tuple[dict[str, Any], Arrays]


@dataclass(frozen=True, eq=False)
class Loaded:
    """A session and what the gate said of its graph."""

    session: onnxruntime.InferenceSession
    facts: gate.GraphFacts


@dataclass
class Worker:
    """Answers questions; keeps the sessions used last, by what changes an answer: the bytes and the provider."""

    provider: str
    loaded: OrderedDict[tuple[str, str], Loaded] = field(default_factory=OrderedDict)

    def answer(self, message: Message) -> Reply:
        """Return the reply to one question; what the file is to blame for becomes a sentence."""
        label = str(message.header.get("label", "this file"))
        begun = time.perf_counter()
        try:
            header, arrays = self._dispatch(message, label)
        except AezooError as error:
            header, arrays = {"kind": "refused", "sentence": str(error)}, {}
        except MemoryError:
            header, arrays = {"kind": "refused", "sentence": f"{label} needs more memory than a worker may use"}, {}
        except Exception as error:  # onnxruntime raises kinds of its own; whatever it is, the window goes on
            line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            header, arrays = {"kind": "refused", "sentence": f"{label} could not be run ({line})"}, {}
        header["milliseconds"] = (time.perf_counter() - begun) * 1e3
        return header, arrays

    def _dispatch(self, message: Message, label: str) -> Reply:
        kind, sha256 = message.header.get("kind"), str(message.header.get("sha256"))
        if kind == "graph":
            return self._open(sha256, message.arrays["file"].tobytes(), label)
        if kind == "history":
            return read_history(message.arrays["file"].tobytes(), label)
        assert kind == "run", kind
        loaded = self.loaded.get((sha256, self.provider))
        if loaded is None:
            return {"kind": "missing"}, {}
        self.loaded.move_to_end((sha256, self.provider))
        return {"kind": "done"}, run(loaded, message.arrays["images"], message.header["outputs"])

    def _open(self, sha256: str, data: bytes, label: str) -> Reply:
        facts = gate.check_onnx(data, source=label)
        session = sessions.make(data, provider=self.provider)
        self.loaded[sha256, self.provider] = Loaded(session, facts)
        while len(self.loaded) > (CUDA_SESSIONS if self.provider == "cuda" else SESSIONS):
            self.loaded.popitem(last=False)
        return describe(facts), {}


def describe(facts: gate.GraphFacts) -> dict[str, Any]:
    """Word a graph's facts as JSON; of its metadata only the card goes on."""
    text = facts.metadata.get(card.METADATA_KEY)
    return {
        "kind": "done",
        "inputs": [_port(port) for port in facts.inputs],
        "outputs": [_port(port) for port in facts.outputs],
        "opset": facts.opset,
        "ir_version": facts.ir_version,
        "nodes": facts.nodes,
        "parameters": facts.parameters,
        "card": text if text is None or len(text) <= card.MAX_TEXT else "",
    }


def _port(port: gate.Port) -> dict[str, Any]:
    return {"name": port.name, "shape": list(port.shape), "dtype": port.dtype}


def run(loaded: Loaded, images: np.ndarray, outputs: list[str]) -> dict[str, np.ndarray]:
    """Run images through a graph, float32 out; one whose batch is fixed gets them in portions of its size."""
    port = loaded.facts.inputs[0]
    size = port.shape[0] if isinstance(port.shape[0], int) else len(images)
    made: list[list[np.ndarray]] = []
    for start in range(0, len(images), size):
        portion = images[start : start + size]
        padded = np.concatenate([portion, np.zeros((size - len(portion), *images.shape[1:]), np.float32)])
        answers = loaded.session.run(outputs, {port.name: padded})
        made.append([np.asarray(answer, dtype=np.float32)[: len(portion)] for answer in answers])
    return {name: np.concatenate(parts) for name, parts in zip(outputs, zip(*made, strict=True), strict=True)}


def read_history(data: bytes, label: str) -> Reply:
    """Read history.h5; the newest pictures go on, those of earlier epochs stay."""
    history = runs.unpack_history(data, source=label)
    arrays = dict(history.arrays)
    arrays.pop(runs.STEP_LOSS, None)
    epochs = arrays.get(runs.EPOCH_RECONSTRUCTIONS)
    if epochs is not None:
        arrays[runs.EPOCH_RECONSTRUCTIONS] = epochs[-1:]
    return {"kind": "done", "meta": dict(history.meta)}, arrays


def warm_up() -> None:
    """Go once through everything a question may need, so that nothing is imported when the sandbox is shut."""
    history = runs.History(meta={"state": ""}, arrays={runs.TRAIN_LOSS: np.zeros(1)})
    runs.unpack_history(runs.pack_history(history), source="warm-up")
    graph = _tiny_graph()
    loaded = Loaded(sessions.make(graph), gate.check_onnx(graph, source="warm-up"))
    run(loaded, np.zeros((2, 1, 4, 4), np.float32), ["result"])
    for broken, read in ((b"broken", gate.check_onnx), (graph[:-9], gate.check_onnx), (b"broken", runs.unpack_history)):
        try:
            read(broken, source="warm-up")
        except AezooError:
            continue


def _tiny_graph() -> bytes:
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Relu", ["image"], ["result"])],
        "warm-up",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 4, 4])],
        [helper.make_tensor_value_info("result", TensorProto.FLOAT, ["batch", 1, 4, 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return bytes(model.SerializeToString())


def _again() -> sessions.Provider:
    """Ask CUDA once more, now that the sandbox is shut: what it opens late may have been taken from it."""
    sessions.probe.cache_clear()
    provider = sessions.probe()
    return provider if provider.name == "cuda" else sessions.Provider("cpu", "CUDA does not answer in the sandbox")


def serve(questions: BinaryIO, answers: BinaryIO, worker: Worker) -> None:
    """Answer until the questions end."""
    while True:
        message = protocol.read(questions)
        if message is None:
            return
        number = message.header.get("number")
        header, arrays = worker.answer(message)
        try:
            reply = protocol.encode({**header, "number": number}, arrays)
        except (ValueError, TypeError, MemoryError):
            reply = b""  # what JSON has no word for, or too much of it
        if not reply or len(reply) > protocol.MAX_ANSWER:
            sentence = f"{message.header.get('label')} holds more than can be shown"
            reply = protocol.encode({"kind": "refused", "sentence": sentence, "number": number})
        answers.write(reply)
        answers.flush()


def main() -> None:
    """Start up, shut the sandbox, say so, and serve."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # a library that prints must not print into an answer
    questions = os.fdopen(os.dup(0), "rb", buffering=0)
    sandbox.narrow()  # onnxruntime starts a thread when it is imported, which takes over only what holds by then
    provider = sessions.probe()
    warm_up()
    posture = sandbox.close(cuda=provider.name == "cuda")
    if provider.name == "cuda":
        provider = _again()
    label = "CUDA" if provider.name == "cuda" else f"CPU ({provider.why_not_cuda})"
    ready = {"kind": "ready", "provider": label, "posture": posture.short, "details": posture.details}
    answers.write(protocol.encode(ready))
    serve(questions, answers, Worker(provider.name))
    sys.stderr.close()
    os._exit(0)  # nothing to tidy up, and a library's exit handlers are slow
