"""The code of figures that a sheet paints from arrays: it says how they are made."""

from __future__ import annotations

import re

from viewer.report.document import FigureBlock
from viewer.report.pictures import quoted

_NOISY = """\
run = runs["{run}"]
noise = np.random.default_rng(0).standard_normal(run.targets.shape, dtype=np.float32)
noisy_images = np.clip(run.targets + {sigma} * noise, 0, 1)
output = run.ask(noisy_images)["reconstruction"]
show(
    {{"original": run.targets, "noisy": noisy_images, "output": output}},
    {title},
    errors(run.targets, output),
)"""

_TRAINING = """\
first_ten = mnist["train"][0][:10].astype(np.float32) / 255
show({{"original": first_ten}}, {title})"""

_TRAINING_NOISY = """\
noise = np.random.default_rng(0).standard_normal(first_ten.shape, dtype=np.float32)
show({{"noisy": np.clip(first_ten + 0.25 * noise, 0, 1)}}, {title})"""

_DENOISED = """\
run = runs["hesso/denoise-{sigma}"]
pixels, labels = mnist["test"]
rows = [int(np.flatnonzero(labels == digit)[0]) for digit in range(10)]
clean = pixels[rows].astype(np.float32) / 255
noise = np.random.default_rng(0).standard_normal(clean.shape, dtype=np.float32)
noisy_images = np.clip(clean + {sigma} * noise, 0, 1)
denoised = run.ask(noisy_images)["reconstruction"]
called = runs["hesso/classifier"].ask(denoised)["logits"].argmax(axis=1)
show(
    {{"original": clean, "noisy": noisy_images, "denoised": denoised}},
    {title},
    [f"called {{digit}}" for digit in called],
)"""

_DENOISED_OWN = """\
run = runs["hesso/denoise-{sigma}"]
denoised = run.reconstructions
show(
    {{"original": run.targets, "noisy": run.inputs, "denoised": denoised}},
    {title},
    errors(run.targets, denoised),
)"""


def cell_of(block: FigureBlock, *, has_data: bool) -> str:
    """Return the code that shows a figure in a notebook; '' where there is none."""
    if block.cell:
        return block.cell
    if match := re.fullmatch(r"freiburg-noise-([\d.]+)", block.name):
        run = re.search(r"freiburg/[\w.-]+", block.title)
        return _NOISY.format(run=run[0], sigma=match[1], title=quoted(block.title)) if run else ""
    if block.name in ("purdue-denoise-train", "purdue-denoise-train-noisy") and has_data:
        return (_TRAINING if block.name.endswith("train") else _TRAINING_NOISY).format(title=quoted(block.title))
    if match := re.fullmatch(r"hesso-denoise-([\d.]+)", block.name):
        return (_DENOISED if has_data else _DENOISED_OWN).format(sigma=match[1], title=quoted(block.title))
    return ""
