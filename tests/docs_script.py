"""The generator of the documentation, for the tests of what it writes."""

import importlib.util
import sys

from conftest import ROOT


def make_docs():
    """scripts/make_docs.py as a module."""
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        spec = importlib.util.spec_from_file_location("make_docs", ROOT / "scripts" / "make_docs.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    return module
