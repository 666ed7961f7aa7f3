"""`citygis desk`."""

import http.client
import json
import os
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from store_city import load, make_city, parcels

from citygis.cli import main


def test_another_host_must_be_meant(tmp_path):
    said = CliRunner().invoke(main, ["desk", "--host", "0.0.0.0", "--city", str(tmp_path)])
    assert said.exit_code == 2 and "--allow-remote" in said.output


def test_a_city_without_a_store_is_refused(tmp_path):
    make_city(tmp_path / "city")
    said = CliRunner().invoke(main, ["desk", "--no-open", "--port", "0", "--city", str(tmp_path / "city")])
    assert said.exit_code == 3 and "Load something first" in said.output


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_it_says_where_it_is_open_and_ends_by_ctrl_c(tmp_path):
    load(make_city(tmp_path / "city"), {"parcel": parcels(3)})
    command = [sys.executable, "-m", "citygis.cli", "desk", "--no-open", "--port", "0", "--json", "--city", str(tmp_path / "city")]
    named = {**os.environ, "PYTHONFAULTHANDLER": "1"}
    desk = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=named)
    try:
        said = ""
        while not said.rstrip().endswith("}"):
            line = desk.stdout.readline()
            assert line, desk.stderr.read()
            said += line
        told = json.loads(said)
        assert (told["parcels"], told["profile"], told["change"]) == (3, "public", 1)
        assert urlsplit(told["url"]).hostname == "127.0.0.1"
        connection = http.client.HTTPConnection(urlsplit(told["url"]).netloc, timeout=30)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
    finally:
        desk.send_signal(signal.SIGINT)
        try:
            _, remarks = desk.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            desk.send_signal(signal.SIGABRT)  # says where each of its threads is
            pytest.fail(desk.communicate()[1])
    assert desk.returncode == 0 and "The desk is closed." in remarks
