"""Stand-in of OGX's command that starts at once: it makes some tables, and answers every request.

STAND_IN_TABLES names the tables. Only the order of statements and kills matters here; the real
OGX makes the tables of the other tests.
"""

import asyncio
import atexit
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import asyncpg

COLUMNS = (
    "id varchar PRIMARY KEY, conversation_id varchar, created_at integer,"
    " previous_response_id varchar, owner_principal varchar"
)


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


async def make_tables() -> None:
    connection = await asyncpg.connect(
        host=os.environ["DATABASE_HOST"],
        port=int(os.environ["DATABASE_PORT"]),
        database=os.environ["DATABASE"],
        user=os.environ["ROLE"],
        password=os.environ["DATABASE_PASSWORD"],
        ssl="disable",
    )
    for table in json.loads(os.environ["STAND_IN_TABLES"]):
        await connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({COLUMNS})")
    await connection.close()


atexit.register(print, "the password is", os.environ["DATABASE_PASSWORD"])
assert "MASTER_SECRET_ARN" not in os.environ
asyncio.run(make_tables())
HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Answers).serve_forever()
