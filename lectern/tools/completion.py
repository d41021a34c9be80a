"""Print the script by which a shell completes `lectern` and its options."""

import click
from click.shell_completion import get_completion_class

from lectern.tools.terminal import Command


@click.command(
    "completion",
    cls=Command,
    examples=(
        """echo 'eval "$(lectern completion bash)"' >> ~/.bashrc""",
        """echo 'eval "$(lectern completion zsh)"' >> ~/.zshrc""",
        "lectern completion fish > ~/.config/fish/completions/lectern.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), help="The shell to write for.")
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that completes commands in a shell.

    The script asks `lectern` itself, so it needs the environment in which `lectern` is found
    (`source .venv/bin/activate`).
    """
    complete = get_completion_class(shell)
    assert complete is not None
    print(complete(context.find_root().command, {}, "lectern", "_LECTERN_COMPLETE").source())
