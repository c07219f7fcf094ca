"""Every broken file gives one line with the right place, field and remedy; never a traceback."""

from pathlib import Path

import pytest

from tests.sizewright.reading.service_model import BASE, BILLION, refused

# content, line, column, field, text of the message
BROKEN: dict[str, tuple[str | bytes, int | None, int | None, str, str]] = {
    # the file as text
    "empty": ("", 1, 1, "", "the file is empty; expected a mapping"),
    "only a comment": ("# nothing\n\n", 1, 1, "", "the file is empty"),
    "only a marker": ("---\n", 1, 1, "", "the file is empty"),
    "latin-1": (b"name: a\nkind: caf\xe9\n", 2, 10, "", "not UTF-8 text; expected UTF-8"),
    "latin-1 after a mark": (b"\xef\xbb\xbfa: \xe9\n", 1, 4, "", "not UTF-8 text"),
    "utf-16": ("name: a".encode("utf-16"), 1, 1, "", "save the file as UTF-8"),
    "NUL": (b"name: a\r\nkind: \0\0", 2, 7, "", "control character U+0000"),
    "escape character": ("name: a\x1b[2J\n", 1, 8, "", "control character U+001B"),
    "line separator": ("name: a\u2028b: 1\n", 1, 8, "", "control character U+2028"),
    "too large": (b"a: " + b"x" * 1024 * 1024, 1, 1, "", "1_048_579 bytes; expected at most"),
    # the text as YAML
    "unclosed bracket": ("a: [1\n", 2, 1, "", "from line 1; close the bracket"),
    "unclosed quote": ("a: 'x\n", 2, 1, "", "from line 1; close the quote"),
    "tab": ("a:\n\tb: 1\n", 2, 1, "", "indent with spaces, not tabs"),
    "colon in text": ("a: b: c\n", 1, 5, "", "quote a text that holds ': '"),
    "at sign": ("a: @b\n", 1, 4, "", "quote text that starts with"),
    "deeper after a number": ("a: 1\n  b: 2\n", 2, 3, "", "deeper than line 1; indent both alike"),
    "deeper after a comment": (
        "a: 1\n# x\n  b: 2\n",
        3,
        3,
        "",
        "indent the line like its neighbours",
    ),
    "deeper in an item": ("a:\n - b: 1\n     c: 2\n", 3, 6, "", "deeper than line 2; indent both"),
    "text before the colon": ("a: x\n  b c: 2\n", 2, 6, "", "quote a text that holds ': '"),
    "first line deeper": ("  a: 1\nb: 2\n", 2, 1, "", "indent the line like its neighbours"),
    "uneven indent": ("a:\n    b: 1\n  c: 2\n", 3, 3, "", "indent the line like"),
    "no colon": ("a: 1\nbcd\ne: 1\n", 3, 1, "", "write 'key: value'"),
    "impossible character": ('a: 1\nb: "\\U00110000"\n', 2, 1, "", "not valid YAML"),
    "huge character": ('a: 1\nb: "\\UFFFFFFFF"\n', 2, 1, "", "not valid YAML"),
    "directive": ("%YAML 1.9\n---\na: 1\n", 1, 1, "", "not valid YAML: version minor part"),
    "surrogate": ('a: "\\ud800"\n', 1, 4, "a", "write the character itself"),
    "two documents": ("a: 1\n---\nb: 2\n", 2, 1, "", "a second document"),
    "duplicate key": ("a: 1\nb: {c: 1, d: 2,\n c: 3}\n", 3, 2, "b.c", "first on line 2"),
    "list at the top": ("\n- a\n", 2, 1, "", "found a list at the top; expected a mapping"),
    "text at the top": ("hello\n", 1, 1, "", "found text 'hello' at the top"),
    "anchor": ("a: 1\nb: &x 2\n", 2, 4, "b", "anchor '&x' is refused"),
    "anchor on a key": ("&x a: 1\n", 1, 1, "", "anchor '&x' is refused"),
    "alias": ("a: 1\nb: [1, *x]\n", 2, 8, "b[1]", "alias '*x' is refused; write the value out"),
    "billion laughs": (BILLION, 1, 4, "a", "anchor '&a' is refused"),
    "merge key": ("a:\n  <<: {b: 1}\n", 2, 3, "a", "merge key '<<' is refused"),
    "python tag": ("a: !!python/object:os.x {}\n", 1, 4, "a", "python/object:os.x' is refused"),
    "core tag": ("a: !!str 1\n", 1, 4, "a", "remove the tag"),
    "bare tag": ("a: ! x\n", 1, 4, "a", "tag '!' is refused"),
    "tag on a list": ("a: !x [1]\n", 1, 4, "a", "tag '!x' is refused"),
    "too deep": (
        "a: " + "[" * 32 + "]" * 32,
        1,
        35,
        "a" + "[0]" * 31,
        "expected at most 32 levels",
    ),
    "far too deep": ("a: " + "[" * 300_000, 1, 35, "a" + "[0]" * 31, "expected at most 32 levels"),
    "deep mappings": ("{a: " * 99_000, 1, 129, "a" + ".a" * 31, "expected at most 32 levels"),
    "too many values": (
        "a:\n" + "- 1\n" * 50_000,
        10_000,
        3,
        "a[9998]",
        "expected at most 10_000 in one file",
    ),
    "number as a key": ("a:\n  5: 1\n", 2, 3, "a", "whole number 5 as a key; expected a text key"),
    "true as a key": ("true: 1\n", 1, 1, "", "write 'true' in quotes"),
    "nothing as a key": ("~: 1\n", 1, 1, "", "nothing as a key"),
    "list as a key": ("? [a]\n: 1\n", 1, 3, "", "a list as a key"),
    "mapping as a key": ("{a: 1}: 1\n", 1, 1, "", "a mapping as a key"),
    "infinite": ("a: [1, -.inf]\n", 1, 8, "a[1]", "-.inf is refused; expected a finite number"),
    "not a number": ("a: .NaN\n", 1, 4, "a", "expected a finite number"),
    "overflowing": ("a: 1e999\n", 1, 4, "a", "'1e999' is too large; expected a finite number"),
    "31 digits": (f"a: {'1' * 31}\n", 1, 4, "a", "too long; expected at most 30 digits"),
    "10_000 digits": (f"a: -{'1' * 10_000}\n", 1, 4, "a", "too long; expected at most 30 digits"),
    "long hexadecimal": (f"a: 0x{'f' * 10_000}\n", 1, 4, "a", "expected at most 30 digits"),
    "leading zero": ("account: 012345678901\n", 1, 10, "account", "quote it if it is text"),
    # the data as a model
    "unknown key": (
        "name: a\ntraffic:\n  daily_userz: 1\n",
        3,
        3,
        "traffic.daily_userz",
        "unknown key; expected one of daily_users, peak_ratio, hourly; did you mean 'daily_users'?",
    ),
    "unknown key at the top": (BASE + "publik: true\n", 3, 1, "publik", "did you mean 'public'?"),
    "hyphen and capitals": (
        BASE.replace("daily_u", "Daily-U"),
        2,
        11,
        "traffic.Daily-Users",
        "did you mean 'daily_users'?",
    ),
    "key of another part": (
        BASE + "peak_ratio: 2\n",
        3,
        1,
        "peak_ratio",
        "belongs under 'traffic'",
    ),
    "unlike any key": (BASE + "qqq: 2\n", 3, 1, "qqq", "expected one of name, kind, traffic"),
    "missing": (
        "name: a\ntraffic:\n  peak_ratio: 2\n",
        3,
        3,
        "traffic.daily_users",
        "missing; expected a whole number (People who use the service on one day)",
    ),
    "missing at the top": ("# x\nname: a\n", 2, 1, "traffic", "missing; expected a mapping"),
    "text for a number": (
        "name: a\ntraffic: {daily_users: many}\n",
        2,
        24,
        "traffic.daily_users",
        "found text 'many'; expected a whole number (People who use",
    ),
    "unit in a number": (
        "name: a\ntraffic: {daily_users: 5k}\n",
        2,
        24,
        "traffic.daily_users",
        "write the digits alone",
    ),
    "number for a whole one": (
        "name: a\ntraffic: {daily_users: 1.5}\n",
        2,
        24,
        "traffic.daily_users",
        "found number 1.5; expected a whole number",
    ),
    "nothing for a number": (
        "name: a\ntraffic:\n  daily_users:\n\n",
        3,
        3,
        "traffic.daily_users",
        "found nothing; expected a whole number",
    ),
    "list for text": ("name: [a]\n" + BASE[8:], 1, 7, "name", "found a list; expected text"),
    "true for text": ("name: true\n" + BASE[8:], 1, 7, "name", "found true/false value true"),
    "list for a mapping": (
        "name: a\ntraffic: [1]\n",
        2,
        10,
        "traffic",
        "found a list; expected a m",
    ),
    "mapping for a list": (
        BASE + "others: {a: 1}\n",
        3,
        9,
        "others",
        "found a mapping; expected a l",
    ),
    "text for true": (BASE + "public: maybe\n", 3, 9, "public", "expected true or false"),
    "enum": (
        BASE + "kind: chta\n",
        3,
        7,
        "kind",
        "unknown value 'chta'; expected one of chat, image; did you mean 'chat'?",
    ),
    "number for an enum": (
        BASE + "kind: 5\n",
        3,
        7,
        "kind",
        "found whole number 5; expected one of chat, image",
    ),
    "bound": (
        "name: a\ntraffic: {daily_users: 0}\n",
        2,
        24,
        "traffic.daily_users",
        "must be greater than 0, found whole number 0",
    ),
    "bound of an item": (
        "name: a\ntraffic: {daily_users: 1, hourly: [1, -1]}\n",
        2,
        39,
        "traffic.hourly[1]",
        "must be greater than or equal to 0",
    ),
    "pattern": (
        "name: Ab\n" + BASE[8:],
        1,
        7,
        "name",
        "found text 'Ab'; expected Lower-case letters",
    ),
    "key of a mapping": (
        BASE + "tags: {a: 1, toolong: 2}\n",
        3,
        14,
        "tags.toolong",
        "this key must have at most 5 characters",
    ),
    "value of a mapping": (BASE + "tags: {a: x}\n", 3, 11, "tags.a", "expected a whole number"),
    "item of a list": (
        BASE + "others:\n- mean: 1\n- mean: x\n",
        5,
        9,
        "others[1].mean",
        "found text 'x'; expected a number",
    ),
    "missing in an item": (
        BASE + "others:\n- mean: 1\n- spread: 1\n",
        5,
        3,
        "others[1].mean",
        "missing; expected a number",
    ),
    "rule of a field": (
        "name: a\ntraffic: {daily_users: 1, hourly: [1]}\n",
        2,
        35,
        "traffic.hourly",
        "hourly: an even number of hours is needed",
    ),
    "rule of a model": (
        BASE + "others: [{mean: 1, spread: 2}]\n",
        3,
        10,
        "others[0]",
        "others[0]: wider than its mean",
    ),
    "rule with a field": (
        "name: a\ntraffic: {daily_users: 1, peak_ratio: 0.5}\n",
        2,
        39,
        "traffic.peak_ratio",
        "a peak below the mean; expected at least 1; write 1",
    ),
    "inside an optional": (
        BASE + "latency: {mean: x}\n",
        3,
        17,
        "latency.mean",
        "expected a number",
    ),
    "first of a pair": (BASE + "pair: [x, a]\n", 3, 8, "pair[0]", "expected a whole number"),
    "short pair": (BASE + "pair: [1]\n", 3, 7, "pair[1]", "missing; expected text"),
    # unions: one fault, of the member that was meant
    "union, no member": (
        BASE + "tokens: x\n",
        3,
        9,
        "tokens",
        "found text 'x'; expected a whole number or a mapping",
    ),
    "union, first model": (
        BASE + "tokens: {mean: x}\n",
        3,
        16,
        "tokens.mean",
        "found text 'x'; expected a number",
    ),
    "union, second model": (
        BASE + "tokens: {bounds: [1], shares: x}\n",
        3,
        31,
        "tokens.shares",
        "found text 'x'; expected a list",
    ),
    "union, unknown key": (
        BASE + "tokens: {mean: 1, spred: 1}\n",
        3,
        19,
        "tokens.spred",
        "did you mean 'spread'?",
    ),
    "union, rule": (BASE + "tokens: {mean: 1, spread: 2}\n", 3, 9, "tokens", "wider than its mean"),
    "union, literal": (
        BASE + "hardware: atuo\n",
        3,
        11,
        "hardware",
        "unknown value 'atuo'; expected auto or a mapping; did you mean 'auto'?",
    ),
    "union, not a literal": (
        BASE + "hardware: 5\n",
        3,
        11,
        "hardware",
        "found whole number 5; expected auto or a mapping",
    ),
    "union, next to a literal": (
        BASE + "hardware: {mean: x}\n",
        3,
        18,
        "hardware.mean",
        "found text 'x'; expected a number",
    ),
    "union, list": (
        BASE + "mixed: [{mean: x}]\n",
        3,
        16,
        "mixed[0].mean",
        "found text 'x'; expected a number",
    ),
    "union, mapping": (
        BASE + "mixed: {a: x}\n",
        3,
        12,
        "mixed.a",
        "found text 'x'; expected a whole number",
    ),
    "tag": (
        BASE + "capacity: {method: gven}\n",
        3,
        20,
        "capacity.method",
        "unknown value 'gven'; expected one of given, textbook; did you mean 'given'?",
    ),
    "tag of a wrong type": (
        BASE + "capacity: {method: [1]}\n",
        3,
        20,
        "capacity.method",
        "found a list; expected one of given, textbook",
    ),
    "no tag": (
        BASE + "capacity: {rate: 1}\n",
        3,
        11,
        "capacity.method",
        "missing; expected one of given, textbook",
    ),
    "not tagged": (
        BASE + "capacity: 5\n",
        3,
        11,
        "capacity",
        "found whole number 5; expected a map",
    ),
    "inside the tagged": (
        BASE + "capacity: {method: given, rate: x}\n",
        3,
        33,
        "capacity.rate",
        "found text 'x'; expected a number",
    ),
    "unknown in the tagged": (
        BASE + "capacity: {method: textbook, shar: 1}\n",
        3,
        30,
        "capacity.shar",
        "did you mean 'share'?",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_file(tmp_path: Path, case: str) -> None:
    content, line, column, field, fragment = BROKEN[case]

    error = refused(tmp_path, content)

    assert (error.line, error.column, error.field) == (line, column, field)
    assert fragment in str(error)
    assert error.more == ()
    place = f":{line}:{column}" if line else ""
    assert str(error).startswith(f"{error.file}{place}: " + (f"{field}: " if field else ""))
    assert "\n" not in str(error)


def test_nine_of_ten_messages_say_a_way_out(tmp_path: Path) -> None:
    errors = [refused(tmp_path, row[0]) for row in BROKEN.values()]

    helpful = [e for e in errors if e.expected or e.suggestion or e.message.startswith("must ")]

    assert len(errors) >= 40
    assert len(helpful) >= 0.9 * len(errors)
