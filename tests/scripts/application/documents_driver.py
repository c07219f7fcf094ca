"""Questions about documents, with OpenAI's own client.

It runs in the environment of OGX. Standard input is JSON: url, model, token and questions; each is
a follow-up of the one before. Standard output has one line of JSON for each answer.
"""

import json
import sys

from openai import OpenAI

GIVEN = json.load(sys.stdin)
client = OpenAI(base_url=f"{GIVEN['url']}/v1", api_key=GIVEN["token"], max_retries=0, timeout=60)
before = None
for question in GIVEN["questions"]:
    answer = client.responses.create(
        model=GIVEN["model"],
        input=question,
        previous_response_id=before,
        tools=[{"type": "file_search", "vector_store_ids": ["documents"]}],
        include=["file_search_call.results"],
    )
    before = answer.id
    (search,) = [each for each in answer.output if each.type == "file_search_call"]
    found = [[each.filename, each.text] for each in search.results or []]
    line = {"text": answer.output_text, "query": search.queries, "found": found}
    sys.stdout.write(json.dumps(line) + "\n")
