"""A study keeps numbers without weights, in few bytes, and is read only where aezoo wrote it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo import runs, studies
from zoo.errors import FileRefused
from zoo.runs import History
from zoo.studies import Study


def history(name: str) -> History:
    arrays = {
        runs.TRAIN_LOSS: np.array([0.123456, np.nan]),
        runs.VAL_LOSS: np.array([0.1, 0.2]),
        runs.SAMPLE_INPUTS: np.zeros((1, 1, 4, 4), np.uint8),
        "metrics/mse": np.array([0.0123456]),
        "baselines/pca/mse": np.array([0.5]),
    }
    return History({"recipe": name, "seed": 1, "state": "finished", "data": "mnist"}, arrays)


def test_a_study_comes_back_as_it_was_written_without_pictures(tmp_path: Path) -> None:
    names = ("freiburg/lr-0.1@seed=1", "plus/dense-2")
    for name in names:
        study = Study({name: history(name)}, {"augmentation": {"seeds": 2}})
        path = studies.write(tmp_path, name.split("/")[0], study)
        first = path.read_bytes()
        assert studies.write(tmp_path, name.split("/")[0], study).read_bytes() == first
        read = studies.read(tmp_path, name.split("/")[0])
        found = read.runs[name]
        assert found.metrics() == {"mse": 0.01235} and found.arrays[runs.TRAIN_LOSS][0] == 0.1235
        assert np.isnan(found.arrays[runs.TRAIN_LOSS][1]) and runs.SAMPLE_INPUTS not in found.arrays
        assert bool(found.baselines()) == ("seed" not in name) and read.experiments["augmentation"] == {"seeds": 2}
    assert studies.read(tmp_path, "purdue") == Study()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"runs": {"a/b": {"meta": {}, "arrays": {}}}}', '{"runs": 3}'])
def test_what_is_no_study_is_one_sentence(text: str, tmp_path: Path) -> None:
    path = studies.path_of(tmp_path, "hesso")
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(FileRefused, match="is no study of aezoo's; `aezoo study hesso` writes it anew"):
        studies.read(tmp_path, "hesso")


def test_pictures_come_back_from_their_strip() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 8, 8), dtype=np.uint8)
    assert (studies.from_strip(studies.to_strip(images), count=3) == images).all()
    with pytest.raises(FileRefused):
        studies.from_strip("no picture", count=3)
