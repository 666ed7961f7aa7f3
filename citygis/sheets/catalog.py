"""
What a PDF says of itself: layers, title, how it wants to be printed, and the marks of an archive file.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import pikepdf
from pikepdf.models.metadata import encode_pdf_date
from PIL import ImageCms

PDF_VERSION = "1.7"
"""ISO 32000-1, which PDF/A-2 is made of (ISO 19005-2, 6.1.2)."""

PRODUCER = "citygis"


class About(NamedTuple):
    """
    A document's information.

    Parameters
    ----------
    title, subject, author, keywords : str
        Left out when empty.
    created : str
        A date as in ``2026-11-22T09:30:00-08:00``. Empty for none, so that the file does not depend on the day.
    """

    title: str = ""
    subject: str = ""
    author: str = ""
    keywords: str = ""
    created: str = ""


def complete(pdf: pikepdf.Pdf, about: About, layers: Mapping[str, pikepdf.Object], off: set[str], *, archive: bool) -> None:
    """
    Write the catalog of a file whose pages are done.

    Parameters
    ----------
    pdf : Pdf
        Changed.
    about : About
    layers : mapping of str to object
        Optional content groups by name, bottom-up.
    off : set of str
        Names of those that are not shown at first.
    archive : bool
        Prepare for PDF/A-2b (ISO 19005-2): an sRGB output intent, and the claim in the metadata.
    """
    groups = list(layers.values())
    configuration = pikepdf.Dictionary(
        Name=pikepdf.String("Layers"),
        BaseState=pikepdf.Name.ON,
        # Without an Order some viewers show an empty layer list. Readers expect the top layer first.
        Order=pikepdf.Array(groups[::-1]),
    )
    if off:
        configuration["/OFF"] = pikepdf.Array([layers[name] for name in layers if name in off])
    pdf.Root["/OCProperties"] = pikepdf.Dictionary(OCGs=pikepdf.Array(groups), D=configuration)
    # "Fit to page" in the print dialogue is the commonest way an exact scale dies.
    pdf.Root["/ViewerPreferences"] = pikepdf.Dictionary(
        PrintScaling=pikepdf.Name("/None"), PickTrayByPDFSize=True, DisplayDocTitle=True
    )
    pdf.Root["/PageMode"] = pikepdf.Name.UseOC
    _write_about(pdf, about, archive)
    if archive:
        pdf.Root["/OutputIntents"] = pikepdf.Array([_output_intent(pdf)])


def off_layers(pdf: pikepdf.Pdf) -> set[str]:
    """Names of the layers that `pdf` does not show at first."""
    configuration = pdf.Root.get("/OCProperties", pikepdf.Dictionary()).get("/D", pikepdf.Dictionary())
    return {str(layer["/Name"]) for layer in configuration.get("/OFF", pikepdf.Array())}


def _write_about(pdf: pikepdf.Pdf, about: About, archive: bool) -> None:
    """The same in the metadata and the older information dictionary, as PDF/A asks (ISO 19005-2, 6.6.3)."""
    metadata_names = {"dc:title": about.title, "dc:description": about.subject, "pdf:Keywords": about.keywords}
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
        for name, value in metadata_names.items():
            if value:
                metadata[name] = value
        if about.author:
            metadata["dc:creator"] = [about.author]
        if about.created:
            metadata["xmp:CreateDate"] = metadata["xmp:ModifyDate"] = about.created
        metadata["pdf:Producer"] = PRODUCER
        if archive:
            metadata["pdfaid:part"], metadata["pdfaid:conformance"] = "2", "B"
    information = {"/Title": about.title, "/Subject": about.subject, "/Author": about.author, "/Keywords": about.keywords}
    if about.created:
        information["/CreationDate"] = information["/ModDate"] = encode_pdf_date(datetime.fromisoformat(about.created))
    information["/Producer"] = PRODUCER
    pdf.docinfo = pdf.make_indirect(pikepdf.Dictionary({name: value for name, value in information.items() if value}))


def _output_intent(pdf: pikepdf.Pdf) -> pikepdf.Object:
    profile = pdf.make_stream(_srgb_profile(), N=3, Alternate=pikepdf.Name.DeviceRGB)
    return pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.OutputIntent,
            S=pikepdf.Name.GTS_PDFA1,
            OutputConditionIdentifier=pikepdf.String("sRGB IEC61966-2.1"),
            Info=pikepdf.String("sRGB IEC61966-2.1"),
            DestOutputProfile=profile,
        )
    )


def _srgb_profile() -> bytes:
    """The sRGB profile of Little CMS, without the day and the platform it was made on."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # ICC.1:2010, 7.2: when it was made (bytes 24 to 35), the primary platform (40 to 43), the profile ID (84 to 99).
    profile[24:36] = bytes.fromhex("07b2 0001 0001 0000 0000 0000")
    profile[40:44] = bytes(4)
    profile[84:100] = bytes(16)
    return bytes(profile)
