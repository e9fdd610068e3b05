"""The worker process: opens graphs and histories behind the gate and answers requests on a pipe, one at a time.

It is started as `python -I -c …` with a clean environment, imports all it will ever need, seals the sandbox, and only
then reads its first byte of a file. Requests come on standard input, replies go to standard output.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, BinaryIO

import numpy as np

from viewer.infer import layers, messages
from viewer.infer.messages import (
    EPOCHS_BYTES,
    WEIGHTS,
    Completed,
    NotOpen,
    OpenFile,
    Ready,
    Refused,
    RunGraph,
    WorkerReply,
    WorkerRequest,
)
from viewer.infer.running import LARGE_FILE, LoadedGraph, LruCache, give_back_memory, run
from viewer.state import epochs
from zoo import card, gate, graphs, protocol, runs, sandbox, sessions
from zoo.errors import AezooError, FileRefused, runtime_reason
from zoo.gate import OpenedGraph
from zoo.image_ports import InputChoice


def read_history(data: bytes, label: str) -> Completed:
    """Read history.h5; of the pictures of its epochs only the newest are sent."""
    history = runs.unpack_history(data, source=label)
    arrays = dict(history.arrays)
    arrays.pop(runs.STEP_LOSS, None)
    pictures = arrays.get(runs.EPOCH_RECONSTRUCTIONS)
    if pictures is not None:
        arrays[runs.EPOCH_RECONSTRUCTIONS] = pictures[-1:]
    return Completed(0, {"meta": dict(history.meta)}, arrays=arrays)


def read_epochs(data: bytes, label: str) -> Completed:
    """Read the reconstructions of every epoch, or of as many as can be sent, and their targets. Raises FileRefused."""
    history = runs.unpack_history(data, source=label)
    pictures = history.arrays.get(runs.EPOCH_RECONSTRUCTIONS)
    if pictures is None:
        raise FileRefused(f"{label} keeps no pictures of earlier epochs; train the run again to have them")
    if not epochs.are_pictures(pictures):
        raise FileRefused(
            f"{label} keeps pictures of its epochs as {pictures.dtype} {pictures.shape}; expected uint8 (epochs, "
            "images, 1 or 3, height, width): train the run again"
        )
    chosen = _spread(len(pictures), most=min(epochs.MOST, EPOCHS_BYTES // pictures[0].nbytes))
    if not len(chosen):
        raise FileRefused(f"{label} keeps {pictures[0].nbytes / 2**20:.0f} MiB of pictures an epoch, too many to show")
    numbers = history.meta.get(runs.PICTURED_EPOCHS, [*range(1, len(pictures) + 1)])
    if not isinstance(numbers, list) or len(numbers) != len(pictures):
        raise FileRefused(f"{label} does not say of which epochs its pictures are; train the run again")
    facts = {"epochs": [numbers[index] for index in chosen]}
    targets = history.arrays.get(runs.SAMPLE_TARGETS)
    arrays = {"reconstructions": np.ascontiguousarray(pictures[chosen])}
    return Completed(0, facts, arrays=arrays if targets is None else {**arrays, "targets": targets})


def _spread(count: int, *, most: int) -> np.ndarray:
    """Return at most `most` indices, evenly spread from the first to the last; if only one fits, the last."""
    if most >= count:
        return np.arange(count)
    return np.array([count - 1][:most]) if most < 2 else np.linspace(0, count - 1, most).round().astype(int)


SESSIONS = 16
CUDA_SESSIONS = 8  # each has an arena of its own on the device
SESSION_BYTES = 64 << 20  # of their files together; a session holds its weights once more
# Multiply-adds an image from which on a graph gets several threads. Ten images on one and on two threads of an EPYC, in
# ms: colour-2 (116 million) 31 and 17, colour-1 (42) 11 and 6, model-3 (31) 7 and 4; these gain as well with a third
# process on its cores. letters/classifier (14) 3.9 and 3.8, letters/random (6) 3.4 and 3.4, model-1 (3) 1.7 and 1.8.
MULTITHREAD_MIN_MULTIPLY_ADDS = 20_000_000
MAX_THREADS = 4
MULTIPLY_ADDS_A_SECOND = 2 * 10**9


@dataclass
class Worker:
    """Answers requests; has an LRU cache of sessions by (sha256, provider, inner layers)."""

    provider: str
    graphs: LruCache[LoadedGraph] = field(init=False)

    def __post_init__(self) -> None:
        self.graphs = LruCache(CUDA_SESSIONS if self.provider == "cuda" else SESSIONS, SESSION_BYTES)

    def reply(self, request: WorkerRequest) -> WorkerReply:
        """Return the reply to one request; whatever is wrong with the file becomes a sentence."""
        try:
            content = self._run(request) if isinstance(request, RunGraph) else self._open(request)
        except AezooError as error:
            facts = error.facts if isinstance(error, FileRefused) else None
            return Refused(request.number, str(error), describe(facts) if facts else {})
        except MemoryError:
            return Refused(request.number, f"{request.label} needs more memory than a worker may use")
        except Exception as error:  # onnxruntime raises classes of its own; whatever it is, the window goes on
            return Refused(request.number, f"{request.label} could not be run ({runtime_reason(error)})")
        return NotOpen(request.number) if content is None else replace(content, number=request.number)

    def _open(self, request: WorkerRequest) -> Completed:
        assert isinstance(request, OpenFile), request
        data = request.arrays["file"].tobytes()
        if request.kind in ("history", "epochs"):
            return (read_history if request.kind == "history" else read_epochs)(data, request.label)
        weights = {
            name.removeprefix(WEIGHTS): array.tobytes()
            for name, array in request.arrays.items()
            if name.startswith(WEIGHTS)
        }
        choice = InputChoice(request.pixels, (request.side, request.side) if request.side else None)
        if request.kind == "summary":
            return Completed(0, {"nodes": nodes_of(data, request.label, weights, choice)})
        opened = gate.open_onnx(data, source=request.label, weights=weights, choice=choice)
        if request.kind == "graph":
            return self._open_graph(request.sha256, opened)
        if request.kind == "decoder":
            return self._cut_decoder(data, request.label)
        assert request.kind == "layers", request.kind
        return self._open_layers(request.sha256, opened)

    def _run(self, request: RunGraph) -> Completed | None:
        """Return the outputs asked for, or None if the graph is not open."""
        loaded = self.graphs.get((request.sha256, self.provider, request.inner))
        if loaded is None:
            return None
        arrays = run(loaded, request.arrays["images"], request.outputs, label=request.label)
        return Completed(0, {}, arrays=arrays)

    def _open_graph(self, key: str, opened: OpenedGraph) -> Completed:
        facts = opened.facts
        session = sessions.make(opened.data, provider=self.provider, threads=threads_for(facts, self.provider))
        self.graphs.put((key, self.provider, False), LoadedGraph(session, facts), len(opened.data))
        return Completed(0, describe(facts))

    def _cut_decoder(self, data: bytes, label: str) -> Completed:
        """Open the decoder of a model graph; its bytes are sent too."""
        decoder = graphs.halves(data, source=label)["decoder.onnx"]
        opened = gate.open_onnx(decoder, source=label)
        content = self._open_graph(hashlib.sha256(decoder).hexdigest(), opened)
        return replace(content, arrays={"file": np.frombuffer(decoder, dtype=np.uint8)})

    def _open_layers(self, key: str, opened: OpenedGraph) -> Completed:
        """Open a graph once more with its layers among its outputs: one session serves all of them."""
        facts, found = opened.facts, layers.find(opened.data)
        session = sessions.make(
            layers.expose(opened.data, found), provider=self.provider, threads=threads_for(facts, self.provider)
        )
        self.graphs.put((key, self.provider, True), LoadedGraph(session, facts, found.shapes), len(opened.data))
        listed = {"layers": list(found.listing), "left_out": found.left_out}
        return Completed(0, {**listed, "seconds": seconds_for(facts)})


def nodes_of(data: bytes, label: str, weights: Mapping[str, bytes], choice: InputChoice) -> list[dict[str, Any]]:
    """Return the nodes of a graph as it is run, or of one that is not run as its file has it.

    Raises FileRefused for what is no graph.
    """
    try:
        return layers.nodes(gate.open_onnx(data, source=label, weights=weights, choice=choice).data)
    except FileRefused as refusal:
        if refusal.facts is None:  # it could not be read at all
            raise
        return layers.nodes(data, is_run=False)


def seconds_for(facts: gate.GraphFacts) -> float:
    """Return how long ten images may take, at a pace that any processor keeps."""
    return 10 * facts.multiply_adds / MULTIPLY_ADDS_A_SECOND


def threads_for(facts: gate.GraphFacts, provider: str) -> int:
    """Return how many threads to give a graph, out of the cores that this process may use."""
    if provider != "cpu" or facts.multiply_adds < MULTITHREAD_MIN_MULTIPLY_ADDS:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MAX_THREADS)


def describe(facts: gate.GraphFacts) -> dict[str, Any]:
    """Return a graph's facts as JSON; of its metadata only the card: None if it has none, "" if it is too long."""
    text = facts.metadata.get(card.METADATA_KEY)
    return {
        "facts": asdict(replace(facts, metadata={}, multiply_adds=0)),  # which may be beyond all bounds
        "card": text if text is None or len(text) <= card.MAX_TEXT else "",
        "seconds": seconds_for(facts),
    }


def warm_up() -> None:
    """Go once through everything a request may need, so that nothing is imported after the sandbox is sealed."""
    history = runs.History(meta={"state": ""}, arrays={runs.TRAIN_LOSS: np.zeros(1)})
    runs.unpack_history(runs.pack_history(history), source="warm-up")
    graph = _tiny_graph()
    loaded = LoadedGraph(sessions.make(graph), gate.check_onnx(graph, source="warm-up"))
    run(loaded, np.zeros((2, 1, 4, 4), np.float32), ["result"], label="warm-up")
    sessions.make(layers.expose(graph, layers.find(graph)))
    importlib.import_module("onnx.utils")  # which cuts a decoder out
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


def _probe_in_sandbox() -> sessions.Provider:
    """Probe CUDA once more, now that the sandbox is sealed: it may need something that it can no longer open."""
    sessions.probe.cache_clear()
    provider = sessions.probe()
    return provider if provider.name == "cuda" else sessions.Provider("cpu", "CUDA does not work in the sandbox")


def serve(requests: BinaryIO, replies: BinaryIO, worker: Worker) -> None:
    """Answer until the requests end."""
    while (frame := protocol.read(requests)) is not None:
        request = messages.decode(frame, OpenFile, RunGraph)
        large = isinstance(request, OpenFile) and request.arrays["file"].nbytes >= LARGE_FILE
        reply = _encoded_reply(worker, request)
        del frame, request  # a file is not held while the next one comes
        replies.write(reply)
        replies.flush()
        if large:
            give_back_memory()


def _encoded_reply(worker: Worker, request: WorkerRequest) -> bytes:
    """Return the reply as bytes, or a refusal instead of one that is too large to send."""
    try:
        reply = messages.encode(worker.reply(request))
    except (ValueError, TypeError, MemoryError):
        reply = b""  # something that JSON cannot hold, or too much of it
    if reply and len(reply) <= protocol.MAX_REPLY:
        return reply
    return messages.encode(Refused(request.number, f"{request.label} holds more than can be shown"))


def main() -> None:
    """Start up, seal the sandbox, send Ready, and serve."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # a library that prints must not print into a reply
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    sandbox.restrict_writes_and_network()  # importing onnxruntime starts a thread; it inherits only what holds by now
    provider = sessions.probe()
    warm_up()
    status = sandbox.seal(cuda=provider.name == "cuda")
    if provider.name == "cuda":
        provider = _probe_in_sandbox()
    label = "CUDA" if provider.name == "cuda" else f"CPU ({provider.why_not_cuda})"
    replies.write(messages.encode(Ready(label, status.short, status.details)))
    serve(requests, replies, Worker(provider.name))
    sys.stderr.close()
    os._exit(0)  # nothing to tidy up, and a library's exit handlers are slow
