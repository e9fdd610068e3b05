"""The worker process: opens graphs and histories behind the gate and answers questions on a pipe, one at a time.

It is started as `python -I -c …` with a clean environment, imports all it will ever need, shuts the sandbox, and only
then reads its first byte from a file. Standard input brings questions, standard output takes answers.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from viewer.infer import layers, protocol, sandbox
from viewer.infer.histories import Reply, read_epochs, read_history
from viewer.infer.kept import LARGE_FILE, Kept, Loaded, give_back_memory
from viewer.infer.protocol import Message
from viewer.infer.running import along, run
from zoo import card, gate, runs, sessions
from zoo.errors import AezooError

SESSIONS = 16
CUDA_SESSIONS = 8  # each has an arena of its own on the device
SESSION_BYTES = 64 << 20  # of their files together; a session holds its weights once more
MADE = 16  # batches, with what graphs made of them
MADE_BYTES = 8 << 20
LARGEST_MADE = 3 << 20
# Multiply-adds an image from which on a graph gets several threads. Ten images on one and on two threads of an EPYC, in
# ms: colour-2 (116 million) 31 and 17, colour-1 (42) 11 and 6, model-3 (31) 7 and 4; these gain as well with a third
# process on its cores. letters/classifier (14) 3.9 and 3.8, letters/random (6) 3.4 and 3.4, model-1 (3) 1.7 and 1.8.
HEAVY = 20_000_000
MOST_THREADS = 4


@dataclass
class Worker:
    """Answers questions; keeps the sessions used last, by what changes an answer: bytes, provider, inner layers.

    Panels ask a graph for different outputs of the same images; it is run for the first of them, and all come along.
    """

    provider: str
    loaded: Kept[Loaded] = field(init=False)
    made: Kept[dict[str, np.ndarray]] = field(init=False)

    def __post_init__(self) -> None:
        self.loaded = Kept(CUDA_SESSIONS if self.provider == "cuda" else SESSIONS, SESSION_BYTES)
        self.made = Kept(MADE, MADE_BYTES)

    def reply(self, message: Message) -> Reply:
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
        if kind == "run":
            return self._run(sha256, message, label)
        data = message.arrays["file"].tobytes()
        if kind == "graph":
            return self._open(sha256, data, label)
        if kind == "layers":
            return self._open_layers(sha256, data, label)
        assert kind in ("history", "epochs"), kind
        return (read_history if kind == "history" else read_epochs)(data, label)

    def _run(self, sha256: str, message: Message, label: str) -> Reply:
        inner = bool(message.header.get("inner"))
        loaded = self.loaded.get((sha256, self.provider, inner))
        if loaded is None:
            return {"kind": "missing"}, {}
        images, outputs = message.arrays["images"], message.header["outputs"]
        if inner:
            return {"kind": "done"}, run(loaded, images, outputs, label=label)
        key = (sha256, images.shape, hashlib.blake2b(images.data).digest())
        made = self.made.get(key) or {}
        if not made.keys() >= set(outputs):
            also = along(loaded.facts, len(images), LARGEST_MADE)
            made = {**made, **run(loaded, images, outputs, label=label, also=also)}
            size = sum(array.nbytes for array in made.values())
            if size <= LARGEST_MADE:
                self.made.put(key, made, size)
        return {"kind": "done"}, {name: made[name] for name in outputs}

    def _open(self, sha256: str, data: bytes, label: str) -> Reply:
        facts = gate.check_onnx(data, source=label)
        session = sessions.make(data, provider=self.provider, threads=threads_for(facts, self.provider))
        self.loaded.put((sha256, self.provider, False), Loaded(session, facts), len(data))
        return describe(facts), {}

    def _open_layers(self, sha256: str, data: bytes, label: str) -> Reply:
        """Open a graph once more with its layers among its outputs: one session answers for all of them."""
        facts = gate.check_onnx(data, source=label)
        found = layers.find(data)
        session = sessions.make(
            layers.expose(data, found), provider=self.provider, threads=threads_for(facts, self.provider)
        )
        self.loaded.put((sha256, self.provider, True), Loaded(session, facts, found.shapes), len(data))
        return {"kind": "done", "layers": list(found.listing), "left_out": found.left_out}, {}


def threads_for(facts: gate.GraphFacts, provider: str) -> int:
    """Return how many threads a graph is worth, of the processor's cores that this process may use."""
    if provider != "cpu" or facts.multiply_adds < HEAVY:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_THREADS)


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


def warm_up() -> None:
    """Go once through everything a question may need, so that nothing is imported when the sandbox is shut."""
    history = runs.History(meta={"state": ""}, arrays={runs.TRAIN_LOSS: np.zeros(1)})
    runs.unpack_history(runs.pack_history(history), source="warm-up")
    graph = _tiny_graph()
    loaded = Loaded(sessions.make(graph), gate.check_onnx(graph, source="warm-up"))
    run(loaded, np.zeros((2, 1, 4, 4), np.float32), ["result"], label="warm-up")
    sessions.make(layers.expose(graph, layers.find(graph)))
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


def serve(requests: BinaryIO, replies: BinaryIO, worker: Worker) -> None:
    """Answer until the questions end."""
    while (message := protocol.read(requests)) is not None:
        large = "file" in message.arrays and message.arrays["file"].nbytes >= LARGE_FILE
        reply = _reply(worker, message)
        del message  # a file is not held while the next one comes
        replies.write(reply)
        replies.flush()
        if large:
            give_back_memory()


def _reply(worker: Worker, message: Message) -> bytes:
    """Return the answer as bytes, or a refusal in the place of one too large to send."""
    number = message.header.get("number")
    header, arrays = worker.reply(message)
    try:
        reply = protocol.encode({**header, "number": number}, arrays)
    except (ValueError, TypeError, MemoryError):
        reply = b""  # what JSON has no word for, or too much of it
    if reply and len(reply) <= protocol.MAX_ANSWER:
        return reply
    sentence = f"{message.header.get('label')} holds more than can be shown"
    return protocol.encode({"kind": "refused", "sentence": sentence, "number": number})


def main() -> None:
    """Start up, shut the sandbox, say so, and serve."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # a library that prints must not print into an answer
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    sandbox.narrow()  # onnxruntime starts a thread when it is imported, which takes over only what holds by then
    provider = sessions.probe()
    warm_up()
    status = sandbox.close(cuda=provider.name == "cuda")
    if provider.name == "cuda":
        provider = _again()
    label = "CUDA" if provider.name == "cuda" else f"CPU ({provider.why_not_cuda})"
    ready = {"kind": "ready", "provider": label, "sandbox": status.short, "details": status.details}
    replies.write(protocol.encode(ready))
    serve(requests, replies, Worker(provider.name))
    sys.stderr.close()
    os._exit(0)  # nothing to tidy up, and a library's exit handlers are slow
