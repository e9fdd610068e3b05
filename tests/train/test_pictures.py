"""`aezoo train NAME --images PATH`: any recipe on any pictures, from the command to the graphs, and found again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from train.options import Options
from train.pictures import on_pictures, path_of
from zoo import cli, registry, variants
from zoo.data import own
from zoo.errors import DataError, UsageError
from zoo.runs import RunFolder

Aezoo = Callable[..., tuple[int, str, str]]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three classes of 20 pictures in colour, of several sizes."""
    random = np.random.default_rng(0)
    for name in ("cat", "dog", "owl"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(20):
            size = (30 + number, 40)
            Image.fromarray(random.integers(0, 255, (*size, 3), np.uint8)).save(
                tmp_path / "photos" / name / f"{number}.png"
            )
    return tmp_path / "photos"


@pytest.fixture
def aezoo(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Aezoo:
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_of_files", {})

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ending:
            cli.main([str(each) for each in arguments])
        out, err = capsys.readouterr()
        return int(ending.value.code or 0), out, err

    return run


def test_a_run_on_own_pictures_is_named_after_them_and_finds_them_again(photos: Path, aezoo: Aezoo) -> None:
    code, out, err = aezoo("train", "purdue/conv", "--images", "photos", "--quick")
    assert code == 0, err
    assert "reading 60 pictures of" in err and "as 28×28 grey: 0 MB of memory" in err
    run = RunFolder(Path("runs/purdue/conv@images=photos"))
    meta, card = run.read_history().meta, json.loads(run.card.read_bytes())
    assert (meta["images"], meta["data"], meta["split"], meta["train_images"]) == (
        *(str(photos), "images=photos"),
        *("80/10/10", 48),
    )
    assert card["data"]["provenance"] == "own pictures: 60 of photos" and len(card["data"]["sha256"]) == 64
    assert str(photos) not in run.card.read_text(), "no path is handed on"
    assert card["published"] == {}, "the sheet's figures are of other images"
    assert "conv@images=photos" in aezoo("list", "purdue", "--runs", "runs")[1]
    code, out, _ = aezoo("verify", "purdue/conv@images=photos")
    assert code == 0 and "against torch" in out and "no longer" not in out
    code, _, err = aezoo("train", "purdue/conv@images=photos", "--resume", "--quick", "--epochs", 3, "--no-export")
    assert code == 0, err
    shutil.move(photos, photos.with_name("elsewhere"))
    code, _, err = aezoo("train", "purdue/conv@images=photos", "--resume", "--quick", "--epochs", 4)
    assert code == 2 and f"are no longer in {photos}; name where they are with --images PATH" in err
    aezoo("export", "purdue/conv@images=photos")
    code, out, _ = aezoo("verify", "purdue/conv@images=photos")
    assert code == 0 and f"its pictures are no longer in {photos}; compared on the ten" in out


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("purdue/denoise", "purdue/denoise@images=photos"),
        ("hesso/vae-2-10", "hesso/vae-2-10@images=photos"),
        ("hesso/classifier", "hesso/classifier@images=photos,classes=3"),
        pytest.param(
            "letters/classifier-noise", "letters/classifier-noise@images=photos,classes=3", marks=pytest.mark.slow
        ),
        pytest.param("maastricht/colour-1", "maastricht/colour-1@images=photos", marks=pytest.mark.slow),
        pytest.param("freiburg/lr-0.01", "freiburg/lr-0.01@images=photos", marks=pytest.mark.slow),
    ],
)
def test_a_recipe_of_every_kind_learns_from_them(name: str, run: str, photos: Path, aezoo: Aezoo) -> None:
    code, _, err = aezoo("train", name, "--images", photos, "--quick", "--epochs", 1)
    assert code == 0, err
    code, out, _ = aezoo("verify", run)
    assert code == 0 and "against torch" in out
    card = json.loads((Path("runs") / run / "card.json").read_bytes())
    if "vae" in name:
        assert card["summary"].endswith("from 10 pictures") and card["data"]["train"] == 10
    if "classifier" in name:
        noise = ["noise"] if "noise" in name else []
        assert card["outputs"][0]["classes"] == ["cat", "dog", "owl", *noise]
        assert card["parameters"] == registry.load(run).network.parameters


@pytest.mark.slow
def test_several_at_once_find_them_too(photos: Path, aezoo: Aezoo) -> None:
    code, out, err = aezoo("train", "purdue/*", "--images", photos, "--quick", "--jobs", 2, "--no-export", "--json")
    assert code == 0, err
    names = {report["name"] for report in json.loads(out)}
    assert names == {f"purdue/{name}@images=photos" for name in ("dense", "conv", "denoise")}
    Path("mine.py").write_text(MINE)
    code, out, err = aezoo("train", "mine.py", "--images", photos, "--jobs", 2, "--no-export", "--json")
    assert code == 0, err
    assert {report["name"] for report in json.loads(out)} == {
        f"mine/{name}@images=photos" for name in ("small", "other")
    }


def test_letters_have_no_use_for_pictures_and_are_left_out_of_several(photos: Path) -> None:
    options = Options(images=str(photos))
    with pytest.raises(UsageError, match="letters/class makes letters of the same class in another alphabet"):
        on_pictures([registry.load("letters/class")], options, show=False)
    varied = on_pictures(registry.match(["letters"]), options, show=False)
    assert [recipe.name for recipe in varied] == [
        "letters/classifier@images=photos,classes=3",
        "letters/classifier-noise@images=photos,classes=3",
    ]


def test_a_name_that_says_other_pictures_or_classes_is_refused(photos: Path) -> None:
    options = Options(images=str(photos))
    named = registry.load("hesso/classifier@images=photos,classes=3")
    assert on_pictures([named], options, show=False) == [named]
    with pytest.raises(UsageError, match="is of the pictures 'birds', and --images names 'photos'"):
        on_pictures([registry.load("purdue/conv@images=birds")], options, show=False)
    with pytest.raises(UsageError, match="is of other classes than those in"):
        on_pictures([registry.load("hesso/classifier@images=photos,classes=7")], options, show=False)


def test_pictures_that_nobody_names_are_asked_for(tmp_path: Path) -> None:
    recipe = registry.load("purdue/conv@images=photos")
    with pytest.raises(UsageError, match="trained on pictures of your own; name where they lie with --images PATH"):
        path_of(recipe, Options(runs=tmp_path))
    with pytest.raises(DataError, match=r"--images names '.*nowhere', which is not there"):
        on_pictures([recipe], Options(images=str(tmp_path / "nowhere")), show=False)
    with pytest.raises(UsageError, match="name their folder or file with --images PATH"):
        variants.grid(["images=photos"])
    with pytest.raises(UsageError, match="the classes are those of pictures"):
        registry.load("hesso/classifier@classes=3")
    with pytest.raises(UsageError, match="purdue/conv has no classes"):
        registry.load("purdue/conv@images=a,classes=3")


MINE = """
from torch import nn
from zoo.blocks import Autoencoder
from zoo.recipe import Data, Recipe, Schedule

def small():
    encoder = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU())
    return Autoencoder(encoder=encoder, decoder=nn.ConvTranspose2d(4, 3, 2, stride=2), to_pixels=nn.Sigmoid())

def absolute(output, batch):
    return {"l1": (output.reconstruction - batch.target).abs().mean()}

data, schedule = Data("pictures", shape=(3, 16, 16)), Schedule(epochs=2, batch_size=16)
RECIPES = (
    Recipe(name="small", network=small, data=data, objective="absolute", loss=absolute, schedule=schedule),
    Recipe(name="other", network=small, data=data, objective="mse", schedule=schedule),
)
"""


@pytest.mark.slow
def test_a_network_in_a_file_and_pictures_are_found_by_workers_of_ray(
    photos: Path, aezoo: Aezoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'aezoo[cluster]'")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    Path("mine.py").write_text(MINE)
    sweep = ("--set", "seed=0,1", "--cluster", "ray", "--device", "cpu", "--no-export", "--json")
    code, out, err = aezoo("train", "mine.py:small", "--images", photos, *sweep)
    assert code == 0, err
    names = {report["name"] for report in json.loads(out)}
    assert names == {f"mine/small@images=photos,seed={seed}" for seed in (0, 1)}


def test_a_network_in_a_file_goes_the_whole_way_and_on_without_the_file(photos: Path, aezoo: Aezoo) -> None:
    Path("mine.py").write_text(MINE)
    code, _, err = aezoo("train", "mine.py", "--images", photos, "--epochs", 1)
    assert code == 0, err
    name = "mine/small@images=photos"
    card: dict[str, Any] = json.loads((Path("runs") / name / "card.json").read_bytes())
    assert card["training"]["file"] == "mine.py" and len(card["training"]["file_sha256"]) == 64
    assert card["objective"]["name"] == "absolute" and card["parameters"] == 4 * 28 + 3 * 17
    code, out, _ = aezoo("verify", "mine.py:small@images=photos")
    assert code == 0 and "model.reconstruction against torch" in out

    Path("mine.py").unlink()
    registry._of_files.clear()
    code, out, _ = aezoo("verify", name)
    assert code == 0 and "no source here: checked against the card and its vectors" in out and "test vectors" in out
    code, _, err = aezoo("verify", "small")
    assert code == 2 and "; there is mine/small@images=photos" in err
    assert "small@images=photos" in aezoo("list")[1] and "small@images=photos" in aezoo("list", "mine")[1]
    code, _, err = aezoo("export", name)
    assert code == 2 and "no source here to export again; --bundle DIR puts what was exported there" in err
    code, _, err = aezoo("export", name, "--bundle", "out")
    assert code == 0, err
    assert aezoo("verify", "out")[0] == 0
    code, _, err = aezoo("train", name, "--resume")
    assert code == 2 and "no recipe 'mine/small@images=photos'" in err


def test_a_file_that_was_changed_is_another_recipe(photos: Path, aezoo: Aezoo) -> None:
    Path("mine.py").write_text(MINE)
    words = ("train", "mine.py:small", "--images", photos, "--epochs")
    assert aezoo(*words, 1, "--no-export")[0] == 0
    Path("mine.py").write_text(MINE + "\n# another\n")
    registry._of_files.clear()
    code, _, err = aezoo(*words, 2, "--resume")
    assert code == 2 and "was trained with another content of the file that its recipe stands in" in err
    assert own.name_of(photos) == "photos"
