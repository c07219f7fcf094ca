import json

from components.naming import Tags
from components.provider import aws_provider
from tests.components.plans import site
from tests.components.recording import named, recorded


def test_only_the_site_s_region_and_accounts(preview: bool) -> None:
    place = site("prod")
    recording = recorded(lambda: aws_provider("p", place, Tags.of_site(place)), preview)
    inputs = named(recording, "p").inputs
    assert inputs["region"] == "us-east-1"
    assert json.loads(str(inputs["allowedAccountIds"])) == ["123456789012"]
    tags = json.loads(str(inputs["defaultTags"]))["tags"]
    assert tags == {"cost-centre": "42", "environment": "prod", "managed-by": "sizewright"}
