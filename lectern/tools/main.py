"""The command line: `lectern COMMAND ...`, or `python -m lectern COMMAND ...`.

Each command is the object `command` of a module beside this one, which is imported only when it is called: the list of
commands and the shell's completion need none of them.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from lectern.core.errors import LecternError
from lectern.core.printing import indent
from lectern.tools.terminal import InterruptionError, write_examples

SUBJECTS = {
    "Running": {
        "run": "Bring everything up to date with params.yaml, and tell what came out",
        "verify": "Rebuild a revision from nothing elsewhere, and compare every output with the committed one",
        "times": "Tell what the last run of each stage took",
    },
    "Configuration": {
        "params": "Compose conf/ into params.yaml, as `dvc exp run` does it",
        "check": "Look whether everything is here that the configuration needs",
        "pin": "Write the newest commit of each base model into its file",
        "search": "Let Optuna propose values, each trial a DVC experiment",
        "seeds": "Train again with other seeds, and measure how far figures differ by chance",
        "curve": "Train on fewer items, and tell what more items would change",
    },
    "Sources": {
        "update": "Ask playlists, channels and feeds what is new, and crawl web sites",
        "voices": "Give voices a name, so that they are recognised in other recordings",
    },
    "Looking at data and results": {
        "trace": "Tell where a row comes from and what was decided about it",
        "show-row": "Show a training row as the model reads it",
        "compare": "Compare two revisions as Markdown and as a page",
        "plots": "Draw the curves and scores of revisions on one page",
    },
    "People": {
        "review": "Review speakers, rows and answers in the browser",
        "chat": "Talk to the base and the tuned model side by side in the browser",
    },
    "Publishing": {
        "export": "Write the tuned model in the forms that others load",
        "serve": "Serve the tuned model with OpenAI's chat API",
        "push": "Publish the exported model and the data set on the Hugging Face hub",
    },
    "Housekeeping": {
        "clean": "Remove every output and cache of the pipeline",
        "completion": "Print the script that completes commands in a shell",
    },
}
"""Subject -> command -> what it does. The first sentence of the command's own help is the same (a test holds it)."""
SUMMARIES = {name: summary for commands in SUBJECTS.values() for name, summary in commands.items()}
WRONG_USAGE = 2
EXAMPLES = ("lectern params recipe=smoke && make run", "lectern trace --help")
INTERRUPTED = 130
"""As shells report a process that SIGINT ended."""


class Commands(click.Group):
    """The commands by subject, each imported when it is called, with one style of error for all."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the help."""
        return list(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; None where there is none."""
        if cmd_name not in SUMMARIES:
            return None
        command: click.Command = import_module(f"lectern.tools.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, which knows names to propose only where all commands are loaded."""
        if args[0] not in SUMMARIES and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=list(SUMMARIES))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A section for each subject."""
        width = max(map(len, SUMMARIES))
        for subject, commands in SUBJECTS.items():
            with formatter.section(subject):
                formatter.write_dl([(name.ljust(width), summary) for name, summary in commands.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """How one begins."""
        write_examples(EXAMPLES, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names that begin so, without importing their modules."""
        found = [
            CompletionItem(name, help=summary)
            for name, summary in SUMMARIES.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. What is expected to go wrong becomes one line and an exit status."""
        try:
            return super().invoke(ctx)
        except LecternError as error:
            _fail(ctx, f"error: {error}", 1)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] in ("lectern", "stages"):
                raise
            _fail(
                ctx,
                f"error: the package {error.name!r} is not installed. `make setup` installs what most need, "
                "`make extras` the rest.",
                1,
            )
        except OSError as error:
            if error.filename is None or error.strerror is None:
                raise
            _fail(ctx, f"error: {error.filename}: {error.strerror}", 1)
        except InterruptionError as error:
            _fail(ctx, f"interrupted; {error}", INTERRUPTED)
        except KeyboardInterrupt:
            _fail(ctx, "interrupted", INTERRUPTED)


def _fail(ctx: click.Context, message: str, status: int) -> NoReturn:
    _complain(f"{ctx.command_path} {ctx.invoked_subcommand}", message)
    ctx.exit(status)


def _complain(command: str, message: str) -> None:
    print("\n".join(indent(f"{command}: {message}", "")), file=sys.stderr, flush=True)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.pass_context
def lectern(context: click.Context) -> None:
    """Turn talks, podcasts, sites and documents into a fine-tuned chat model, and prove what the tuning did.

    The pipeline itself is run by `lectern run` (dvc repro), which `make run` calls too. The other commands configure
    it, look into it, and use what it made. They are called in the folder of dvc.yaml.
    """
    if context.invoked_subcommand == "completion":
        return
    here = Path.cwd()
    above = next((folder for folder in here.parents if (folder / "dvc.yaml").is_file()), None)
    known = any((here / name).exists() for name in ("dvc.yaml", "params.yaml", "conf", "data"))
    if above is not None and not known:
        raise click.UsageError(f"this folder has no dvc.yaml. Change to the folder that has it: cd {above}")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and end the process with its exit status: 0, 1 for an error, 2 for wrong usage, 130 for Ctrl-C.

    `compare --fail-if` has 3 for a condition that failed.

    Args:
        arguments: those of the process where they are None.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal may not know all characters
    try:
        status = lectern.main(arguments, prog_name="lectern", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        status = WRONG_USAGE
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "lectern"
        _complain(command, f"error: {error.format_message()}\nTry `{command} --help`.")
        status = error.exit_code
    except click.Abort:
        _complain("lectern", "interrupted")
        status = INTERRUPTED
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # a reader such as `head` has enough; Python would complain when it flushes again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def run() -> NoReturn:
    """The console script that pip installs. A copy of the project, in which DVC runs experiments, runs its own code."""
    mine, here = Path(__file__), Path("lectern/tools/main.py")
    if here.is_file() and not here.samefile(mine):
        os.execv(sys.executable, [sys.executable, "-m", "lectern", *sys.argv[1:]])
    main()
