"""A Prometheus, read over its HTTP API. Each fault becomes one InputError that names its address.

It only reads: `/api/v1/query` and `/api/v1/query_range`, with GET.
"""

import json
import math
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

from sizewright.reading.input_error import InputError, quoted

TIMEOUT_S = 60
"""Seconds in which an answer must begin. Basis: assumed; Prometheus ends a query after 120."""
MOST_BYTES = 64 * 1024 * 1024
"""Most bytes of one answer. Basis: assumed; a week of hours of a thousand pods has fewer."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
API = "a Prometheus, as http://HOST:9090, or an address with its HTTP API"
DENIED = (401, 403)


@dataclass(frozen=True)
class Series:
    """One series of an answer: its labels, and its values by time."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]
    """Seconds since 1970, and the value there. Values that are no numbers are left out."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Guard: urllib would send the token to the address that a redirect names."""

    def http_error_302(self, *_: object, **__: object) -> None:
        """Leave each redirect to the handler of errors."""

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


class Prometheus:
    """A server with the HTTP API of Prometheus.

    The certificate of an https address is verified with the authorities of this machine, or of the
    file that SSL_CERT_FILE names. Proxies are those of the environment.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        """Raises InputError for an address that is none, and for a token that would travel in the
        clear."""
        self.url = url.rstrip("/")
        self._headers = {"Accept": "application/json"}
        parts = _parts(url)
        if token is not None:
            if parts.scheme != "https" and parts.hostname not in LOOPBACK:
                hint = "forward a port, so that the address is on this machine"
                message = "a token would travel without encryption"
                raise InputError(self.url, message=message, expected="https", suggestion=hint)
            self._headers["Authorization"] = f"Bearer {token}"
        self._opener = urllib.request.build_opener(_NoRedirects)

    def at(self, query: str, time: float) -> list[Series]:
        """Return the value of a query at one time. Raises InputError."""
        return self._series("query", {"query": query, "time": f"{time:.3f}"}, "value")

    def over(self, query: str, start: float, end: float, step_s: float) -> list[Series]:
        """Return the values of a query at `start`, `start` + `step_s` ... `end`. Raises
        InputError."""
        wanted = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step_s}"}
        return self._series("query_range", wanted, "values")

    def _series(self, path: str, wanted: Mapping[str, str], key: str) -> list[Series]:
        answer = self._answer(f"{self.url}/api/v1/{path}?{urlencode(wanted)}")
        try:
            result = answer["data"]["result"]
            return [
                Series(each["metric"], _points([each[key]] if key == "value" else each[key]))
                for each in result
            ]
        except (KeyError, TypeError, ValueError):
            raise self._fault("its answer is not that of Prometheus", API) from None

    def _answer(self, address: str) -> Mapping[str, Any]:
        request = urllib.request.Request(address, headers=self._headers)
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                return self._json(response)
        except urllib.error.HTTPError as fault:
            with fault:
                raise self._refused(fault) from None
        except urllib.error.URLError as fault:
            raise self._unreached(fault.reason) from None
        except (OSError, HTTPException) as fault:
            raise self._unreached(fault) from None

    def _json(self, response: HTTPResponse | IO[bytes]) -> Mapping[str, Any]:
        content = response.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            hint = "choose a shorter --window"
            raise self._fault("its answer is too large", "at most 64 MiB", hint)
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            raise self._fault("its answer is not JSON", API) from None
        if not isinstance(answer, dict) or "status" not in answer:
            raise self._fault("its answer is not that of Prometheus", API)
        return answer

    def _refused(self, fault: urllib.error.HTTPError) -> InputError:
        """Return the fault of an answer whose status is an error."""
        if fault.code in DENIED:
            message = f"denied access: HTTP status {fault.code}"
            return self._fault(message, "a token that may read", "--token-file or --token-env")
        if 300 <= fault.code < 400:
            named = quoted(str(fault.headers.get("Location", "elsewhere")))
            return self._fault(f"redirects to {named}", API, "name the final address")
        try:
            said = str(json.loads(fault.read(10_000))["error"])
        except (ValueError, KeyError, TypeError, OSError, HTTPException):
            return self._fault(f"answers with HTTP status {fault.code}", API)
        return self._fault(f"refused a query: {said}")

    def _unreached(self, reason: object) -> InputError:
        """Return the fault of a connection."""
        match reason:
            case ssl.SSLCertVerificationError():
                text = f"its certificate is not trusted: {reason.verify_message}"
                hint = "SSL_CERT_FILE names a file with your own authority"
                return self._fault(text, "a certificate of a known authority", hint)
            case TimeoutError():
                return self._fault(f"no answer within {TIMEOUT_S} seconds")
            case OSError():
                text = (reason.strerror or str(reason) or "no connection").lower()
            case _:
                text = str(reason) or "the connection broke"
        return self._fault(f"cannot be reached: {text}", "an address that this machine reaches")

    def _fault(self, message: str, expected: str = "", suggestion: str = "") -> InputError:
        return InputError(self.url, message=message, expected=expected, suggestion=suggestion)


def _parts(url: str) -> Any:
    """Parts of the address. Raises InputError."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018 - a port that is no number raises
    except ValueError:
        is_address = False
    if not is_address:
        raise InputError(f"--prometheus {quoted(url)}", message="not an address", expected=API)
    if parts.username or parts.password:
        # Guard: a command line is in the shell's history and in the list of processes.
        hint = "--token-file or --token-env"
        message = "holds a user name or a password"
        raise InputError("--prometheus", message=message, expected=API, suggestion=hint)
    if parts.query or parts.fragment:
        raise InputError(f"--prometheus {quoted(url)}", message="has a query", expected=API)
    return parts


def _points(values: Sequence[Sequence[Any]]) -> list[tuple[float, float]]:
    points = [(float(time), float(value)) for time, value in values]
    return [(time, value) for time, value in points if math.isfinite(value)]
