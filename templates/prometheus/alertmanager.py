"""How does Alertmanager group alerts, and to which topic does it send them?"""

from typing import Any

RECEIVER = "people"
GROUP_BY = ("alertname", "service")
"""Labels of the alerts that arrive in one message."""
WAIT, AGAIN = "30s", "5m"
"""Time to collect the first alerts of a group, and time before a changed group is sent."""
REPEATS = {"critical": "1h", "warning": "12h", "info": "5d"}
"""Time before an alert that lasts is sent again, by severity. Basis: assumed; at most the 120 h for
which Alertmanager keeps what it has sent (vendor: `repeat_interval` and `--data.retention`)."""
SUBJECT = (
    "[{{ .Status }}] {{ .GroupLabels.alertname }}{{ with .GroupLabels.service }} {{ . }}{{ end }}"
)
"""Subject of a message. Basis: vendor (SNS: ASCII, below 100 characters)."""
MESSAGE = """\
{{ range .Alerts -}}
{{ .Status }}: {{ .Annotations.summary }}
{{ .Annotations.description }}
What to do: {{ .Annotations.runbook }}
{{ with .Annotations.plan }}Number of the plan: {{ . }}
{{ end }}Since {{ .StartsAt }}

{{ end }}"""


def alertmanager_config(topic_arn: Any, region: str) -> dict[str, Any]:
    """Return the configuration: each alert goes to the topic, and its end too.

    `topic_arn` may be a value that exists only after creation. Alertmanager signs with the role of
    its pods. Basis: vendor (Alertmanager: configuration, sns_configs).
    """
    return {
        "global": {},
        "route": {
            "receiver": RECEIVER,
            "group_by": list(GROUP_BY),
            "group_wait": WAIT,
            "group_interval": AGAIN,
            "repeat_interval": REPEATS["warning"],
            "routes": [
                {
                    "receiver": RECEIVER,
                    "matchers": [f'severity="{severity}"'],
                    "repeat_interval": time,
                }
                for severity, time in REPEATS.items()
            ],
        },
        "receivers": [
            {
                "name": RECEIVER,
                "sns_configs": [
                    {
                        "topic_arn": topic_arn,
                        "sigv4": {"region": region},
                        "subject": SUBJECT,
                        "message": MESSAGE,
                        "send_resolved": True,
                    }
                ],
            }
        ],
        "templates": [],
    }
