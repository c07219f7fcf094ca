"""`--json` of any command whose input is refused."""

from enum import StrEnum

import click

from sizewright.answers.answer import Answer
from sizewright.reading.credentials import masked
from sizewright.reading.input_error import InputError
from sizing.values.strict import Strict


class ErrorCode(StrEnum):
    """What is to blame."""

    bad_input = "bad_input"
    """A file: what it holds, or that it cannot be read or written."""
    bad_usage = "bad_usage"
    """The command line: a command, option, argument or name that is unknown or lacking."""


class ErrorPart(Strict):
    """The first fault; what is unknown is null."""

    code: ErrorCode
    """What is to blame."""
    file: str | None
    """The file to blame."""
    line: int | None
    """Line, from 1."""
    column: int | None
    """Column, from 1."""
    field: str | None
    """The field, as `traffic.daily_users` or `zones[0]`, or the option."""
    message: str
    """What is wrong."""
    expected: str | None
    """What would be accepted."""
    suggestion: str | None
    """A way out."""


class ErrorAnswer(Answer):
    """A refused input, with exit code 2; the same is a line on stderr."""

    error: ErrorPart
    """The first fault."""


def error_answer(fault: InputError | click.ClickException) -> ErrorAnswer:
    """The answer for a refused file or command line."""
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
