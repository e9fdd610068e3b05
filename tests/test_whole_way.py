"""The whole way, as a user goes it: train, verify, look; each verb in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from zoo import sessions

ENVIRONMENT = {
    key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
}


def aezoo(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "zoo.cli", *arguments], capture_output=True, text=True, env=ENVIRONMENT, timeout=800
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_from_pixels_to_a_window(tmp_path: Path) -> None:
    runs, picture = tmp_path / "runs", tmp_path / "window.png"
    trained = aezoo("train", "purdue/den*", "--data", "sample", "--epochs", "2", "--runs", str(runs))
    assert trained.stdout.splitlines()[-1] == f"next: aezoo view {runs}"
    assert "pca" in trained.stdout.lower()
    assert "epoch 2 of 2" in trained.stderr

    verified = json.loads(aezoo("verify", "all", "--runs", str(runs), "--json").stdout)
    assert [Path(report["target"]).name for report in verified] == ["dense", "denoise"]
    assert all(report["passed"] for report in verified)

    folder = runs / "purdue" / "denoise"
    with h5py.File(folder / "history.h5", "r") as history:
        inputs = history["samples/inputs"][()].astype(np.float32) / 255
        shown = history["samples/reconstructions"][()]
        assert history["metrics/mse"][0] > 0
    session = sessions.make((folder / "model.onnx").read_bytes())
    (reconstruction, _) = session.run(None, {"image": inputs})
    # the history's were made from noise that was not rounded to bytes
    assert np.abs(np.asarray(reconstruction) * 255 - shown).mean() < 1

    looked = json.loads(aezoo("view", str(runs), "--screenshot", str(picture), "--json").stdout)
    assert looked["provider"].startswith(("CPU", "CUDA"))
    with Image.open(picture) as window:
        assert window.width >= 1200
        assert len(window.convert("RGB").getcolors(1 << 20)) > 200  # type: ignore[arg-type]
