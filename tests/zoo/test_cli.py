"""The front door: every verb has its help, every mistake its sentence and exit code, `--json` its one document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zoo import cli, registry

Capture = pytest.CaptureFixture[str]


def aezoo(capsys: Capture, *words: str | Path) -> tuple[int, str, str]:
    """Run a verb in this process; return exit code, stdout, stderr."""
    with pytest.raises(SystemExit) as ended:
        cli.main([str(word) for word in words])
    captured = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, captured.out, captured.err


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_help(capsys: Capture, verb: str) -> None:
    code, out, _ = aezoo(capsys, verb, "--help")
    assert code == 0
    assert f"aezoo {verb}" in out


def test_help_names_every_verb_and_a_bare_call_shows_it(capsys: Capture) -> None:
    code, out, _ = aezoo(capsys, "--help")
    assert code == 0
    assert all(f"  {verb} " in out for verb in cli.VERBS)
    assert aezoo(capsys)[:2] == (2, out)


def test_a_mistyped_verb_is_told_the_nearest(capsys: Capture) -> None:
    code, out, err = aezoo(capsys, "trian")
    assert (code, out) == (2, "")
    assert err == "aezoo: no verb 'trian'; did you mean 'train'? (`aezoo --help` shows all)\n"


def test_list_shows_every_recipe(capsys: Capture) -> None:
    code, out, _ = aezoo(capsys, "list")
    assert code == 0
    for recipe in registry.recipes().values():
        assert recipe.name in out
    assert "829,284" in out
    assert "8×7×7" in out


def test_list_as_json_is_one_list_with_the_promised_keys(capsys: Capture) -> None:
    code, out, err = aezoo(capsys, "list", "--json")
    rows = json.loads(out)
    assert (code, err) == (0, "")
    assert [row["name"] for row in rows] == list(registry.names())
    for row in rows:
        assert list(row) == ["name", "assignment", "dataset", "objective", "parameters", "bottleneck", "epochs"]
        assert all(isinstance(size, int) for size in row["bottleneck"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("train", "purdue/cnov"), "no recipe 'purdue/cnov'; did you mean 'purdue/conv'?"),
        (("train", "purdue/conv", "--data", "/nowhere"), "--data names '/nowhere', which is no folder"),
        (("train", "purdue/conv", "--device", "tpu"), "--device 'tpu' is none of auto, cpu, cuda"),
        (("train", "purdue/conv", "--resume", "--overwrite"), "give one of them"),
        (("export", "purdue/conv", "--runs", "/nowhere"), "nothing was trained there; train it with `aezoo train`"),
        (("verify", "purdue/conv", "--runs", "/nowhere"), "no run of purdue/conv in /nowhere; train it"),
        (("verify", "absent.onnx"), "no file absent.onnx"),
        (("data", "fetch", "cifar"), "no data set 'cifar'; there is mnist"),
        (("data", "fetch", "--data", "sample"), "--data sample is embedded"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(capsys: Capture, words: tuple[str, ...], sentence: str) -> None:
    code, out, err = aezoo(capsys, *words)
    assert (code, out) == (2, "")
    assert err.startswith("aezoo: ")
    assert sentence in err
    assert len(err.splitlines()) == 1


def test_cuda_where_there_is_none_is_one_sentence(capsys: Capture) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    code, out, err = aezoo(capsys, "train", "purdue/conv", "--data", "sample", "--device", "cuda")
    assert (code, out) == (2, "")
    assert "--device cuda: torch" in err
    assert "use --device cpu or auto" in err


def test_an_unknown_option_exits_with_2(capsys: Capture) -> None:
    assert aezoo(capsys, "train", "purdue/conv", "--epoks", "3")[0] == 2


def test_data_status_knows_the_sample_and_an_empty_folder(capsys: Capture, tmp_path: Path) -> None:
    code, out, _ = aezoo(capsys, "data", "status", "--data", tmp_path)
    assert code == 0
    assert f"in {tmp_path}: not there" in out
    assert f"next: aezoo data fetch mnist --data {tmp_path}" in out
    code, out, _ = aezoo(capsys, "data", "status", "--data", "sample", "--json")
    assert [row["state"] for row in json.loads(out)] == ["sound"]


def test_doctor_says_what_is_here_and_which_provider_a_session_gets(capsys: Capture, tmp_path: Path) -> None:
    code, out, _ = aezoo(capsys, "doctor", "--json", "--runs", tmp_path)
    report = json.loads(out)
    found = {finding["what"]: finding["found"] for finding in report["findings"]}
    assert code == 0, report
    assert report["sound"]
    assert found["viewing on"].startswith(("CPU (", "CUDA"))
    assert {
        "python",
        "torch",
        "onnx",
        "h5py",
        "PySide6-Essentials",
        "training on",
        "data mnist",
        "runs",
    } <= found.keys()
