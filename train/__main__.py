"""`aezoo train`: train recipes one after the other, measure them, export them. Torch is imported once all is clear."""

import os
import secrets
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

import typer

from train.distributed import torchrun
from train.interrupts import watch
from train.options import Options, with_options
from train.pictures import on_pictures
from zoo import registry, variants
from zoo.cli import Json, Names, Quiet, new_app, run
from zoo.data import own
from zoo.errors import Interrupted, UsageError
from zoo.recipe import Recipe

app = new_app("Train recipes; each run is exported and verified at its end.")


def _use_set(option: typer.CallbackParam, value: str | None) -> None:
    if value is not None:
        key = option.name
        raise UsageError(f"a recipe's {key} is changed with `--set {key}={value}`, which names the run after it")


@app.command()
@with_options
def main(
    names: Names,
    options: Options,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=V1,V2,…", help="A run for every value (seed=0..4 is a range); several make a grid."
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    learning_rate: Annotated[
        str | None, typer.Option("--lr", "--learning-rate", hidden=True, callback=_use_set)
    ] = None,
    batch_size: Annotated[str | None, typer.Option("--batch-size", hidden=True, callback=_use_set)] = None,
) -> None:
    """Train recipes: `aezoo train purdue/conv --data sample`, `aezoo train 'purdue/*' --epochs 20`."""
    with torchrun.errors_once_a_machine(), watch(repeated=torchrun.is_launched()) as interrupt:
        options.check()
        options = _of_this_command(options)
        with interrupt.at_once("stopped before the first epoch"):
            named = registry.match(names)
            options = replace(options, files=registry.files())
            recipes = on_pictures(named, options, show=not quiet and os.environ.get("LOCAL_RANK", "0") == "0")
        wanted = _varied(recipes, settings or [], options)
        line = options.resume_line(*(recipe.name for recipe in wanted))
        with interrupt.at_once(f"stopped before the first epoch. Resume with: {line}"):
            train_all = _load_torch()
        try:
            code = train_all(wanted, options, interrupt, as_json=as_json, quiet=quiet)
        except KeyboardInterrupt:
            sentence = f"stopped at once; every finished epoch is saved. Resume with: {line}"
            raise Interrupted(sentence, received=interrupt.received or signal.SIGINT) from None
    sys.exit(code)


def _load_torch() -> Callable[..., int]:
    from train import command

    return command.train_in_team if torchrun.is_launched() else command.train_all


def _of_this_command(options: Options) -> Options:
    """Return the options with what tells this command from others, and what torchrun makes of them."""
    if options.images is not None:
        options = replace(options, images=str(own.absolute(options.images)))
    if not torchrun.is_launched():
        replaced = options.cluster is not None or (options.jobs or 1) > 1  # where a process of this command may be
        return replace(options, sweep=secrets.token_hex(8), resumes_own=replaced)
    if options.jobs or options.cluster:
        raise UsageError("torchrun trains one recipe in several processes; leave --jobs and --cluster out")
    return replace(
        options,
        launcher=torchrun.launcher(),
        sweep=torchrun.name_of_command(),
        resumes_own=torchrun.is_restarted(),
        probe=False,
    )


def _varied(recipes: list[Recipe], settings: list[str], options: Options) -> list[Recipe]:
    """Return every recipe in every combination of the settings that `--set` asks for."""
    if not settings:
        return recipes
    combinations = variants.grid(settings)
    if options.epochs is not None and "epochs" in combinations[0]:
        raise UsageError("--epochs and --set epochs=… say the same thing; give one of them")
    return [variants.vary(recipe, combination) for recipe in recipes for combination in combinations]


if __name__ == "__main__":
    run(app, sys.argv[1:], name="python -m train")
