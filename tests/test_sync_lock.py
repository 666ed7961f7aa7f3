"""One run per target."""

import json
import socket
import subprocess
import sys

import pytest

from citygis.errors import SyncError
from citygis.sync.lock import LOCK, locked


def test_a_second_run_is_refused_and_told_who_holds_the_lock(tmp_path):
    with locked(tmp_path):
        with pytest.raises(SyncError, match=f"on {socket.gethostname()}, since") as told, locked(tmp_path):
            pass
        assert "Nothing was sent" in str(told.value)
    assert not (tmp_path / LOCK).exists()


def test_the_lock_goes_when_the_block_fails(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    with locked(tmp_path):
        pass


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_lock_of_a_dead_process_is_taken_over_and_told(tmp_path):
    said = []
    pid = dead_pid()
    (tmp_path / LOCK).write_text(json.dumps({"pid": pid, "host": socket.gethostname(), "since": "2026-01-01 00:00"}))
    with locked(tmp_path, told=said.append):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] != pid
    assert said == [f"The lock of process {pid}, which is gone, was taken over."]


@pytest.mark.parametrize("text", ['{"pid": 1, "host": "another-machine", "since": "2026-01-01 00:00"}', "", "[]", '{"pid": "x"}'])
def test_what_nobody_can_tell_to_be_dead_is_left(tmp_path, text):
    (tmp_path / LOCK).write_text(text)
    with pytest.raises(SyncError, match="delete lock in"), locked(tmp_path):
        pass
    assert (tmp_path / LOCK).read_text() == text
