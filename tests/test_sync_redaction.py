"""Secrets are cut out wherever they stand, and known ones wherever they occur."""

import http.client
import io
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from citygis.sync.redaction import CUT, RedactingFilter, known_secret, redacted

TOKEN = "aB3dE6gH9jK2mN5pQ8sT"


@pytest.mark.parametrize(
    "text",
    [
        f"X-Esri-Authorization: Bearer {TOKEN}",
        f"{{'X-Esri-Authorization': 'Bearer {TOKEN}', 'Referer': 'http'}}",
        f"{{'Authorization': 'Basic {TOKEN}'}}",
        f"Authorization: {TOKEN}",
        f"send: b'GET /x HTTP/1.1\\r\\nX-Esri-Authorization: Bearer {TOKEN}\\r\\n\\r\\n'",
        f"https://gis.example/FeatureServer/0?f=json&token={TOKEN}&where=1",
        f"https://gis.example/#access_token={TOKEN}&expires_in=60",
        f"username=clerk&password={TOKEN}&f=json",
        f'{{"token": "{TOKEN}", "expires": 17}}',
        f"{{'password': '{TOKEN}'}}",
        f'token = "{TOKEN}"',
        f'Content-Disposition: form-data; name="password"\r\n\r\n{TOKEN}\r\n--boundary',
        f"https://clerk:{TOKEN}@gis.example/x",
        f"bearer {TOKEN}",
        f"client_secret={TOKEN}",
    ],
)
def test_a_secret_is_cut_by_the_place_it_stands_in(text):
    cut = redacted(text)
    assert TOKEN not in cut
    assert CUT in cut
    assert redacted(cut) == cut


@pytest.mark.parametrize(
    "text",
    [
        "Short read of https://gis.example/FeatureServer/0: 4,803 features were read and it counts 5,003",
        "Token Required (499)",
        "The bearer of this certificate lives at 12 Elm Street.",
        "invalid password",
        "APN 001-002-03",
    ],
)
def test_a_text_without_secrets_stays_as_it_is(text):
    assert redacted(text) == text


def test_a_known_secret_is_cut_anywhere_and_however_it_is_written():
    known_secret("p&ss w/rd é", None, "", "abc")
    for text in ("it was p&ss w/rd é!", "q=p%26ss%20w%2Frd%20%C3%A9", "q=p%26ss+w%2Frd+%C3%A9"):
        assert CUT in redacted(text)
        assert "rd" not in redacted(text)
    assert redacted("abc") == "abc"


def test_a_record_loses_its_secrets_and_keeps_its_words():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    logger = logging.Logger("a logger of its own")
    logger.addHandler(handler)
    logger.warning("asked %s with %s", "https://gis.example", {"token": TOKEN})
    try:
        raise ValueError(f"token={TOKEN}")
    except ValueError:
        logger.exception("it failed")
    logger.warning("too few %s %s", "words")
    said = stream.getvalue()
    assert TOKEN not in said
    assert f"asked https://gis.example with {{'token': '{CUT}'}}" in said
    assert "ValueError" in said
    assert "Traceback" in said


def test_every_logger_and_what_http_client_prints_lose_them_whoever_adds_handlers_later():
    code = f"""
import http.client, logging, sys
from citygis.sync.redaction import redact_logging
redact_logging()
redact_logging()
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
logging.getLogger("urllib3.connectionpool").debug("GET /x?token={TOKEN}")
logging.getLogger("anything").handlers.append(logging.StreamHandler(sys.stdout))
logging.getLogger("anything").error("header %s", "Bearer {TOKEN}")
http.client.HTTPConnection.debuglevel = 1
http.client.print("send:", repr("X-Esri-Authorization: Bearer {TOKEN}"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert TOKEN not in done.stdout + done.stderr
    assert done.stdout.count(CUT) == 4


def test_http_client_still_prints_through_its_own_name():
    # The one place that is reached into: if it prints in another way one day, this says so.
    source = Path(http.client.__file__).read_text(encoding="utf-8")
    assert source.count("print(") >= 5
    assert "sys.stdout.write" not in source
