"""The process of one Python runtime: `python -m export.runtimes.child NAME FOLDER` does the job in the folder.

It imports that runtime and nothing else of weight: if that crashes, hangs or eats memory, no other process suffers.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from export.runtimes.job import JOB, CaseDone, Loaded
from zoo import json_lines
from zoo.json_lines import ProcessFailed

Array = np.ndarray
Run = Callable[[Array], list[Array]]


def _onnxruntime(path: Path, job: dict[str, Any], *, provider: str = "cpu") -> Run:
    from zoo import sessions

    if provider == "cuda":
        sessions.probe()  # finds the CUDA libraries beside torch
    session = sessions.make(path.read_bytes(), provider=provider)
    if provider == "cuda" and session.get_providers()[0] != sessions.CUDA:
        raise RuntimeError("the session fell back to the CPU")
    return lambda value: list(map(np.asarray, session.run(job["outputs"], {job["input"]: value})))


def _onnx_reference(path: Path, job: dict[str, Any]) -> Run:
    import onnx
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(onnx.load_from_string(path.read_bytes()))
    return lambda value: list(map(np.asarray, evaluator.run(job["outputs"], {job["input"]: value})))


def _openvino(path: Path, job: dict[str, Any]) -> Run:
    import openvino

    core = openvino.Core()
    # Its default on CPUs with AMX computes in bfloat16, 8e-4 off.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = core.compile_model(core.read_model(path.read_bytes()), "CPU", settings)
    outputs = [compiled.output(name) for name in job["outputs"]]

    def run(value: Array) -> list[Array]:
        results = compiled({job["input"]: value})
        return [results[output] for output in outputs]

    return run


def _opencv(path: Path, job: dict[str, Any]) -> Run:
    import cv2

    cv2.setNumThreads(1)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(path.read_bytes(), np.uint8))

    def run(value: Array) -> list[Array]:
        net.setInput(value, job["input"])
        return [np.asarray(output) for output in net.forward(job["outputs"])]

    return run


def _tract(path: Path, job: dict[str, Any]) -> Run:
    import tract

    model = tract.onnx().load(path)
    names = [model.output_name(index) for index in range(model.output_count())]  # as they are before it is optimised
    known = set(job["outputs"]) <= set(names)  # it names outputs after their nodes, and keeps their order
    indices = [names.index(name) for name in job["outputs"]] if known else range(len(job["outputs"]))
    runnable = model.into_model().into_runnable()

    def run(value: Array) -> list[Array]:
        outputs = runnable.run([value])
        return [outputs[index].to_numpy() for index in indices]

    return run


_RUNTIMES: dict[str, Callable[[Path, dict[str, Any]], Run]] = {
    "onnxruntime": _onnxruntime,
    "ort-cuda": partial(_onnxruntime, provider="cuda"),
    "reference": _onnx_reference,
    "openvino": _openvino,
    "opencv": _opencv,
    "tract": _tract,
}


def main(name: str, folder: Path) -> None:
    try:
        job = json.loads((folder / JOB).read_text())
        run = _RUNTIMES[name](folder / job["graph"], job)
        _send(Loaded())
        for number, case in enumerate(job["cases"]):
            value = np.fromfile(folder / case["file"], "<f4").reshape(case["shape"])
            outputs = [np.asarray(output, "<f4", order="C") for output in run(value)]
            for index, output in enumerate(outputs):
                output.tofile(folder / f"{number}.{index}.f32")
            _send(CaseDone(number, [list(output.shape) for output in outputs]))
    except Exception as error:  # each runtime raises kinds of its own
        line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        _send(ProcessFailed(line))
        sys.exit(1)


def _send(message: object) -> None:
    print(json_lines.encode(message), end="", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
