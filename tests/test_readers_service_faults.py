"""One function says what a failed request was; here is its whole table."""

import http.client
import json
import socket
import ssl

import pytest
import requests
import urllib3

from citygis.readers.service import Reply, ServiceFault, answer_of, fault_of


def reply(status=200, body=b"{}", **headers):
    return Reply(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())


def error(code, message="No.", details=()):
    return {"error": {"code": code, "message": message, "details": list(details)}}


def refused_connection():
    reason = urllib3.exceptions.NewConnectionError(None, "refused")
    return requests.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/", reason=reason))


def wrapped(inner):
    """As the arcgis package does it: the first exception stands only behind the second."""
    try:
        try:
            raise inner
        except Exception as first:
            raise Exception(f"A general error occurred: {first}") from first
    except Exception as second:
        return second


ROLLED_BACK = error(400, "Unable to complete operation.", ["Violated attribute constraint rule.", "Operation rolled back."])


@pytest.mark.parametrize(
    ("problem", "kind", "code"),
    [
        # Replies. 498 and 499 come with status 200 (ArcGIS REST API, "Tokens").
        (reply(body=error(498, "Invalid Token")), "auth", 498),
        (reply(body=error(499, "Token Required")), "auth", 499),
        (reply(401, b"no"), "auth", 401),
        (reply(403, error(403)), "auth", 403),
        (reply(429, b""), "throttled", 429),
        (reply(body=error(429, "Too many requests")), "throttled", 429),
        (reply(413, b"<html>"), "too_large", 413),
        (reply(500, b""), "ambiguous", 500),
        (reply(body=error(500, "Unable to perform operation")), "ambiguous", 500),
        (reply(502, b"<html>"), "ambiguous", 502),
        (reply(503, error(400)), "ambiguous", 503),
        (reply(504, b""), "ambiguous", 504),
        (reply(body=error(504)), "ambiguous", 504),
        (reply(body=b"<html>down for maintenance</html>"), "ambiguous", 200),
        (reply(body=b'{"features":[{"attri'), "ambiguous", 200),
        (reply(body=b""), "ambiguous", 200),
        (reply(body=b"[1,2]"), "ambiguous", 200),
        (reply(body=b"[" * 200_000), "ambiguous", 200),
        (reply(body=error(400, "Cannot perform query. Invalid query parameters.")), "refused", 400),
        (reply(400, error(400)), "refused", 400),
        (reply(404, b"not here"), "refused", 404),
        (reply(body=ROLLED_BACK), "refused", 400),
        (reply(body=error(500, "Unable to complete operation.", ["Operation rolled back."])), "refused", 500),
        (reply(body={"error": "something went wrong"}), "ambiguous", None),
        (reply(body={"status": "error", "messages": ["no"], "code": 403}), "auth", 403),
        (reply(307, b"", Location="https://elsewhere.example/x?token=abc"), "refused", 307),
        # requests and urllib3.
        (refused_connection(), "not_sent", None),
        (requests.ConnectTimeout("slow"), "not_sent", None),
        (requests.ReadTimeout("slow"), "ambiguous", None),
        (requests.ConnectionError("('Connection aborted.', ConnectionResetError(104, 'reset'))"), "ambiguous", None),
        (requests.exceptions.ChunkedEncodingError("half"), "ambiguous", None),
        (requests.exceptions.SSLError(ssl.SSLEOFError("cut")), "ambiguous", None),
        (requests.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed")), "not_sent", None),
        (requests.exceptions.MissingSchema("no"), "refused", None),
        # The standard library.
        (socket.gaierror("unknown host"), "not_sent", None),
        (ConnectionRefusedError(), "not_sent", None),
        (ConnectionResetError(), "ambiguous", None),
        (TimeoutError(), "ambiguous", None),
        (http.client.IncompleteRead(b"half"), "ambiguous", None),
        (http.client.RemoteDisconnected("closed"), "ambiguous", None),
        # The arcgis package: bare exceptions, and dicts in a ValueError.
        (Exception("Invalid Token\n(Error Code: 498)"), "auth", 498),
        (Exception("Token Required\n(Error Code: 499)"), "auth", 499),
        (Exception("Unable to complete operation.\nOperation rolled back.\n(Error Code: 400)"), "refused", 400),
        (Exception("Unable to perform operation\n(Error Code: 500)"), "ambiguous", 500),
        (Exception("Too Many Requests\n(Error Code: 429)"), "throttled", 429),
        (Exception("no code at all\n(Error Code: 0)"), "ambiguous", None),
        (ValueError(error(498, "Invalid Token")), "auth", 498),
        (ValueError(error(400)), "refused", 400),
        (Exception({"code": 429, "message": "Too many"}), "throttled", 429),
        (wrapped(refused_connection()), "not_sent", None),
        (wrapped(requests.ReadTimeout("slow")), "ambiguous", None),
        (wrapped(ServiceFault("refused", "held back")), "refused", None),
        (Exception("<html><body>gateway</body></html>"), "ambiguous", None),
        (KeyError("anything"), "ambiguous", None),
    ],
)
def test_every_failure_has_one_kind(problem, kind, code):
    fault = fault_of(problem)
    assert (fault.kind, fault.code) == (kind, code)


def test_an_answer_is_no_fault():
    assert fault_of(reply(body={"count": 3})) is None
    assert answer_of(reply(body={"count": 3})) == {"count": 3}
    with pytest.raises(ServiceFault):
        answer_of(reply(body=error(498)))


def test_features_that_failed_one_by_one_are_an_answer():
    body = {"addResults": [{"success": False, "error": {"code": 1000, "description": "too long"}}]}
    assert fault_of(reply(body=body)) is None


@pytest.mark.parametrize(("text", "seconds"), [("7", 7.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 60.0), (None, None)])
def test_what_the_server_asks_to_wait_is_kept(text, seconds):
    headers = {"Retry-After": text} if text else {}
    assert fault_of(Reply(429, headers, b"")).retry_after_s == seconds


def test_a_long_error_stays_short_and_says_each_detail_once():
    fault = fault_of(reply(body=error(400, "Unable to complete operation.", ["Operation rolled back."] * 500)))
    assert str(fault) == "Unable to complete operation. Operation rolled back. (400)"
    assert len(str(fault_of(reply(body=error(400, "x" * 10_000))))) < 400


def test_a_redirect_is_told_without_its_query():
    fault = fault_of(reply(302, b"", Location="https://elsewhere.example/x?token=abc"))
    assert "elsewhere.example" in str(fault)
    assert "abc" not in str(fault)
