"""A workload that names a config.json instead of a model of the catalog."""

import json
from pathlib import Path
from typing import Any

import pytest

from sizewright.reading.input_error import InputError
from sizewright.reading.model_file import read_model_file, repository_of
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import read_site
from sizewright.reading.stack.workload_file import read_workload
from sizing.catalog import load_catalog

ROOT = Path(__file__).parents[3]
CHAT = (ROOT / "tests/workloads/chat.yaml").read_text()
CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}


def workload(folder: Path, config: str, name: str = "meta-llama--Llama-3.1-8B.json") -> Path:
    (folder / name).write_text(config)
    lines = [f"model: {name}" if line.startswith("model:") else line for line in CHAT.splitlines()]
    path = folder / "chat.yaml"
    path.write_text("\n".join(lines))
    return path


def test_a_config_json_is_a_model(tmp_path: Path) -> None:
    catalog = load_catalog()
    file = read_workload(workload(tmp_path, json.dumps(CONFIG)), catalog)
    service = plan_of([file], read_site(ROOT / "Pulumi.dev.yaml"), catalog).services[0]
    assert service.memory.parameters == 8_030_261_248
    assert service.memory.weights_bytes == 2 * 8_030_261_248
    assert service.memory.kv_bytes_per_token == 131_072
    assert service.serving is not None and service.serving.model == "llama-3.1-8b"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("{", r"Llama-3\.1-8B\.json:1:2: .*expected JSON"),
        ("[]", "is not a mapping; expected a config.json"),
        (f'{{"vocab_size": {"9" * 5000}}}', "a number is too long; expected a config.json"),
        (
            json.dumps(CONFIG | {"hidden_size": None}),
            "hidden_size: the config.json does not state it; expected a whole number",
        ),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "expected JSON"),
    ],
)
def test_a_faulty_config_json_is_one_error(tmp_path: Path, text: str, answer: str) -> None:
    with pytest.raises(InputError, match=answer):
        read_workload(workload(tmp_path, text), load_catalog())


SIZE = "expected a whole number from 1 to 100,000,000"
LAYERS = "expected a whole number from 1 to 10,000"
EXPERTS = "expected a whole number from 0 to 100,000"


@pytest.mark.parametrize(
    ("key", "value", "answer"),
    [
        ("hidden_size", "big", f'found "big"; {SIZE}'),
        ("num_hidden_layers", -3, f"found -3; {LAYERS}"),
        ("num_hidden_layers", 10**9, f"found 1000000000; {LAYERS}"),
        ("num_experts", "8", f'found "8"; {EXPERTS}'),
        ("num_experts", -8, f"found -8; {EXPERTS}"),
        ("num_attention_heads", 0, f"found 0; {SIZE}"),
        ("num_key_value_heads", 2.5, f"found 2.5; {SIZE}"),
        ("vocab_size", [1], f"found no number; {SIZE}"),
        ("hidden_size", 10**40, f"found 1{'0' * 39}...; {SIZE}"),
        ("intermediate_size", 10**40, f"found 1{'0' * 39}...; {SIZE}"),
        ("quantization_config", "fp8", "is no mapping; expected a mapping with quant_method"),
        (
            "layer_types",
            ["full_attention"] * 31,
            "has 31 entries; expected 32 entries, one for each layer",
        ),
    ],
)
@pytest.mark.parametrize("inner", [None, "text_config"])
def test_a_wrong_size_has_a_place(
    tmp_path: Path, key: str, value: object, answer: str, inner: str | None
) -> None:
    """The message also has the line of the workload that named the file."""
    config = CONFIG | {key: value}
    text = json.dumps({inner: config} if inner else config, indent=1)
    path = workload(tmp_path, text)
    line = next(n for n, each in enumerate(text.split("\n"), 1) if f'"{key}"' in each)
    column = text.split("\n")[line - 1].index(": ") + 3
    field = f"{inner}.{key}" if inner else key
    with pytest.raises(InputError) as caught:
        read_workload(path, load_catalog())
    said = str(caught.value)
    place = f"{tmp_path}/meta-llama--Llama-3.1-8B.json:{line}:{column}: {field}: "
    assert said.startswith(place + answer)
    named = next(n for n, each in enumerate(path.read_text().split("\n"), 1) if "model: " in each)
    assert said.endswith(f"; {path}:{named}:8 names this file")


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    path = workload(tmp_path, json.dumps(CONFIG))
    path.write_text(path.read_text().replace("meta-llama--Llama-3.1-8B.json", "./model"))
    (tmp_path / "model").mkdir()
    with pytest.raises(InputError, match=r"/model: is a directory; expected a config\.json; /"):
        read_workload(path, load_catalog())
    (tmp_path / "model" / "config.json").write_text(json.dumps(CONFIG))
    with pytest.raises(InputError, match=r"did you mean '\./model/config\.json'\?"):
        read_workload(path, load_catalog())


def test_a_missing_config_json_names_the_nearest(tmp_path: Path) -> None:
    path = workload(tmp_path, json.dumps(CONFIG))
    path.write_text(path.read_text().replace("8B.json", "8b.json"))
    with pytest.raises(InputError, match=r"no such file; did you mean 'meta-llama--Llama-3\.1-8B"):
        read_workload(path, load_catalog())


def test_two_services_do_not_share_a_name_for_two_models(tmp_path: Path) -> None:
    catalog, files = load_catalog(), []
    for folder, layers in (("a", 32), ("b", 16)):
        (tmp_path / folder).mkdir()
        path = workload(tmp_path / folder, json.dumps(CONFIG | {"num_hidden_layers": layers}))
        path.write_text(path.read_text().replace("name: chat", f"name: chat-{folder}"))
        files.append(read_workload(path, catalog))
    with pytest.raises(InputError, match="another file names a different model"):
        plan_of(files, read_site(ROOT / "Pulumi.dev.yaml"), catalog)


def test_where_a_file_is_from_names_the_model(tmp_path: Path) -> None:
    assert repository_of(Path("x/org--Some-Model.json")) == "org/Some-Model"
    assert repository_of(Path("x/models--org--m/config.json")) == "org/m"
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    row = read_model_file(path, "config.json")
    assert row.names[1] == "config.json" and "SHA-256" in row.source
