"""The plain reader sends nothing where it was not meant to go, and believes no reply that is not whole."""

import gzip
import http.server
import json
import threading
import time

import pytest

from citygis.errors import ReadError
from citygis.readers.service import ServiceFault, client, is_service_url, plain_reader, require_service_url


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://gis.example/arcgis/rest/services/Parcels/FeatureServer/0", True),
        ("https://gis.example/arcgis/rest/services/Parcels/FeatureServer", True),
        ("https://gis.example/arcgis/rest/services/Base/MapServer/12/", True),
        ("HTTPS://gis.example/x/featureserver/0?f=json", True),
        ("https://gis.example/parcels.zip", False),
        ("https://gis.example/FeatureServer/0/query", False),
        ("parcels.gpkg", False),
        ("FeatureServer/0", False),
        ("https://[bad/FeatureServer/0", False),
        (None, False),
    ],
)
def test_what_is_the_address_of_a_service(text, is_one):
    assert is_service_url(text) is is_one


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://gis.example/FeatureServer/0", "https only"),
        ("http://localhost.example/FeatureServer/0", "https only"),
        ("https://clerk:secretword@gis.example/FeatureServer/0", "refused"),
        ("https://gis.example/FeatureServer/0?token=secretword", "refused"),
        ("https://gis.example/FeatureServer/0?f=json&token=secretword", "refused"),
        ("https://gis.example:port/FeatureServer/0", "no address"),
        ("https://gis.example/file.zip", "no feature service"),
    ],
)
def test_an_address_that_would_leak_or_is_none_is_refused(url, words):
    with pytest.raises(ReadError, match=words) as told:
        require_service_url(url)
    assert "secretword" not in str(told.value)


def test_an_address_loses_its_query_and_last_slash():
    assert require_service_url("https://gis.example/FeatureServer/0/?f=json#top") == "https://gis.example/FeatureServer/0"


class Scripted(http.server.BaseHTTPRequestHandler):
    """Answers with what the test put there; keeps what was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        if length := int(self.headers.get("Content-Length") or 0):
            self.rfile.read(length)
        self.server.script(self)

    do_POST = do_GET

    def log_message(self, *words):
        pass

    def answer(self, body, status=200, **headers):
        self.send_response(status)
        for name, value in ({"Content_Length": len(body)} | headers).items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def served():
    """A loopback server and the address of a layer on it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    server.seen = []
    server.script = lambda handler: handler.answer(b'{"count": 3}')
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server, f"http://127.0.0.1:{server.server_port}/rest/services/Lots/FeatureServer/0"
    server.shutdown()
    server.server_close()


def count(url, **options):
    return plain_reader(url, **options).query({"where": "1=1", "returnCountOnly": True})


def test_a_short_query_is_a_get_and_a_long_one_a_post(served):
    server, url = served
    assert count(url) == {"count": 3}
    plain_reader(url).query({"where": "APN IN (" + ",".join(["'001-002-03'"] * 300) + ")"})
    assert [seen[0] for seen in server.seen] == ["GET", "POST"]
    assert "returnCountOnly=true" in server.seen[0][1]
    assert "?" not in server.seen[1][1]


def test_one_connection_serves_a_whole_read(served):
    server, url = served
    reader = plain_reader(url)
    ports = set()
    server.script = lambda handler: (ports.add(handler.client_address[1]), handler.answer(b'{"count": 3}'))
    for _ in range(5):
        reader.query({"where": "1=1"})
    assert len(ports) == 1


def test_no_token_leaves_unless_it_was_given_for_this_host(served, monkeypatch):
    server, url = served
    host = url.split("/")[2]
    monkeypatch.setenv("CITYGIS_TOKEN", "abcdef123456")
    count(url)
    monkeypatch.setenv("CITYGIS_TOKEN_HOST", "www.arcgis.com, 127.0.0.1")  # this host on another port
    count(url)
    monkeypatch.setenv("CITYGIS_TOKEN_HOST", f"www.arcgis.com, {host}")
    count(url)
    count(url, token="given789")
    assert [seen[2].get("X-Esri-Authorization") for seen in server.seen] == [None, None, "Bearer abcdef123456", "Bearer given789"]
    assert not any("abcdef" in seen[1] or "given789" in seen[1] for seen in server.seen)


def test_a_token_is_in_no_text_of_the_reader(served):
    _, url = served
    reader = plain_reader(url, token="abcdef123456")
    assert "abcdef" not in f"{reader!r} {reader}"


def test_a_redirect_is_not_followed(served):
    server, url = served
    server.script = lambda handler: handler.answer(b"", 302, Location="https://elsewhere.example/FeatureServer/0?token=abc")
    with pytest.raises(ServiceFault, match="another address") as told:
        count(url, token="abcdef123456")
    assert told.value.kind == "refused"
    assert len(server.seen) == 1


def test_gzip_is_read(served):
    server, url = served
    server.script = lambda handler: handler.answer(gzip.compress(b'{"count": 7}'), Content_Encoding="gzip")
    assert count(url) == {"count": 7}


def test_a_reply_that_unpacks_without_end_is_given_up(served, monkeypatch):
    server, url = served
    monkeypatch.setattr(client, "LARGEST_REPLY_BYTES", 1_000_000)
    bomb = gzip.compress(b" " * 50_000_000)
    server.script = lambda handler: handler.answer(bomb, Content_Encoding="gzip")
    with pytest.raises(ServiceFault, match="larger") as told:
        count(url)
    assert told.value.kind == "too_large"


@pytest.mark.parametrize("packed", [False, True])
def test_half_a_body_is_not_an_answer_even_where_it_is_json(served, packed):
    server, url = served
    whole = gzip.compress(b'{"count": 3}    ') if packed else b'{"count": 3}    '

    def half(handler):
        handler.answer(
            whole[:-3], Content_Length=len(whole), Connection="close", **({"Content_Encoding": "gzip"} if packed else {})
        )
        handler.close_connection = True

    server.script = half
    with pytest.raises(ServiceFault) as told:
        count(url)
    assert told.value.kind == "ambiguous"


def test_a_server_that_says_nothing_is_given_up_and_asked_anew_on_a_new_connection(served):
    server, url = served
    reader = plain_reader(url, timeout_s=(10, 1.0))
    answer = server.script
    server.script = lambda handler: time.sleep(2.0)
    with pytest.raises(ServiceFault) as told:
        reader.query({"where": "1=1"})
    assert told.value.kind == "ambiguous"
    server.script = answer
    assert reader.query({"where": "1=1"}) == {"count": 3}


def test_a_server_that_is_not_there_was_not_reached(served):
    server, url = served
    server.shutdown()
    server.server_close()
    with pytest.raises(ServiceFault) as told:
        count(url)
    assert told.value.kind == "not_sent"


def test_a_name_that_resolves_nowhere_was_not_reached():
    with pytest.raises(ServiceFault) as told:
        count("https://gis.invalid/FeatureServer/0")
    assert told.value.kind == "not_sent"


def test_a_certificate_that_is_none_is_told(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ReadError, match="PEM"):
        plain_reader("https://gis.example/FeatureServer/0", certificate=tmp_path / "ca.pem")


def test_an_error_in_a_reply_of_status_200_is_a_fault(served):
    server, url = served
    body = json.dumps({"error": {"code": 499, "message": "Token Required", "details": []}}).encode()
    server.script = lambda handler: handler.answer(body)
    with pytest.raises(ServiceFault) as told:
        plain_reader(url).definition()
    assert (told.value.kind, told.value.code) == ("auth", 499)
