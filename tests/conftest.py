"""What the tests share: where the real files are, and what must not be skipped."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REQUIRE_ALL = os.environ.get("CITYGIS_REQUIRE_ALL") == "1"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real files beside the checkout; tests that need it are skipped where it is not there."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real files (../shared/data) are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def require_program():
    """
    The path of a system program; the test is skipped without it, or fails where CITYGIS_REQUIRE_ALL=1.
    """

    def require(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            message = f"the program {name} is not installed"
            pytest.fail(message) if REQUIRE_ALL else pytest.skip(message)
        return path

    return require
