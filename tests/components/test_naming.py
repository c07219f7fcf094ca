import pytest

from components.naming import Tags, aws_name, partition
from templates.scheduling import label_value
from tests.components.plans import site


def test_product_tags_win_over_the_site_s() -> None:
    own = site("prod").model_copy(update={"tags": {"managed-by": "me", "team": "a"}})
    assert Tags.of_site(own).named("x") == {
        "managed-by": "sizewright",
        "environment": "prod",
        "team": "a",
        "Name": "x",
    }


def test_service_tag_only_where_a_service_owns_it() -> None:
    tags = Tags.of_site(site("dev"))
    assert "service" not in tags.named("x")
    assert tags.of_service("chat").named("x")["service"] == "chat"
    assert "service" not in tags.named("x"), "the stack's own tags are not changed"


@pytest.mark.parametrize(
    ("text", "name"),
    [("g6.xlarge", "g6-xlarge"), ("sizewright-a.b_c", "sizewright-a-b-c"), ("a--b-", "a-b")],
)
def test_aws_name(text: str, name: str) -> None:
    assert aws_name(text) == name


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NVIDIA L4", "NVIDIA-L4"),
        ("A" * 62 + " B", "A" * 62),
        ("H100 (80 GB)", "H100-80-GB"),
    ],
)
def test_label_value(text: str, value: str) -> None:
    assert label_value(text) == value


@pytest.mark.parametrize(
    ("region", "name"),
    [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_partition(region: str, name: str) -> None:
    assert partition(region) == name
