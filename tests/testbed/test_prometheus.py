"""The Prometheus of the tests holds what it is given."""

import json
import urllib.request

import pytest

from testbed.prometheus import Prometheus, prometheus_missing

pytestmark = pytest.mark.skipif(bool(prometheus_missing()), reason=prometheus_missing())

SAMPLES = """\
# TYPE requests gauge
requests{pod="a"} 3 1700000000
requests{pod="b"} 4 1700000000
# EOF
"""


def test_a_real_prometheus_answers_from_the_samples_that_it_is_given() -> None:
    with Prometheus(SAMPLES) as server:
        query = f"{server.url}/api/v1/query?query=sum(requests)&time=1700000060"
        with urllib.request.urlopen(query) as answer:
            found = json.load(answer)["data"]["result"]
    assert found == [{"metric": {}, "value": [1700000060, "7"]}]
