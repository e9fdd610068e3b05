"""The command `aezoo train`: what is wrong is said before torch is loaded, and every stop says what goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.zoo.test_cli import aezoo
from train import __main__, command, one
from train.distributed import jobs, torchrun
from train.distributed.team import Team
from train.interrupts import Interrupt, watch
from train.measure.run import RunMeasurement
from train.options import Options, share_of_cores
from train.progress import Progress
from zoo import checkpoints, pretrained, registry
from zoo.errors import DataError, Interrupted, UsageError
from zoo.recipe import Recipe
from zoo.runs import RunFolder

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
FRESH = """
import sys
from zoo.cli import main
try:
    main(sys.argv[1:])
except SystemExit as ending:
    print(ending.code, "torch" in sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("train --help", 0, ""),
        ("bench train --help", 0, ""),
        ("bench train hesso/denoise-0.5", 2, "the benchmark has no 'hesso/denoise-0.5' for Keras"),
        ("train purdue/cnov", 2, "did you mean 'purdue/conv'?"),
        ("train purdue/conv --sed 1", 2, "No such option"),
        ("train purdue/conv --set rate=1", 2, "no setting 'rate'"),
        ("train purdue/conv --precision fp8", 2, "--precision 'fp8' is none of auto, fp32, bf16"),
        ("train purdue/conv --resume --overwrite", 2, "give one of them"),
        ("train purdue/conv --lr 0.01", 2, "`--set learning_rate=0.01`"),
        ("train purdue/conv --batch-size=64", 2, "`--set batch_size=64`"),
    ],
)
def test_help_and_what_is_wrong_are_said_without_loading_torch(words: str, code: int, sentence: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", FRESH, *words.split()], capture_output=True, text=True, env=environment
    )
    *said, last = done.stderr.splitlines()
    ended, torch = last.split()
    assert (int(ended), torch) == (code, "False"), done.stderr
    assert sentence in "".join(said) and len(said) == (1 if code else 0)


def test_the_options_of_the_command_are_the_fields_of_options(capsys: Capture) -> None:
    code, out, _ = aezoo(capsys, "train", "--help")
    assert code == 0
    for option in ("--data", "--runs", "--seed", "--epochs", "--no-export", "--no-probe", "--jobs", "--set", "--json"):
        assert option in out, option
    assert "launcher" not in out and "sweep" not in out
    assert (Options().precision, Options().export, Options().probe) == ("auto", True, True)
    assert (Options().runs, Options().device, Options().resumes_own) == (Path("runs"), "auto", True)


@pytest.mark.parametrize(
    ("option", "value"), [("--epochs", "0"), ("--seed", "-1"), ("--jobs", "0"), ("-j", "257"), ("--gpus", "-0.5")]
)
def test_a_number_that_no_training_can_have_is_refused(option: str, value: str, capsys: Capture) -> None:
    code, _, err = aezoo(capsys, "train", "purdue/conv", option, value)
    assert code == 2 and err.startswith("aezoo: Invalid value for ") and f"'{option}'" in err


def test_resuming_where_there_is_no_run_is_said(tmp_path: Path, capsys: Capture) -> None:
    words = ("train", "purdue/dense", "--quick", "--data", "sample", "--no-export", "--resume", "--runs", str(tmp_path))
    code, _, err = aezoo(capsys, *words, "--quiet")
    assert code == 0
    assert f"there is nothing to resume in {tmp_path / 'purdue' / 'dense'}; the training begins at the start" in err


def test_resuming_on_other_data_names_both(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("train", "purdue/dense", "--quick", "--data", "sample", "--no-export", "--runs", str(tmp_path))
    assert aezoo(capsys, *words)[0] == 0
    splits = one.splits_of(registry.load("purdue/dense"), Options(data="sample"))
    fewer = type(splits)(train=splits.train.take(slice(0, 500)), test=splits.test)
    monkeypatch.setattr(command, "splits_of", lambda recipe, options: fewer)
    code, _, err = aezoo(capsys, *words, "--resume")
    assert code == 2
    assert f"another data set: before {len(splits.train):,} images of mnist-sample (" in err
    assert "), now 500 images of mnist-sample (" in err and splits.train.provenance in err


def test_a_loss_that_is_not_finite_fails_even_quickly_and_advises_a_smaller_rate(
    tmp_path: Path, capsys: Capture
) -> None:
    name = "freiburg/lr-0.01@learning_rate=1000000000"
    words = ("train", name, "--quick", "--epochs", "3", "--data", "sample", "--runs", str(tmp_path))
    code, out, _ = aezoo(capsys, *words)
    assert code == 1
    assert "FAILED: its loss is not finite, so nothing is exported; try --set learning_rate=1e+08" in out
    assert RunFolder.of(tmp_path, name).read_history().meta["state"] == "failed"
    assert not list(tmp_path.rglob("*.onnx"))


# ---- signals -------------------------------------------------------------------------------------------------


def interrupted(number: signal.Signals) -> Callable[..., Any]:
    """Return what takes a long function's place: a signal arrives while it works, for half a minute at most."""

    def work(*arguments: object, **_: object) -> None:
        os.kill(os.getpid(), number)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            time.sleep(0.01)
            if arguments and isinstance(arguments[0], RunMeasurement):
                arguments[0].check_stop()
        raise AssertionError("the signal was not acted on")

    return work


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
@pytest.mark.parametrize(
    ("module", "name", "when"),
    [
        ("train.__main__", "_load_torch", "stopped before the first epoch"),
        ("train.command", "checkpoint_to_resume", "stopped before the first epoch"),
        ("train.one", "load_dependencies", "stopped before purdue/dense"),
        ("train.loop", "RunMeasurement.measure", "stopped while it was measured"),
        ("export.publish", "publish", "stopped before its graphs"),
    ],
)
def test_a_signal_in_any_phase_is_acknowledged_acted_on_and_says_what_goes_on(
    module: str,
    name: str,
    when: str,
    number: signal.Signals,
    tmp_path: Path,
    capfd: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"{module}.{name}", interrupted(number))
    words = ("train", "purdue/dense", "--quick", "--data", "sample", "--runs", str(tmp_path))
    code, _, err = aezoo(capfd, *words)
    assert code == 128 + number
    assert err.index("aezoo: stopping") < err.index(when)
    assert f"aezoo train purdue/dense --resume --data sample --quick --runs {tmp_path}" in err
    monkeypatch.undo()
    assert aezoo(capfd, *words, "--resume")[0] == 0
    assert (tmp_path / "purdue" / "dense" / "model.onnx").is_file()


def test_the_signal_is_acknowledged_before_the_step_ends(capfd: Capture) -> None:
    with watch() as interrupt:
        os.kill(os.getpid(), signal.SIGTERM)
        assert "aezoo: stopping" in capfd.readouterr().err
        with pytest.raises(Interrupted, match="all was said"), interrupt.at_once("all was said"):
            raise AssertionError("a signal of before ends the block at its beginning")


def test_signals_that_torchrun_repeats_wait_for_the_step_and_one_process_acknowledges_them(
    capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    for rank, said in (("0", 1), ("1", 0)):
        monkeypatch.setenv("LOCAL_RANK", rank)
        with watch(repeated=True) as interrupt:
            try:
                for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
                    os.kill(os.getpid(), number)
            except KeyboardInterrupt:
                pytest.fail("a repeated signal acted at once")
        assert interrupt.received == signal.SIGINT, "the exit code is that of the first"
        assert capfd.readouterr().err.count("aezoo: stopping; another Ctrl-C stops at once") == said
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_after_a_block_that_a_signal_ends_signals_are_remembered_again_and_other_ends_stay_what_they_are() -> None:
    interrupt = Interrupt()
    with interrupt.at_once("nothing came"):
        pass
    try:
        interrupt.receive(signal.SIGTERM, None)
    except KeyboardInterrupt:
        pytest.fail("a signal after the block acted at once")
    assert interrupt.received == signal.SIGTERM
    other = Interrupt()
    with pytest.raises(KeyboardInterrupt), other.at_once("no signal of ours"):
        raise KeyboardInterrupt


# ---- options -------------------------------------------------------------------------------------------------


def test_a_quick_training_takes_two_epochs_of_ten_batches_and_a_thousand_images() -> None:
    conv, vae, quick, whole = (
        registry.load("purdue/conv"),
        registry.load("hesso/vae-2-10"),
        Options(quick=True),
        Options(),
    )
    assert (quick.epochs_of(conv), replace(quick, epochs=7).epochs_of(conv)) == (2, 7)
    assert (whole.epochs_of(conv), replace(whole, epochs=1).epochs_of(conv)) == (150, 1)
    assert [quick.steps_of(conv, images) for images in (1, 128, 129, 1_280, 60_000)] == [1, 1, 2, 10, 10]
    assert (quick.steps_of(vae, 10), whole.steps_of(vae, 10), whole.steps_of(conv, 60_000)) == (10, 187, None)
    short = replace(vae, schedule=replace(vae.schedule, steps=3))
    assert quick.steps_of(short, 60_000) == 3
    assert [quick.images_measured(images) for images in (999, 1_000, 1_001)] == [999, 1_000, 1_000]
    assert whole.images_measured(60_000) == 60_000


def test_a_seed_in_a_variants_name_comes_before_the_commands() -> None:
    own, plain = registry.load("purdue/conv@seed=0"), registry.load("purdue/conv")
    assert (Options(seed=5).seed_of(own), Options(seed=5).seed_of(plain), Options().seed_of(plain)) == (0, 5, 0)


def test_the_clock_chooses_only_where_equal_bits_were_not_asked_for() -> None:
    assert Options().wants_probe and Options(precision="bf16").wants_probe
    assert not any(each.wants_probe for each in (Options(probe=False), Options(precision="fp32"), Options(quick=True)))


def test_each_of_several_processes_has_its_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert [share_of_cores(jobs) for jobs in (1, 2, 3, 8, 9)] == [8, 4, 2, 1, 1]
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert share_of_cores(1) == 1


def test_the_line_that_resumes_repeats_what_was_asked_for_and_nothing_else(tmp_path: Path) -> None:
    given = Options(data="my data", epochs=3, seed=1, precision="bf16", probe=False, jobs=2, cluster="ray", gpus=0.5)
    more = replace(
        given, quick=True, verbose=True, device="cpu", runs=Path("r"), export=False, overwrite=True, sweep="x"
    )
    assert replace(more, after=("b/c",)).resume_line("a/b") == (
        "aezoo train a/b b/c --resume --data 'my data' --epochs 3 --seed 1 --precision bf16 --no-probe --jobs 2 "
        "--cluster ray --gpus 0.5 --quick --verbose --device cpu --runs r --no-export"
    )
    assert Options(resume=True, resumes_own=False).resume_line() == "aezoo train --resume"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (Options(resume=True, overwrite=True), "give one of them"),
        (Options(precision="fp16"), "--precision 'fp16' is none of auto, fp32, bf16"),
        (Options(cluster="slurm"), "--cluster 'slurm' is not known; there is ray"),
        (Options(gpus=0.0), "--gpus is a share on a cluster"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: Options, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        options.check()
    Options(cluster="ray", gpus=0.5, data="sample").check()


def test_folders_that_hold_no_data_or_runs_of_ours_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="which is no folder; name one that holds the data sets, or 'sample'"):
        Options(data=str(tmp_path / "absent")).check()
    with pytest.raises(UsageError, match="--runs pretrained holds the models that came with aezoo"):
        Options(runs=pretrained.FOLDER).check()


# ---- torchrun ------------------------------------------------------------------------------------------------


def test_what_torchrun_says_in_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TORCHELASTIC_RUN_ID", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RESTART_COUNT"):
        monkeypatch.delenv(name, raising=False)
    assert not torchrun.is_launched() and not torchrun.is_restarted()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "a")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert not torchrun.is_launched(), "one process alone is no team"
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert torchrun.is_launched()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert torchrun.launcher() == ("torchrun", "--nproc-per-node=2", "-m", "train")
    for count, restarted in (("0", False), ("1", True)):
        monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", count)
        assert torchrun.is_restarted() == restarted
    own = torchrun.name_of_command()
    assert own == torchrun.name_of_command() and own.startswith(f"torchrun-a-{os.getppid()}-")
    monkeypatch.setattr(os, "getppid", os.getpid)
    assert torchrun.name_of_command() != own
    fields = " ".join(f"field{number}" for number in range(3, 53))  # as Linux numbers them: 22 is when it was started
    monkeypatch.setattr(Path, "read_text", lambda path: "boot\n" if path.name == "boot_id" else f"1 (a (b) c) {fields}")
    assert torchrun.name_of_command() == f"torchrun-a-{os.getpid()}-boot-field22", "a number is given again"


def test_a_command_has_a_name_of_its_own_and_takes_up_what_it_began_only_where_a_process_may_be_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torchrun, "is_launched", lambda: False)
    commands = [__main__._of_this_command(each) for each in (Options(), Options(jobs=1), Options(jobs=2))]
    assert [each.resumes_own for each in commands] == [False, False, True]
    assert __main__._of_this_command(Options(cluster="ray")).resumes_own
    assert len({each.sweep for each in commands}) == 3 and all(each.sweep for each in commands)
    monkeypatch.setattr(torchrun, "is_launched", lambda: True)
    monkeypatch.setattr(torchrun, "launcher", lambda: ("torchrun",))
    monkeypatch.setattr(torchrun, "is_restarted", lambda: False)
    launched = __main__._of_this_command(Options())
    assert (launched.launcher, launched.probe, launched.resumes_own) == (("torchrun",), False, False)
    for each in (Options(jobs=2), Options(cluster="ray")):
        with pytest.raises(UsageError, match="leave --jobs and --cluster out"):
            __main__._of_this_command(each)


# ---- several recipes -----------------------------------------------------------------------------------------


def test_what_is_only_needed_by_others_keeps_its_own_schedule_and_is_not_begun_anew(tmp_path: Path) -> None:
    need, options = registry.load("hesso/classifier"), Options(epochs=3, overwrite=True, runs=tmp_path)
    asked = command._options_of(need, options, ["hesso/classifier"])
    assert (asked.epochs, asked.overwrite, asked.resume) == (3, True, False)
    fresh = command._options_of(need, options, ["hesso/vae-2-10"])
    assert (fresh.epochs, fresh.overwrite, fresh.resume) == (None, False, False)
    run = RunFolder.of(tmp_path, need.name)
    checkpoints.commit(run, epoch=1, val_loss=1.0, facts={"sweep": "own"}, files={"state.pt": b""})
    assert command._options_of(need, options, ["hesso/vae-2-10"]).resume
    for sweep, resumes_own, resumed in (("own", True, True), ("own", False, False), ("other", True, False)):
        own = command._options_of(need, replace(options, sweep=sweep, resumes_own=resumes_own), [need.name])
        assert (own.resume, own.overwrite) == (resumed, not resumed)


def test_a_stop_of_several_names_those_that_are_left(tmp_path: Path) -> None:
    recipes = [registry.load(name) for name in ("purdue/dense", "purdue/conv")]
    ended, interrupt = [one.Outcome("purdue/dense", report={}), one.Outcome("purdue/conv", error="no")], Interrupt()
    command._raise_where_stopped(recipes, ended, Options(), interrupt)
    interrupt.received = signal.SIGTERM
    with pytest.raises(Interrupted, match=r"Resume with: aezoo train purdue/conv --resume$") as caught:
        command._raise_where_stopped(recipes, ended, Options(), interrupt)
    assert caught.value.exit_code == 143
    command._raise_where_stopped(recipes[:1], ended, Options(), interrupt)


def test_a_command_of_which_one_training_failed_goes_on_and_ends_with_1(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = [registry.load(name) for name in ("purdue/dense", "purdue/conv", "purdue/denoise")]
    good, failed = ({"state": state, "name": state} for state in ("quick", "failed"))
    outcomes = [
        one.Outcome("purdue/dense", report=failed, text="the first"),
        one.Outcome("purdue/conv", error="it is lost"),
    ]
    outcomes.append(one.Outcome("purdue/denoise", report=good, text="the last"))
    monkeypatch.setattr(command, "_outcomes", lambda *_: iter(outcomes))
    monkeypatch.setattr(command, "_check_all", lambda *_: None)
    code = command.train_all(recipes, Options(runs=tmp_path), Interrupt(), as_json=False, quiet=True)
    said = capsys.readouterr()
    assert (code, said.out) == (1, "the first\nthe last\npurdue/dense, purdue/conv FAILED, see above\n")
    assert said.err == "aezoo: warning: it is lost\n"
    monkeypatch.setattr(command, "_outcomes", lambda *_: iter(outcomes[2:]))
    assert command.train_all(recipes[2:], Options(runs=tmp_path), Interrupt(), as_json=False, quiet=True) == 0
    assert capsys.readouterr().out == f"the last\nnext: aezoo view {tmp_path}\n"
    monkeypatch.setattr(command, "_outcomes", lambda *_: iter(outcomes))
    assert command.train_all(recipes, Options(runs=tmp_path), Interrupt(), as_json=True, quiet=True) == 1
    assert capsys.readouterr().out.count('"state"') == 2, "one document, of what was finished"


def test_trainings_go_one_by_one_unless_several_jobs_or_a_cluster_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipes = [registry.load(name) for name in ("purdue/dense", "purdue/conv", "purdue/denoise")]
    each = {recipe.name: Options(seed=number) for number, recipe in enumerate(recipes)}
    team, asked = Team(0, 2), list[tuple[Any, ...]]()

    def train_here(recipe: Recipe, options: Options, *_: object) -> str:
        asked.append((recipe.name, options.seed, options.after, _[-1]))
        return recipe.name

    def train_several(*arguments: Any) -> Any:
        asked.append(arguments[:3])
        return iter(["several"])

    monkeypatch.setattr(command, "train_one", train_here)
    monkeypatch.setattr(jobs, "train_all", train_several)

    def outcomes(options: Options) -> list[Any]:
        asked.clear()
        return list(command._outcomes(recipes, each, options, Interrupt(), Progress(quiet=True), team))

    for options in (Options(), Options(jobs=1)):
        assert outcomes(options) == [recipe.name for recipe in recipes]
        assert asked == [
            ("purdue/dense", 0, ("purdue/conv", "purdue/denoise"), team),
            ("purdue/conv", 1, ("purdue/denoise",), team),
            ("purdue/denoise", 2, (), team),
        ]
    assert outcomes(Options(jobs=2)) == ["several"] and asked == [(recipes, each, 2)]


def test_what_would_stop_the_last_training_is_said_before_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = [registry.load(name) for name in ("maastricht/base", "letters/random", "purdue/conv", "purdue/dense")]
    options = Options(runs=tmp_path, device="cpu", data="sample")
    each = {recipe.name: options for recipe in recipes}
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr("train.command.sets.obtain", lambda name, data: asked.append(("obtain", name, data)))
    monkeypatch.setattr(command, "splits_of", lambda recipe, options: (recipe.data.name, options.data))
    monkeypatch.setattr("train.command.dependencies.check", lambda *_: asked.append(("needs",)))
    monkeypatch.setattr(command, "refuse_to_lose", lambda run, given: asked.append(("run", run.path.name)))
    monkeypatch.setattr(
        command, "checkpoint_to_resume", lambda recipe, splits, given, needs: asked.append((recipe.name, splits, needs))
    )
    command._check_all(recipes, each, options, None)
    assert asked == [
        *(("run", name) for name in ("base", "random", "conv", "dense")),
        ("needs",),
        *(("obtain", name, "sample") for name in dict.fromkeys(name for each in recipes for name in each.data_sets)),
        ("maastricht/base", ("cifar10", "sample"), None),
        ("letters/random", ("cyrillic", "sample"), None),
        ("purdue/conv", ("mnist", "sample"), None),
        ("purdue/dense", ("mnist", "sample"), None),
    ], "each data set is fetched once, and read once"
    with pytest.raises(UsageError, match="letters/random normalises over the batch"):
        command._check_all(recipes, each, options, Team(0, 2))
    chosen: list[str] = []
    monkeypatch.setattr("train.command.devices.choose", chosen.append)
    for device, cluster in (("cuda", "ray"), ("auto", "ray"), ("cpu", "ray"), ("cuda", None)):
        command._check_all([], {}, replace(options, device=device, cluster=cluster), None)
    assert chosen == ["cpu", "cuda"], "a cluster may have the GPU that this machine lacks"


def test_of_a_team_the_first_process_trains_and_the_others_help_with_each_recipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    helped: list[tuple[Any, ...]] = []

    class Member(Team):
        def receive(self) -> list[str]:
            return ["purdue/dense", "purdue/conv"]

    first, second = Member(0, 2), Member(1, 2)
    options = Options(device="cpu")
    monkeypatch.setattr(command, "help_train", lambda recipe, *rest: helped.append((recipe.name, *rest)))
    monkeypatch.setattr(command, "train_all", lambda wanted, *_, joined, **more: 7 if joined is first else None)
    for member, code in ((first, 7), (second, 0)):
        monkeypatch.setattr("train.command.team.joined", lambda device, member=member: nullcontext(member))
        assert command.train_in_team([], options, Interrupt(), as_json=False, quiet=True) == code
    assert helped == [(name, options, second) for name in ("purdue/dense", "purdue/conv")]
