"""This module reads the docstrings below the attributes of a class from its source, on demand.

Pydantic can keep them as descriptions, but it then reads every source at every import.
"""

import ast
import inspect
import itertools
import textwrap
from functools import cache


def attribute_docstrings(kind: type) -> dict[str, str]:
    """Docstring by attribute, inherited ones included."""
    said = dict[str, str]()
    for base in reversed(kind.__mro__):
        said |= _own(base)
    return said


@cache
def _own(kind: type) -> dict[str, str]:
    """Docstrings of the class itself; empty for a class without a source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    except (OSError, TypeError):
        return {}
    lines = tree.body if isinstance(tree, ast.ClassDef) else []
    return {
        name: inspect.cleandoc(below.value.value)
        for line, below in itertools.pairwise(lines)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(below.value.value, str)
        for name in _assigned(line)
    }


def _assigned(line: ast.stmt) -> list[str]:
    targets: list[ast.expr] = [line.target] if isinstance(line, ast.AnnAssign) else []
    targets += line.targets if isinstance(line, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]
