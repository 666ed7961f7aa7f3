"""What a PDF says of itself: the marks of an archive file."""

import io

import pikepdf
import pytest
from PIL import ImageCms

from citygis.sheets.catalog import About
from citygis.sheets.pdf import pdf_bytes
from citygis.sheets.scene import Group, Scene, rectangle, text

SCENE = Scene(
    288,
    216,
    (
        Group("Lots", (rectangle((10, 10, 90, 90), fill="#eeeeee", opacity=0.5),)),
        Group("Names", (text("Egret Street", 10, 10, 8)._replace(halo="#ffffff", halo_pt=1.0),), on=False),
    ),
)
ABOUT = About("Parcel Map", "1 inch = 100 feet", "City of Riverbend", "parcels", "2026-11-22T09:30:00-08:00")


@pytest.fixture(scope="module")
def archived():
    with pikepdf.open(io.BytesIO(pdf_bytes(SCENE, about=ABOUT, archive=True))) as pdf:
        yield pdf


def test_an_archive_file_claims_part_two_level_b(archived):
    with archived.open_metadata() as metadata:
        assert metadata.pdfa_status == "2B"


def test_without_archive_nothing_is_claimed():
    with pikepdf.open(io.BytesIO(pdf_bytes(SCENE, about=ABOUT))) as pdf:
        assert "/OutputIntents" not in pdf.Root
        assert b"pdfaid" not in pdf.Root["/Metadata"].read_bytes()


def test_its_output_intent_is_an_srgb_profile_that_names_no_day(archived):
    (intent,) = archived.Root["/OutputIntents"]
    assert intent["/S"] == "/GTS_PDFA1"
    assert intent["/DestOutputProfile"]["/N"] == 3
    data = intent["/DestOutputProfile"].read_bytes()
    profile = ImageCms.ImageCmsProfile(io.BytesIO(data)).profile
    assert profile.xcolor_space.strip() == "RGB"
    assert "sRGB" in profile.profile_description
    # IEC 61966-2-1: the red primary is x 0.64, y 0.33.
    assert profile.red_primary[1][:2] == pytest.approx((0.64, 0.33), abs=0.01)
    assert data[24:36] == (1970).to_bytes(2, "big") + bytes([0, 1, 0, 1]) + bytes(6)
    # PDF/A-2 takes ICC versions 2 and 4.
    assert data[8] in (2, 4)


def test_its_version_identifier_and_encryption_are_those_asked_for(archived):
    # ISO 19005-2: 6.1.2 header, 6.1.3 ID and no Encrypt.
    assert archived.pdf_version == "1.7"
    assert len(archived.trailer["/ID"]) == 2
    assert not archived.is_encrypted


def test_its_fonts_are_embedded_with_true_widths(archived):
    fonts = archived.pages[0].obj["/Resources"]["/Font"]
    assert len(fonts) == 1
    for font in fonts.values():
        assert "/FontFile2" in font["/DescendantFonts"][0]["/FontDescriptor"]
        assert font["/DescendantFonts"][0]["/CIDToGIDMap"] == "/Identity"
        assert "/ToUnicode" in font


def test_its_layers_are_named_ordered_and_have_no_automatic_states(archived):
    # ISO 19005-2, 6.9: a name, every group in the Order, no AS key.
    configuration = archived.Root["/OCProperties"]["/D"]
    assert str(configuration["/Name"])
    assert "/AS" not in configuration
    groups = {layer.objgen for layer in archived.Root["/OCProperties"]["/OCGs"]}
    assert {layer.objgen for layer in configuration["/Order"]} == groups
    assert [str(layer["/Name"]) for layer in configuration["/OFF"]] == ["Names"]


def test_its_information_is_that_of_its_metadata(archived):
    # ISO 19005-2, 6.6.3.
    with archived.open_metadata() as metadata:
        pairs = [
            ("/Title", metadata["dc:title"]),
            ("/Subject", metadata["dc:description"]),
            ("/Author", metadata["dc:creator"][0]),
            ("/Keywords", metadata["pdf:Keywords"]),
            ("/Producer", metadata["pdf:Producer"]),
        ]
        assert metadata["xmp:CreateDate"] == "2026-11-22T09:30:00-08:00"
    assert {key: str(archived.docinfo[key]) for key, _ in pairs} == dict(pairs)
    assert str(archived.docinfo["/CreationDate"]) == "D:20261122093000-08'00"


def test_it_has_no_script_no_attachment_and_no_outside_content(archived):
    assert not {"/Names", "/AA", "/OpenAction", "/AcroForm", "/EmbeddedFiles"} & set(archived.Root.keys())
    assert "/Annots" not in archived.pages[0].obj
