"""HES-SO, machine learning, practical work 12: denoising digits at three levels, and new digits from few examples."""

from __future__ import annotations

from viewer.report.document import Block
from viewer.report.reader import Reader
from viewer.report.sheets.hesso.denoising import FACTORS, task_1, task_2, task_3
from viewer.report.sheets.hesso.generation import COUNTS, DIGITS, task_4, task_5

TITLE = "ML-PW-12: Autoencoders for denoising and data augmentation"
LEAD = "HES-SO, Master of Science in Engineering, Machine Learning, on MNIST. aezoo's runs: hesso/*."


def blocks(reader: Reader) -> list[Block]:
    """Return what the sheet asks for, in its order."""
    classifier = reader.run("hesso/classifier")
    noisy = {factor: reader.run(f"hesso/denoise-{factor}") for factor in FACTORS}
    generators = {digit: {count: reader.run(f"hesso/vae-{digit}-{count}") for count in COUNTS} for digit in DIGITS}
    return [
        *task_1(reader.run("hesso/conv")),
        *task_2(reader, noisy, classifier),
        *task_3(noisy),
        *task_4(generators, classifier),
        *task_5(generators),
    ]
