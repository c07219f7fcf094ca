"""This module finds the workload file of a stack's service by the service's name."""

import re
from pathlib import Path

from sizewright.reading.input_error import InputError, did_you_mean, joined
from sizewright.reading.read import read_mapping
from sizewright.reading.stack.site_file import read_site

_NAME = re.compile(r"[a-z][a-z0-9-]*")


def workload_file(given: Path, site: Path) -> Path:
    """Return the given file, or the file of the stack's service with this name.

    Raises InputError where it is neither.
    """
    name = str(given)
    if given.exists() or not _NAME.fullmatch(name) or not site.is_file():
        return given
    files = {}
    for path in map(Path, read_site(site).workloads or ()):
        if path.is_file():
            files[str(read_mapping(path).data.get("name"))] = path
    if name in files:
        return files[name]
    services = f"a workload file, or a service of {site}: {joined(files)}"
    message = "is neither a file nor a service of the stack"
    raise InputError(name, message=message, expected=services, suggestion=did_you_mean(name, files))
