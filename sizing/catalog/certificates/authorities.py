"""Which authorities sign the certificates of databases, in which region?"""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@cache
def database_authorities(region: str) -> str | None:
    """Root certificates of Amazon RDS in a region as PEM; None for a region without a file.

    Basis: vendor (`sizing/catalog/certificates/SOURCES.md`).
    """
    file = FOLDER / f"{region}.pem"
    return file.read_text(encoding="ascii") if file.is_file() else None
