"""Earlier prompts of the owner of a job, as context for the stage that rewrites prompts.

It runs next to `job_worker.py` with boto3, without any other library.
"""

from __future__ import annotations

import json
import time
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from job_store import Row, code_of
from prompt_stages import Stages


class HistoryError(OSError):
    """The earlier prompts of an owner cannot be read."""


class History:
    """Earlier prompts of the owners of jobs, in an index of the table."""

    def __init__(self, table: Any, index: str, most: int) -> None:
        self._table, self._index, self._most = table, index, most

    def earlier(self, row: Row) -> list[str]:
        """Prompts of completed jobs among the newest that the job's owner sent before it.

        One request reads at most that many rows. An index is eventually consistent, so that a job
        of the last moment may be missing. Raises HistoryError.

        Guard: only completed jobs. The prompt of another one may be unsafe, and nothing checks it
        here.
        """
        names = ("owner", "created_at", "state", "expires_at", "request")
        values = {
            ":owner": row["owner"],
            ":created_at": row["created_at"],
            ":state": "completed",
            ":now": int(time.time()),
        }
        try:
            found = self._table.query(
                IndexName=self._index,
                KeyConditionExpression="#owner = :owner AND #created_at < :created_at",
                FilterExpression="#state = :state AND #expires_at > :now",
                ProjectionExpression="#request",
                ExpressionAttributeNames={f"#{name}": name for name in names},
                ExpressionAttributeValues=values,
                ScanIndexForward=False,
                Limit=self._most,
            )
        except (BotoCoreError, ClientError) as fault:
            raise HistoryError(code_of(fault)) from fault
        return [json.loads(each["request"])["prompt"] for each in found["Items"]]


def history_of(stages: Stages | None, given: dict[str, str]) -> History | None:
    """Earlier prompts for the stage that rewrites prompts; None where it reads none.

    The connection and the answer may each take half of that stage's time, without a repetition.
    """
    if stages is None or not stages.history:
        return None
    half_s = stages.enhance_s / 2
    config = Config(connect_timeout=half_s, read_timeout=half_s, retries={"total_max_attempts": 1})
    region = {"region_name": given["AWS_REGION"], "config": config}
    table = boto3.resource("dynamodb", **region).Table(given["TABLE"])
    return History(table, given["OWNER_INDEX"], stages.history)
