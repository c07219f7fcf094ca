"""Measured work of an application, exactly (`sizing/catalog/data/application_work.csv`)."""

from fractions import Fraction

from sizing.catalog import Catalog
from sizing.values.exact import exact


def measured(catalog: Catalog, item: str) -> Fraction:
    """Measured figure that sizes a service: the highest one."""
    return exact(catalog.application(item).sized)


def usual(catalog: Catalog, item: str) -> Fraction:
    """Median of a measured figure."""
    return exact(catalog.application(item).value)
