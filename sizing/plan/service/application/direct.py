"""Searches and vectors that users request without an answer, and what they add."""

from sizing.plan.part import Part
from sizing.values.exact import Number


class DirectPlan(Part):
    """Requests for documents and vectors alone. They have the course of the service's requests."""

    searches_per_request: Number
    """Searches for one request of the service."""
    embeddings_per_request: Number
    """Texts for vectors for one request of the service."""
    searches_per_s: Number
    """Searches a second at the busiest moment. Each is a vector, and a read of the database."""
    embeddings_per_s: Number
    """Texts a second at the busiest moment. Each is a vector."""
    cpu_s_per_embedding: Number
    """CPU seconds of the application for the vector of a text, the highest measured."""
    search_bytes: int
    """Bytes of the answer to a search at most."""
    embedding_bytes: int
    """Bytes of the vector of a text in an answer, written in decimals."""
    sent_bytes_per_request: Number
    """Bytes of these requests for one request of the service."""
    answer_bytes_per_request: Number
    """Bytes of their answers for one request of the service."""
