"""What a name means: a file, a folder of runs or bundles, or runs by recipe, own ones or pretrained."""

from pathlib import Path

from zoo import pretrained, registry, variants
from zoo.errors import RunError, UsageError
from zoo.runs import RunFolder, find_runs, loose_graphs


def expand(targets: list[str], runs: Path) -> list[RunFolder | Path]:
    """Return the runs and files that are named: a path that is there, else runs by name, own ones or pretrained."""
    found: list[RunFolder | Path] = []
    for target in targets:
        path = Path(target)
        if path.is_dir():
            inside: list[RunFolder | Path] = [*find_runs(path), *loose_graphs(path)]
            if not inside:
                raise RunError(
                    f"no run in {target}: no history.h5 and no .onnx file in it; train one with `aezoo train`"
                )
            found += inside
        elif path.suffix.lower() == ".onnx" or path.is_file():
            if not path.is_file():
                raise UsageError(f"no file {target}; name an .onnx file, a run folder or a recipe")
            found.append(path)
        else:
            try:
                names = [recipe.name for recipe in registry.match_runs([target], runs)]
            except UsageError as error:
                raise UsageError(f"no file or folder {target!r}, and {error}{_hint([target], runs)}") from error
            named = pretrained.first_with(names, runs)
            if not named:
                hint = _hint(names, runs)
                raise RunError(f"no run of {target} in {runs}{hint}; train it with `aezoo train {target}`")
            found += named
    return found


def _hint(names: list[str], runs: Path) -> str:
    """Name the runs of these recipes that have other settings, or that a recipe without its assignment may mean."""
    there = [run.path.relative_to(runs).as_posix() for run in find_runs(runs)]
    recipes = {name: name.split(variants.MARK)[0] for name in there}
    meant = [name for name, recipe in recipes.items() if recipe in names or recipe.split("/")[-1] in names]
    return f"; there is {', '.join(meant[:3])}" if meant else ""


def one(target: str, runs: Path) -> RunFolder | Path:
    """Return the one run or file that is named. Raises UsageError for several, and what `expand` raises."""
    found = expand([target], runs)
    if len(found) > 1:
        raise UsageError(f"{target} names {len(found)} models; name one of them")
    return found[0]
