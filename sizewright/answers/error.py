"""The `--json` answer of any command that refuses its input."""

from enum import StrEnum

import click

from sizewright.answers.answer import Answer
from sizewright.reading.credentials import masked
from sizewright.reading.input_error import InputError
from sizing.values.strict import Strict


class ErrorCode(StrEnum):
    """Cause of the error."""

    bad_input = "bad_input"
    """A file with faulty content, or a file that cannot be read or written."""
    bad_usage = "bad_usage"
    """The command line: an unknown or missing command, option, argument or name."""


class ErrorPart(Strict):
    """The first fault; unknown parts are null."""

    code: ErrorCode
    """Cause of the error."""
    file: str | None
    """Path of the faulty file."""
    line: int | None
    """Line number, from 1."""
    column: int | None
    """Column number, from 1."""
    field: str | None
    """Field, such as `traffic.daily_users` or `zones[0]`, or the option."""
    message: str
    """Description of the fault."""
    expected: str | None
    """Value or form that the program accepts."""
    suggestion: str | None
    """A remedy."""


class ErrorAnswer(Answer):
    """A refused input, with exit code 2; stderr has the same as one line."""

    error: ErrorPart
    """The first fault."""


def error_answer(fault: InputError | click.ClickException) -> ErrorAnswer:
    """Return the answer for a refused file or command line."""
    return _of_input(fault) if isinstance(fault, InputError) else _of_usage(fault)


def _of_input(fault: InputError) -> ErrorAnswer:
    return ErrorAnswer(
        error=ErrorPart(
            code=ErrorCode.bad_input,
            file=masked(fault.file) or None,
            line=fault.line,
            column=fault.column,
            field=fault.field or None,
            message=fault.message,
            expected=fault.expected or None,
            suggestion=fault.suggestion or None,
        )
    )


def _of_usage(fault: click.ClickException) -> ErrorAnswer:
    parameter = getattr(fault, "param", None)
    name = getattr(fault, "option_name", None) or (parameter.opts[-1] if parameter else None)
    return ErrorAnswer(
        error=ErrorPart(
            code=ErrorCode.bad_usage,
            file=None,
            line=None,
            column=None,
            field=name,
            message=masked(fault.format_message()),
            expected=None,
            suggestion=None,
        )
    )
