"""Explanations of inputs: the user gave them, or a stated default applies."""

from pydantic import BaseModel

from sizing.explained.entry import Basis, Entry, Leaf

DEFAULTS = {
    "redundancy.mtbf_gpu_hours": (
        Basis.measured,
        "419 unexpected interruptions in 54 days on 16,384 H100 (Llama 3 training report, 2024); "
        "a training load, all causes",
    ),
    "redundancy.mttr_hours": (
        Basis.assumed,
        "a scarce type may have no spare in stock; set redundancy.mttr_hours",
    ),
}


def input_entry(leaf: Leaf) -> Entry:
    """Return the entry of an input: given, or the default with its basis."""
    inputs = leaf.service.inputs if leaf.service else None
    return _stated(inputs, leaf.keys[3:], "the workload file")


def site_entry(leaf: Leaf) -> Entry:
    """Return the entry of a number of the site: given, or the default with its basis."""
    return _stated(leaf.plan.site, leaf.keys[1:], "the stack file")


def _stated(inputs: BaseModel | None, parts: tuple[str, ...], file: str) -> Entry:
    field = ".".join(parts)
    if _was_given(inputs, parts):
        return Entry(f"input {field}", field, "{v}", Basis.given, f"{file}: {field}")
    basis, source = DEFAULTS.get(field, (Basis.assumed, f"the default of {field}"))
    return Entry(f"default of {field}", field, "{v}", basis, source)


def _was_given(inputs: BaseModel | None, parts: tuple[str, ...]) -> bool:
    """True where the file states the field instead of leaving it to its default."""
    value: object = inputs
    for part in parts:
        if isinstance(value, BaseModel):
            if part not in value.model_fields_set:
                return False
            value = getattr(value, part)
        elif isinstance(value, tuple):
            value = value[int(part)]
    return True
