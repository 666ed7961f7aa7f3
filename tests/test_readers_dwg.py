"""DWG: refused with a way out, or read and held against itself."""

import builtins

import pytest

from citygis.errors import ReadError
from citygis.readers.dwg import differences, read_dwg
from citygis.readers.dxf import read_dxf
from tests.drawings import new_drawing, saved


@pytest.fixture
def drawing(tmp_path):
    document, msp = new_drawing()
    msp.add_line((0, 0), (100, 0))
    msp.add_text("LOT 1", dxfattribs={"insert": (50, 50)})
    return read_dxf(saved(document, tmp_path))


def compared(drawing, entities, header=None):
    found = differences(
        "a.dwg",
        entities=entities,
        outside=0,
        header=header or {},
        drawing=drawing,
        known={*drawing.lines["handle"], *drawing.texts["handle"]},
    )
    return dict(zip(found["rule"], found["severity"], strict=True))


def test_without_the_package_a_dwg_is_refused_with_what_to_ask_for(tmp_path, monkeypatch):
    path = tmp_path / "tract.dwg"
    path.write_bytes(b"AC1032" + b"\x00" * 2000)
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "ezdwg":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ReadError, match=r"DXF 2018.*LandXML.*citygis\[dwg\]"):
        read_dwg(path)


@pytest.mark.parametrize("content", [b"AC1032" + b"\x00" * 3000, b"AC1015" + bytes(range(256)) * 50])
def test_a_dwg_that_is_damaged_is_one_error(tmp_path, content):
    pytest.importorskip("ezdwg")
    path = tmp_path / "hurt.dwg"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=r"cannot be read as DWG|no DXF|cannot be read"):
        read_dwg(path)


def test_what_does_not_begin_as_a_dwg_is_refused(tmp_path):
    path = tmp_path / "a.dwg"
    path.write_bytes(b"  0\nSECTION\n")
    with pytest.raises(ReadError, match="does not begin as one"):
        read_dwg(path)


def test_what_was_read_is_held_against_what_is_there(drawing):
    assert compared(drawing, ["LINE", "TEXT"]) == {}
    assert compared(drawing, ["LINE", "LINE", "TEXT"]) == {"dwg_entities": "error"}
    assert compared(drawing, ["LINE", "TEXT", "HATCH"]) == {"dwg_entities": "review"}


def test_linework_outside_the_extents_of_the_header_is_an_error(drawing):
    assert compared(drawing, ["LINE", "TEXT"], {"extmin": (0, 0, 0), "extmax": (100, 10, 0)}) == {}
    assert compared(drawing, ["LINE", "TEXT"], {"extmin": (0, 0, 0), "extmax": (50, 10, 0)}) == {"dwg_extents": "error"}
    # A drawing that never knew its extents says so with impossible ones.
    assert compared(drawing, ["LINE", "TEXT"], {"extmin": (1e20,) * 3, "extmax": (-1e20,) * 3}) == {}
