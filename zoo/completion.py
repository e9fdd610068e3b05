"""Tab completion of verbs, options, recipes and runs: typer's own machinery over the table of verbs.

The shell calls `aezoo` with the variable `_AEZOO_COMPLETE` set. A verb's module is loaded only once its options are
wanted, and none of them loads torch for that.
"""

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from zoo import cli


class Verbs(TyperGroup):
    """All verbs that begin with `prefix`, as one command."""

    prefix = ""

    def list_commands(self, ctx: Any) -> list[str]:
        rests = (name.removeprefix(self.prefix) for name in cli.VERBS if name.startswith(self.prefix))
        return list(dict.fromkeys(rest.split()[0] for rest in rests))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the name and its help, which is all that is shown of a verb that is still being typed."""
        verb = cli.VERBS.get(self.prefix + cmd_name)
        return TyperCommand(cmd_name, help=verb.help if verb else "") if cmd_name in self.list_commands(ctx) else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the verb itself, with its options and arguments."""
        name, rest = args[0], args[1:]
        verb = cli.VERBS.get(self.prefix + name)
        if verb is not None:
            return name, typer.main.get_command(cli.load(verb)), rest
        if name not in self.list_commands(ctx):
            return super().resolve_command(ctx, args)
        group = Verbs(name=name)
        group.prefix = f"{self.prefix}{name} "
        return name, group, rest


app = typer.Typer(cls=Verbs, add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback()
def _verbs() -> None:
    """Complete what is typed."""
