"""Searches and vectors without an answer, with OpenAI's own client.

It runs in the environment of OGX. Standard input is JSON: url, model, token, query and texts.
Standard output is JSON: the stores, what the search found, and the vectors in both forms.
"""

import json
import sys

from openai import OpenAI

GIVEN = json.load(sys.stdin)
client = OpenAI(base_url=f"{GIVEN['url']}/v1", api_key=GIVEN["token"], max_retries=0, timeout=60)
listed = [store.id for store in client.vector_stores.list()]
store = client.vector_stores.retrieve(listed[0])
page = client.vector_stores.search(store.id, query=GIVEN["query"], max_num_results=50)
usual = client.embeddings.create(model=GIVEN["model"], input=GIVEN["texts"])
decimals = client.embeddings.create(
    model=GIVEN["model"], input=GIVEN["texts"], encoding_format="float"
)
out = {
    "listed": listed,
    "store": store.model_dump(),
    "found": [[each.filename, each.content[0].text] for each in page.data],
    "page": page.model_dump_json(),
    "vectors": [each.embedding for each in usual.data],
    "decimals": [each.embedding for each in decimals.data],
    "model": usual.model,
}
sys.stdout.write(json.dumps(out, default=str) + "\n")
