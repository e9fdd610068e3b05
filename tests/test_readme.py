"""The README's lines of Python are run as they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

README = Path(__file__).parents[1] / "README.md"


def test_what_stands_under_from_python_runs(
    pretrained_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    section = README.read_text().split("\n## From Python\n")[1].split("\n## ")[0]
    blocks = [part.split("```")[0] for part in section.split("```python\n")[1:]]
    assert len(blocks) == 2
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(block, names)
    assert names["clean"].shape == (100, 28, 28) and names["clean"].dtype == np.float32
    assert names["codes"].shape == (100, 8, 7, 7) and names["thumbnails"].shape == (1, 28, 28, 1)
    assert "['hesso/denoise-0.5'" in capsys.readouterr().out
    assert len(names["run"].history.epochs["epoch"]) == 3
    assert (tmp_path / "runs/purdue/conv@images=array/model.onnx").is_file()
    assert names["network"](torch.zeros(2, 1, 28, 28)).reconstruction.shape == (2, 1, 28, 28)
