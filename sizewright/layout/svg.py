"""A small SVG writer of shapes and escaped texts; equal shapes give equal bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree

from sizewright.reading.input_error import escaped

NAMESPACE = "http://www.w3.org/2000/svg"
Attribute = str | int | float
Shape = dict[str, Attribute]


class Drawing:
    """Elements in the order of their addition; lengths are in pixels."""

    def __init__(self, title: str, description: str) -> None:
        self._root = ElementTree.Element(
            "svg",
            {"xmlns": NAMESPACE, "role": "img", "aria-labelledby": "title desc"},
        )
        self._into = self._root
        self.add("title", title, id="title")
        self.add("desc", description, id="desc")

    def add(self, tag: str, text: str = "", /, **attributes: Attribute) -> ElementTree.Element:
        """Add one element; underscores of an attribute become hyphens, or are dropped at its
        end."""
        named = {
            name.rstrip("_").replace("_", "-"): _attribute(value)
            for name, value in attributes.items()
        }
        element = ElementTree.SubElement(self._into, tag, named)
        element.text = escaped(text) or None
        return element

    @contextmanager
    def group(self, tag: str = "g", /, **attributes: Attribute) -> Iterator[None]:
        """Add a group; elements added inside the block belong to it."""
        outer, self._into = self._into, self.add(tag, **attributes)
        yield
        self._into = outer

    def text(self, width: int, height: int) -> str:
        """Return the drawing as a file of that size."""
        size = {"viewBox": f"0 0 {width} {height}", "width": f"{width}", "height": f"{height}"}
        for name, value in size.items():
            self._root.set(name, value)
        ElementTree.indent(self._root, " ")
        return ElementTree.tostring(self._root, encoding="unicode") + "\n"


def _attribute(value: Attribute) -> str:
    return escaped(value) if isinstance(value, str) else f"{round(value, 2):g}"
