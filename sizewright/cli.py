"""The command line, `sizewright COMMAND`: results go to stdout, messages to stderr."""

import importlib
import io
import sys

import click

from sizewright.exit_code import ExitCode
from sizewright.interrupt import end_if_interrupted, listen
from sizewright.layout.console import write_message
from sizewright.reading.input_error import InputError, did_you_mean

GROUPS = {
    "answer": {
        "size": "Size workloads: GPUs, nodes, redundancy, storage, bandwidth.",
        "explain": "Explain each number: formula, numbers, basis.",
        "preview": "Preview the infrastructure offline, with the reasons.",
        "compare": "Rank hardware options for a workload by cost and latency.",
        "catalog": "Show the known instance types, GPUs, models and versions.",
        "replay": "Replay a trace of requests on the sized fleet.",
    },
    "change": {
        "new": "Create a repository for your own stack.",
        "init": "Write a new workload file, its lock, and a first stack file.",
        "diff": "Compare two plans: cause, sizing, dangers and resources.",
        "update": "Choose again with today's catalog, and show the effects.",
    },
    "operate": {
        "check": "Check workloads, sizing and infrastructure against gates.",
        "accuracy": "Compare measured serving runs with what the step model predicts.",
        "benchmark": "Write a Job that loads one replica at the plan's lengths and rates.",
        "calibrate": "Correct the step times with your own runs.",
        "observe": "Compare a running service with its plan, from a Prometheus.",
        "orphans": "Show resources that a killed engine may have left behind.",
        "schema": "Print JSON schemas, for editors and scripts.",
        "render": "Print the Kubernetes, node and monitoring files, with wires unfilled.",
    },
}
"""One line of help for each command, by the folder of `commands/` that contains it."""
COMMANDS = {name: line for group in GROUPS.values() for name, line in group.items()}
FOLDERS = {name: folder for folder, group in GROUPS.items() for name in group}


class Commands(click.Group):
    """Import a command only when a user runs it, so that help does not wait for Pulumi."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"sizewright.commands.{FOLDERS[cmd_name]}.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            hint = did_you_mean(args[0], COMMANDS)
            raise click.UsageError(f"{error.message} {hint}".strip(), ctx) from None


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 1 unexpected, 2 bad input, 3 changes (--detailed-exitcode), "
    "4 gate failed, 5 infeasible, 6 incomplete.",
)
@click.version_option(package_name="sizewright")
def cli() -> None:
    """Size GPUs and their redundancy for workloads, and build exactly that infrastructure.

    \b
    sizewright size workloads/chat.yaml
    sizewright explain workloads/chat.yaml chat.pool.gpus_total
    sizewright preview workloads/chat.yaml
    sizewright diff old.yaml new.yaml
    """


def main() -> None:
    """Run the command line. A user's mistake gives one message and exit code 2.

    With `--json` the mistake is also an answer on stdout.
    """
    listen()
    try:
        code = _run()
    except InputError as error:
        _answer_in_json(error)
        _stop(str(error), ExitCode.bad_input)
    except click.ClickException as error:
        _answer_in_json(error)
        shown = io.StringIO()
        error.show(shown)
        _stop(shown.getvalue().rstrip("\n"), ExitCode.bad_input)
    except (click.Abort, KeyboardInterrupt):
        _stop("interrupted", 130)
    else:
        if code:
            sys.exit(code)


def _run() -> int | None:
    try:
        code: int | None = cli(standalone_mode=False)
    except Exception:
        # Guard: a library may turn an interrupt into a fault of its own, as dill does.
        end_if_interrupted()
        raise
    return code


def _answer_in_json(error: InputError | click.ClickException) -> None:
    """Print the error as JSON for a command line with `--json`, even if click could not parse
    it."""
    words = sys.argv[1:]
    if "--json" in (words[: words.index("--")] if "--" in words else words):
        # Guard: pydantic takes a tenth of a second to import, and help does not need it.
        from sizewright.answers.answer import print_answer
        from sizewright.answers.error import error_answer

        print_answer(error_answer(error))


def _stop(message: str, code: int) -> None:
    write_message(message)
    sys.exit(code)


if __name__ == "__main__":
    main()
