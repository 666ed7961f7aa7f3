"""Publishing: a file is there whole or not at all."""

import os
import subprocess
import sys
import time

import pytest

from citygis.errors import StoreError
from citygis.publish import file_sha256, publish_text, publishing


def test_a_file_appears_only_when_the_block_ends(tmp_path):
    path = tmp_path / "new" / "report.html"
    with publishing(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists() and temporary.suffix == ".html"
    assert path.read_text() == "whole"
    assert os.listdir(path.parent) == ["report.html"]


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("before")
    with pytest.raises(RuntimeError), publishing(path, overwrite=True) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["kept.txt"]


def test_a_failure_takes_back_the_folders_it_made(tmp_path):
    with pytest.raises(RuntimeError), publishing(tmp_path / "a" / "b" / "c.txt"):
        raise RuntimeError
    assert os.listdir(tmp_path) == []


def test_nothing_is_replaced_without_overwrite(tmp_path):
    publish_text(tmp_path / "a.txt", "one")
    with pytest.raises(StoreError, match="--overwrite"):
        publish_text(tmp_path / "a.txt", "two")
    publish_text(tmp_path / "a.txt", "three", overwrite=True)
    assert (tmp_path / "a.txt").read_text() == "three"


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(StoreError, match="folder"):
        publish_text(tmp_path, "text")


def test_a_full_disk_is_one_clear_error_and_changes_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    code = f"""
import resource
from citygis.errors import StoreError
from citygis.publish import publish_text
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    publish_text({str(path)!r}, "x" * 100_000, overwrite=True)
except StoreError as error:
    print("refused", error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.startswith("refused"), result.stderr
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["a.txt"]


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    code = f"""
import time
from citygis.publish import publishing
with publishing({str(path)!r}, overwrite=True) as temporary:
    temporary.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.wait()
    time.sleep(0.01)
    assert path.read_text() == "before"


def test_the_digest_of_a_file_is_the_one_that_the_standard_states(tmp_path):
    (tmp_path / "abc.txt").write_bytes(b"abc")  # FIPS 180-4, example of SHA-256
    assert file_sha256(tmp_path / "abc.txt") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
