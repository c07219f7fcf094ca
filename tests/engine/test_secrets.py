"""The provider receives a secret unchanged, and nobody else does."""

from pathlib import Path

import pulumi
from pulumi import automation
from pulumi_kubernetes.core.v1 import Secret
from pulumi_kubernetes.provider import Provider

from testbed.engine import PASSPHRASE, Stack
from tests.engine.conftest import MakeStack

CANARY = "canary-5f1d0a"


def test_no_state_file_holds_a_secret_in_the_clear(make_stack: MakeStack) -> None:
    stack = make_stack()
    pulumi_stack = stack.automation
    pulumi_stack.set_config("password", automation.ConfigValue(CANARY, secret=True))

    def program() -> None:
        password = pulumi.Config().require_secret("password")
        provider = Provider("there")
        given = Secret(
            "given",
            metadata={"name": "given"},
            string_data={"password": password},
            opts=pulumi.ResourceOptions(provider=provider),
        )
        pulumi.export("echo", given.string_data)

    pulumi_stack.workspace.program = program
    result = pulumi_stack.up()
    assert [thing.inputs["stringData"] for thing in stack.world.things] != []
    assert CANARY in str(stack.world.things[0].inputs)
    assert CANARY not in result.stdout
    assert CANARY not in stored(stack.folder)
    assert "ciphertext" in stored(stack.folder)


def test_the_chat_stack_stores_no_password_in_the_clear(deployed: Stack) -> None:
    """The stand-in makes up a password for the database, as a provider could."""
    text = stored(deployed.folder)
    [database] = deployed.world.of_type("aws:rds/cluster:Cluster")
    assert database.outputs["arn"] in text
    assert database.outputs["masterPassword"] not in text
    assert PASSPHRASE not in text


def stored(folder: Path) -> str:
    files = [path for path in (folder / "state").rglob("*.json") if path.is_file()]
    assert files
    return "\n".join(path.read_text("utf-8") for path in files)
