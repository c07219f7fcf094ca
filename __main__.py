"""The Pulumi program reads config, sizes and builds. `pulumi preview` and `pulumi up` run it."""

from pathlib import Path

import pulumi

from components.platform import build
from sizewright.exit_code import ExitCode
from sizewright.feasibility import shortfalls, unserved
from sizewright.reading.input_error import InputError
from sizewright.reading.stack.buildable import addressable, buildable, page_secret
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import (
    LOCK_KEY,
    PAGE_SECRET_KEY,
    PROJECT,
    STRUCTURED,
    WORKLOADS_KEY,
    site_of,
)
from sizewright.reading.stack.workload_file import read_workload
from sizing.catalog import load_catalog
from sizing.site import Site


def main() -> None:
    config = pulumi.Config(PROJECT)
    values = {
        key: config.get_object(key) if key in STRUCTURED else config.get(key)
        for key in Site.model_fields
    }
    given = {key: value for key, value in values.items() if value}
    catalog = load_catalog()
    try:
        stack_file = Path(f"Pulumi.{pulumi.get_stack()}.yaml")
        lock = config.get(LOCK_KEY)
        site = site_of(given, stack_file, Path(lock) if lock else None)
        paths = [Path(name) for name in config.require_object(WORKLOADS_KEY)]
        files = [read_workload(path, catalog) for path in paths]
        plan = plan_of(files, site, catalog)
        buildable(site, plan, catalog)
        addressable(site, plan)
        secret = config.get_secret(PAGE_SECRET_KEY)
        page_secret(site, plan, stated=secret is not None)
    except InputError as error:
        raise pulumi.RunError(str(error)) from error
    for shortfall in (*shortfalls(plan), *unserved(plan)):
        if shortfall.code is ExitCode.infeasible:
            # Guard: continuing would delete the service's existing nodes.
            raise pulumi.RunError(shortfall.text)
        pulumi.log.warn(shortfall.text)
    build(plan, secret)


main()
