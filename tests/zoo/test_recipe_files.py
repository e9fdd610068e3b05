"""A file of recipes: what README shows works as it stands, and every mistake in one is one sentence."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from zoo import recipe_files, registry
from zoo.errors import UsageError

README = (Path(__file__).parents[2] / "README.md").read_text()
FILE = re.search(r"```python\n(from torch import nn\nfrom zoo.*?)```", README, re.DOTALL)
assert FILE is not None
GOOD = FILE[1]


@pytest.fixture(autouse=True)
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file was read before, and none is remembered after."""
    monkeypatch.setattr(registry, "_of_files", {})


def test_the_file_in_the_readme_is_read_and_completed(tmp_path: Path) -> None:
    lines = [line for line in GOOD.splitlines() if line and not line.startswith(("from", "#"))]
    assert len(lines) <= 12, "network and recipe are at most twelve lines"
    (tmp_path / "mine.py").write_text(GOOD)
    (recipe,) = registry.match([f"{tmp_path}/mine.py:small"])
    assert (recipe.name, recipe.image_shape, recipe.network.bottleneck) == ("mine/small", (3, 64, 64), (8, 16, 16))
    assert recipe.network.parameters == 3_795 and recipe.network.summary.startswith("conv 16-8")
    assert recipe.file == str(tmp_path / "mine.py") and len(recipe.file_sha256) == 64
    assert registry.load("mine/small@seed=3").schedule.seed == 3
    assert registry.typed("mine/small@seed=3") == f"{tmp_path}/mine.py:small@seed=3"
    assert registry.files() == (str(tmp_path / "mine.py"),)
    assert [each.name for each in registry.match([f"{tmp_path}/mine.py"])] == ["mine/small"]


CHANGES: dict[str, tuple[str, str, str]] = {
    "a syntax error": ("def small() ->", "def small( ->", r"mine.py, line \d+: .*; mend it and try again"),
    "an error": ("conv_relu_pool(3", "conv_relu_pol(3", r"mine/small: its network cannot be built: NameError: "),
    "an error at the top": ("Data(\"pictures\"", "Dota(\"pictures\"", r"mine.py, line \d+: NameError: name 'Dota'"),
    "no recipes": ("RECIPES =", "RECIPE =", "defines no RECIPES; expected RECIPES = "),
    "something else": ("RECIPES =", "RECIPES = 3 #", "RECIPES in .* is no tuple of recipes"),
    "an unknown objective": ('"bce"', '"bec"', "no objective 'bec'; there are bce, mse, .*, or loss=a function"),
    "a size that comes back otherwise": ("(3, 64, 64)", "(3, 62, 62)", "gives 3×60×60 back for images of 3×62×62"),
    "channels that do not fit": ("(3, 64, 64)", "(1, 64, 64)", "cannot take images of 1×64×64: "),
    "another module": ("return Autoencoder(", "return dict(", "its network is a dict; expected an Autoencoder"),
    "a strange name": ('name="small"', 'name="Small one"', "'Small one' is no name for a recipe"),
    "a name that is there": ('name="small"', 'name="purdue/conv"', "recipe 'purdue/conv', which is there already"),
    "an end": ("RECIPES =", "raise SystemExit(3)\nRECIPES =", "SystemExit: 3"),
    "a loss without terms": ('objective="bce"', 'objective="mine", loss=lambda o, b: 1', "its loss gives no terms"),
    "a loss with a name of ours": ('"bce"', '"bce", loss=lambda o, b: {}', "'bce' is an objective of the zoo"),
    "a loss that fails": ('"bce"', '"m", loss=lambda o, b: o.nothing', "its loss cannot be computed: AttributeError"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "sentence"), CHANGES.values(), ids=CHANGES.keys())
def test_a_mistake_in_a_file_is_one_sentence(old: str, new: str, sentence: str, tmp_path: Path) -> None:
    assert old in GOOD
    (tmp_path / "mine.py").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(UsageError, match=sentence) as error:
        registry.match([f"{tmp_path}/mine.py:*"])
    assert "\n" not in str(error.value) and "Traceback" not in str(error.value)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none.py cannot be read \(no such file or directory\)"):
        registry.match([f"{tmp_path}/none.py:small"])
    (tmp_path / "mine.py").write_text(GOOD)
    with pytest.raises(UsageError, match=r"mine.py has no recipe 'large'; there is small"):
        registry.match([f"{tmp_path}/mine.py:large"])


def test_a_loss_of_ones_own_and_a_function_alone_are_taken(tmp_path: Path) -> None:
    text = GOOD.replace('objective="bce"', 'objective="absolute", loss=absolute')
    text = re.sub(r"@network\(.*\)\n", "", text).replace(
        "RECIPES", "def absolute(o, b):\n    return {'l1': (o.reconstruction - b.target).abs().mean()}\n\nRECIPES", 1
    )
    (tmp_path / "mine.py").write_text(text)
    (recipe,) = registry.match([f"{tmp_path}/mine.py:small"])
    assert recipe.objective == "absolute" and recipe.loss is not None and recipe.network.summary == "small"


@pytest.mark.slow
def test_a_file_that_never_ends_is_named_and_ctrl_c_stops_it(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("while True:\n    pass\n")
    command = [sys.executable, "-m", "zoo.cli", "train", "mine.py:small"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "mine.py is still being run; Ctrl-C stops" in process.stderr.readline()
        process.send_signal(2)
        assert "stopped before the first epoch" in process.stderr.read()
    assert process.returncode == 130


def test_an_installed_package_brings_its_recipes_and_a_broken_one_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "their_networks.py").write_text(GOOD)
    (tmp_path / "their_mistake.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(str(tmp_path))
    points = [EntryPoint(each, each, recipe_files.GROUP) for each in ("their_networks", "their_mistake")]
    monkeypatch.setattr(recipe_files, "entry_points", lambda group: points)
    (recipe,) = recipe_files.of_packages()
    assert recipe.name == "their_networks/small" and recipe.network.parameters == 3_795
    assert "the recipes of their_mistake are left out: ZeroDivisionError" in capsys.readouterr().err
