"""A contender that computes a run's graph, in a process of its own: on request it measures its speed.

onnxruntime    the exported model.onnx, as the viewer opens it but with every core
encoder        encoder.onnx alone, opened alike, for programs that need only the bottleneck
torch          the network of the checkpoint in eager mode, as an author would call it
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from export.graph import Graph
from zoo import bench_process, registry, sessions
from zoo.runs import SAMPLE_INPUTS, RunFolder

ENCODER = "encoder"

Compute = Callable[[np.ndarray], None]


def make(name: str, recipe_name: str, runs: str, device: str) -> tuple[bench_process.Values, bench_process.Measure]:
    """Return what the contender is, and a function that measures images a second, given (batch, seconds)."""
    folder = RunFolder.of(Path(runs), recipe_name)
    samples = folder.read_history().arrays[SAMPLE_INPUTS].astype(np.float32) / 255
    if name == "torch":
        compute, about = _torch(folder, recipe_name, device)
    else:
        compute, about = _onnxruntime(folder, ENCODER if name == ENCODER else "model", device)

    def measure(request: tuple[int, float]) -> bench_process.Values:
        batch, seconds = request
        images = np.resize(samples, (batch, *samples.shape[1:]))
        compute(images)  # work that is done once for a shape is not counted
        calls, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            compute(images)
            calls += 1
        return {"images_a_second": calls * batch / (time.perf_counter() - start)}

    return {"about": about}, measure


def _onnxruntime(folder: RunFolder, graph: str, device: str) -> tuple[Compute, str]:
    threads = os.cpu_count() or 1
    opened = Graph.read(folder.graph(graph))
    session = sessions.make(opened.model, provider=device, threads=threads)

    def compute(images: np.ndarray) -> None:
        session.run(None, {"image": images})

    return compute, f"{session.get_providers()[0]}, {threads} threads"


def _torch(folder: RunFolder, recipe_name: str, device: str) -> tuple[Compute, str]:
    import torch

    from export.trained import Whole, load_trained

    network = load_trained(registry.load(recipe_name), folder, epochs=folder.read_history().epochs).network
    whole = Whole(network).to(device).eval()

    def compute(images: np.ndarray) -> None:
        with torch.inference_mode():
            for value in whole(torch.from_numpy(images).to(device)):
                value.cpu().numpy()

    return compute, f"eager on {device}, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    bench_process.serve(lambda: make(**json.loads(sys.argv[1])))
