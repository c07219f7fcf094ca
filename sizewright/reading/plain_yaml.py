"""This module reads YAML as plain data by the 1.2 core schema, with the place of every value."""

import codecs
import re
from collections.abc import Iterator

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)
from ruamel.yaml.scanner import Scanner
from ruamel.yaml.tokens import TagToken

from sizewright.reading.core_schema import core_scalar
from sizewright.reading.input_error import LONGEST_VALUE, InputError, dotted, found, quoted
from sizing.values.field_error import FieldError, FieldPath

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
Position = tuple[int, int]
"""Line and column, from 1."""

DEPTH_LIMIT = 32
VALUE_LIMIT = 10_000

_REFUSED_CHARACTER = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_END = re.compile("\r\n|\r|\n")
_KEY_LINE = re.compile(r" *[\w$.:/-]*\w:")
_HINTS = {
    r"'\t' that cannot start": "indent with spaces, not tabs",
    "cannot start any token": "quote text that starts with this character",
    "mapping values are not allowed": "quote a text that holds ': '",
    "could not find expected ':'": "write 'key: value'",
    "expected '<document start>'": "indent the line like its neighbours",
    "expected <block end>": "indent the line like its neighbours",
    "end of stream": "close the quote",
    "stream end": "close the bracket",
}


class RefusedYamlError(Exception):
    """Reason why a text was refused, with its position and field."""

    def __init__(
        self,
        position: Position,
        message: str,
        *,
        expected: str = "",
        suggestion: str = "",
        path: FieldPath = (),
    ) -> None:
        super().__init__(message)
        self.position = position
        self.message = message
        self.expected = expected
        self.suggestion = suggestion
        self.path = path

    def of(self, file: str) -> InputError:
        """Return the fault as one of `file`."""
        return InputError(
            file,
            *self.position,
            field=dotted(self.path),
            message=self.message,
            expected=self.expected,
            suggestion=self.suggestion,
        )


class _Scanner(Scanner):
    """Cuts long tags, which the parser would decode in quadratic time; every tag is refused."""

    def scan_tag(self) -> TagToken:
        token: TagToken = super().scan_tag()
        handle, suffix = token.value
        if len(suffix) > LONGEST_VALUE:
            # Guard: a cut in the middle of an escape would be another fault.
            token.value = handle, suffix[:LONGEST_VALUE].partition("%")[0]
        return token


class PlainYaml:
    """Data of one YAML text, with the positions of keys and values by path.

    Raises RefusedYamlError at the first place that breaks a rule. The parser's events are read one
    by one, so that a deep or huge text is refused before it costs time.
    """

    def __init__(self, content: bytes) -> None:
        self.key_positions: dict[FieldPath, Position] = {}
        self.value_positions: dict[FieldPath, Position] = {}
        self._events = _events(_text(content))
        next(self._events)
        self.data = self._document()

    def _document(self) -> dict[str, Plain]:
        if isinstance(next(self._events), StreamEndEvent):
            raise RefusedYamlError((1, 1), "the file is empty", expected="a mapping")
        top = next(self._events)
        data = self._value(top, ())
        if data is None:
            raise RefusedYamlError((1, 1), "the file is empty", expected="a mapping")
        if not isinstance(data, dict):
            raise RefusedYamlError(
                _position(top), f"found {found(data)} at the top", expected="a mapping"
            )
        next(self._events)
        after = next(self._events)
        if isinstance(after, DocumentStartEvent):
            hint = "split the file at the line ---"
            raise RefusedYamlError(
                _position(after), "a second document", expected="one document", suggestion=hint
            )
        return data

    def _value(self, event: Event, path: FieldPath) -> Plain:
        position = _position(event)
        self.value_positions[path] = position
        _refuse_indirection(event, path)
        if len(self.value_positions) > VALUE_LIMIT:
            limit = f"at most {VALUE_LIMIT:_} in one file"
            raise RefusedYamlError(position, "too many values", expected=limit, path=path)
        if isinstance(event, ScalarEvent):
            return _scalar(event, path)
        if len(path) >= DEPTH_LIMIT:
            limit = f"at most {DEPTH_LIMIT} levels"
            raise RefusedYamlError(position, "nested too deeply", expected=limit, path=path)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        return self._sequence(path)

    def _sequence(self, path: FieldPath) -> list[Plain]:
        items: list[Plain] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: FieldPath) -> dict[str, Plain]:
        items: dict[str, Plain] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            position = _position(event)
            key = _key(event, path)
            below = (*path, key)
            if key in items:
                first_line, _ = self.key_positions[below]
                message = f"duplicate key, first on line {first_line}"
                raise RefusedYamlError(
                    position, message, suggestion="remove one of the two", path=below
                )
            self.key_positions[below] = position
            value = next(self._events)
            items[key] = self._value(value, below)
            if items[key] is None and _position(value)[0] > position[0]:
                self.value_positions[below] = position
        return items


def _text(content: bytes) -> str:
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        hint = "save the file as UTF-8"
        raise RefusedYamlError(
            _end(before), "not UTF-8 text", expected="UTF-8", suggestion=hint
        ) from None
    if refused := _REFUSED_CHARACTER.search(text):
        message = f"control character U+{ord(refused[0]):04X}"
        hint = "remove it, if this is a text file at all"
        raise RefusedYamlError(_end(text[: refused.start()]), message, suggestion=hint)
    return text


def _end(text: str) -> Position:
    lines = _LINE_END.split(text)
    return len(lines), len(lines[-1]) + 1


def _events(text: str) -> Iterator[Event]:
    last: Position = (1, 1)
    try:
        yaml = YAML(typ="safe", pure=True)
        yaml.Scanner = _Scanner
        for event in yaml.parse(text):
            yield event
            last = _position(event)
    except MarkedYAMLError as error:
        raise _syntax_fault(error, _LINE_END.split(text)) from None
    except (YAMLError, ValueError, OverflowError, AssertionError) as error:
        # Guard: ruamel lets chr() fail on "\U00110000" and asserts the version of %YAML 1.9.
        raise RefusedYamlError(last, f"not valid YAML: {error}") from None


def _syntax_fault(error: MarkedYAMLError, lines: list[str]) -> RefusedYamlError:
    mark = error.problem_mark or error.context_mark
    above = _shallower_line_above(lines, mark.line, mark.column)
    if above is not None:
        indent = len(lines[mark.line]) - len(lines[mark.line].lstrip(" "))
        hint = f"indent both alike, or end line {above + 1} with ':' and put its value below"
        message = f"not valid YAML: this line is indented deeper than line {above + 1}"
        return RefusedYamlError((mark.line + 1, indent + 1), message, suggestion=hint)
    message = f"not valid YAML: {error.problem}"
    if error.context:
        message += f", {error.context}"
    if error.context_mark:
        message += f" from line {error.context_mark.line + 1}"
    hint = next((hint for part, hint in _HINTS.items() if part in message), "")
    return RefusedYamlError((mark.line + 1, mark.column + 1), message, suggestion=hint)


def _shallower_line_above(lines: list[str], number: int, column: int) -> int | None:
    """Line above a `key:` with a smaller indent, where the fault is at that key's colon; else None.

    A line that ends with a colon may have deeper lines below it.
    """
    if number >= len(lines) or not _KEY_LINE.fullmatch(lines[number][: column + 1]):
        return None
    for above in range(number - 1, -1, -1):
        line = lines[above].partition(" #")[0].rstrip()
        if line and not line.lstrip().startswith("#"):
            deeper = lines[number].find(lines[number].strip()) > line.find(line.strip())
            return above if deeper and not line.endswith(":") else None
    return None


def _position(event: Event) -> Position:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _refuse_indirection(event: Event, path: FieldPath) -> None:
    position = _position(event)
    if isinstance(event, AliasEvent):
        message = f"alias {quoted('*' + event.anchor)} is refused"
        raise RefusedYamlError(position, message, suggestion="write the value out", path=path)
    if not isinstance(event, ScalarEvent | CollectionStartEvent):
        return
    if event.anchor is not None:
        message = f"anchor {quoted('&' + event.anchor)} is refused"
        raise RefusedYamlError(position, message, suggestion="write each value out", path=path)
    if event.tag is not None:
        message = f"tag {quoted(event.tag)} is refused"
        raise RefusedYamlError(
            position, message, expected="plain data", suggestion="remove the tag", path=path
        )


def _key(event: Event, path: FieldPath) -> str:
    _refuse_indirection(event, path)
    position = _position(event)
    if not isinstance(event, ScalarEvent):
        what = "a mapping" if isinstance(event, MappingStartEvent) else "a list"
        raise RefusedYamlError(position, f"{what} as a key", expected="a text key", path=path)
    if event.value == "<<" and event.implicit[0]:
        hint = "write the keys out"
        raise RefusedYamlError(position, "merge key '<<' is refused", suggestion=hint, path=path)
    key = _scalar(event, path)
    if not isinstance(key, str):
        hint = f"write '{event.value}' in quotes" if event.value else ""
        raise RefusedYamlError(
            position, f"{found(key)} as a key", expected="a text key", suggestion=hint, path=path
        )
    return key


def _scalar(event: ScalarEvent, path: FieldPath) -> Plain:
    text: str = event.value
    if _SURROGATE.search(text):
        message = "half of a surrogate pair"
        hint = "write the character itself"
        raise RefusedYamlError(_position(event), message, suggestion=hint, path=path)
    if not event.implicit[0]:
        return text
    try:
        return core_scalar(text)
    except FieldError as refused:
        raise RefusedYamlError(
            _position(event),
            refused.message,
            expected=refused.expected,
            suggestion=refused.suggestion,
            path=path,
        ) from None
