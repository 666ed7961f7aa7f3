"""One run at a time: who is alive keeps the lock, who is gone loses it."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from citygis.lock import Held, holding


def written(path, pid, host=None):
    path.write_text(
        json.dumps({"pid": pid, "host": host or socket.gethostname(), "started": "2026-07-01T06:00:00", "what": "job county"})
    )


def test_a_lock_is_there_while_it_is_held_and_gone_afterwards(tmp_path):
    path = tmp_path / "work" / "lock"
    with holding(path, what="job county"):
        assert json.loads(path.read_text())["pid"] == os.getpid()
        with pytest.raises(Held, match="job county"), holding(path, what="job other"):
            pass
        assert path.exists()
    assert not path.exists()


def test_the_lock_of_a_process_that_runs_is_kept(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        written(tmp_path / "lock", other.pid)
        with pytest.raises(Held, match=f"process {other.pid}"), holding(tmp_path / "lock", what="job county"):
            pass
        other.communicate(b"\n")
    assert (tmp_path / "lock").exists()


def test_the_lock_of_a_process_that_is_gone_is_taken_over_and_told(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", ""])
    other.wait()
    written(tmp_path / "lock", other.pid)
    said = []
    with holding(tmp_path / "lock", what="job county", told=said.append):
        assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()
    assert f"process {other.pid}" in said[0] and not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="only /proc tells when a process began")
def test_a_process_that_began_after_the_lock_is_another_one_of_that_number(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        written(tmp_path / "lock", other.pid)
        os.utime(tmp_path / "lock", (1, 1))
        with holding(tmp_path / "lock", what="job county"):
            pass
        other.communicate(b"\n")


@pytest.mark.skipif(not Path("/proc/sys/kernel/random/boot_id").is_file(), reason="only Linux tells when it was started")
def test_a_lock_from_before_the_machine_was_started_again_is_taken_over_though_the_clock_went_back(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        written(tmp_path / "lock", other.pid)
        text = json.loads((tmp_path / "lock").read_text()) | {"boot": "the day before"}
        (tmp_path / "lock").write_text(json.dumps(text))
        os.utime(tmp_path / "lock", (4e9, 4e9))
        with holding(tmp_path / "lock", what="job county"):
            pass
        other.communicate(b"\n")


def test_a_lock_of_another_machine_is_kept(tmp_path):
    written(tmp_path / "lock", 1, host="elsewhere")
    with pytest.raises(Held, match="on elsewhere"), holding(tmp_path / "lock", what="job county"):
        pass


@pytest.mark.parametrize("text", ["", "mine", '{"pid": 1}'])
def test_a_file_that_is_no_lock_is_left_to_a_person(tmp_path, text):
    (tmp_path / "lock").write_text(text)
    with pytest.raises(Held, match="delete"), holding(tmp_path / "lock", what="job county"):
        pass
    assert (tmp_path / "lock").read_text() == text


def test_the_lock_goes_when_the_block_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), holding(tmp_path / "lock", what="job county"):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
