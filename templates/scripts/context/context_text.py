"""Text of a document.

It runs in OGX's image with pypdf, without any other library.
"""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

from pypdf import PdfReader
from pypdf.errors import PyPdfError

TEXTS, PAGES, PDF = (".txt", ".md", ".markdown", ".csv"), (".html", ".htm"), ".pdf"
"""Ends of the keys of texts, of pages of HTML and of PDF files."""
SILENT = {"script", "style", "template", "noscript"}
"""Elements of a page whose text nobody reads."""
BLOCKS = {"p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "br", "section", "article"}
"""Elements of a page that end a line."""
BLANKS = re.compile(r"[ \t\r\f\v]+")
EMPTY_LINES = re.compile(r"\n\s*\n+")


class DocumentError(Exception):
    """Document that has no text that can be read. The message has no part of it."""


def text_of(key: str, content: bytes) -> str:
    """Text of a document, by the end of its key. Raises DocumentError."""
    name = key.lower()
    if name.endswith(PDF):
        text = pdf_text(content)
    elif name.endswith(PAGES):
        text = page_text(decoded(content))
    elif name.endswith(TEXTS):
        text = decoded(content)
    else:
        raise DocumentError("unknown type")
    # Guard: PostgreSQL keeps no zero bytes and no halves of a pair.
    text = text.replace("\0", " ").encode(errors="replace").decode()
    text = EMPTY_LINES.sub("\n\n", BLANKS.sub(" ", text)).strip()
    if not text:
        raise DocumentError("no text")
    return text


def decoded(content: bytes) -> str:
    """Text in UTF-8. Raises DocumentError."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentError("not in UTF-8") from None


def pdf_text(content: bytes) -> str:
    """Text of the pages of a PDF file. Raises DocumentError."""
    try:
        pages = PdfReader(io.BytesIO(content)).pages
        return "\n\n".join(page.extract_text() for page in pages)
    except (PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, OSError):
        raise DocumentError("no PDF that can be read") from None
    except RecursionError:
        raise DocumentError("a PDF with too many levels") from None


class Page(HTMLParser):
    """Text of a page of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._silent += tag in SILENT
        if tag in BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in SILENT and self._silent > 0
        if tag in BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def page_text(text: str) -> str:
    """Text of a page of HTML, without its elements."""
    page = Page()
    page.feed(text)
    page.close()
    return "".join(page.parts)
