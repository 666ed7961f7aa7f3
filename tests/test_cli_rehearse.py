"""`citygis rehearse` as a user starts it: ready, reachable, stopped by Ctrl-C; and what it refuses."""

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.request

import pytest
from click.testing import CliRunner
from rehearsal_parcels import parcels

from citygis.cli import main
from citygis.rehearsal.frames import write_frames


@pytest.fixture
def file(tmp_path):
    write_frames(tmp_path / "city.gpkg", {"Parcels": parcels(3)})
    return tmp_path / "city.gpkg"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_interrupted_and_ends_well(file, tmp_path, stop):
    faults = tmp_path / "faults.toml"
    faults.write_text('[[faults]]\non = "portal"\nkind = "503"\nnth = [2]\n')
    command = [sys.executable, "-m", "citygis.cli", "rehearse", str(file), "--json", "--faults", str(faults), "--anonymous"]
    environment = {**os.environ, "CITYGIS_REHEARSAL_PASSWORD": "correct horse"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        ready = json.loads(process.stdout.readline())
        trust = ssl.create_default_context(cafile=ready["certificate"])
        with urllib.request.urlopen(f"{ready['portal']}/sharing/rest/info?f=json", context=trust, timeout=10) as reply:
            assert json.load(reply)["authInfo"]["isTokenBasedSecurity"] is True
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{ready['portal']}/sharing/rest/info?f=json", context=trust, timeout=10)
        assert refused.value.code == 503
        refused.value.close()
        address = ready["layers"]["Parcels"]["url"]
        with urllib.request.urlopen(f"{address}/query?where=1%3D1&returnCountOnly=true&f=json", context=trust, timeout=10) as reply:
            assert json.load(reply) == {"count": 3}
        process.send_signal(stop)
        _, messages = process.communicate(timeout=20)
    assert process.returncode == 0
    assert ready["password"] == "correct horse" and "correct horse" not in messages and messages.strip() == "Stopped."


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["missing.gpkg"], "not there"),
        (["{file}", "--layer", "nothing"], "has no layer nothing"),
        (["{file}", "--faults", "missing.toml"], "missing.toml"),
        (["{folder}/no.gpkg"], "cannot be read as a GeoPackage"),
    ],
)
def test_what_cannot_be_served_is_refused_with_3(file, tmp_path, arguments, word):
    (tmp_path / "no.gpkg").write_text("words, not a GeoPackage")
    said = [a.format(file=file, folder=tmp_path) for a in arguments]
    result = CliRunner().invoke(main, ["rehearse", *said])
    assert result.exit_code == 3 and word in result.output, result.output
