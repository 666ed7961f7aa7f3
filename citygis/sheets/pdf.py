"""
The PDF backend: a scene as a vector page with layers and coordinates.

Paths go through matplotlib's PDF renderer, whole batches at a time (one call per polygon is five times slower). Text, layers,
the geospatial viewport and everything a printer reads are added to that file. Nothing in it depends on the day or the
machine: the same scene gives the same bytes.

This is the one module that knows matplotlib's PDF classes.
"""

import io
from typing import NamedTuple

import matplotlib
import numpy as np
import pikepdf
import pyproj
from matplotlib.backends.backend_pdf import PdfFile, RendererPdf
from matplotlib.colors import to_rgb
from matplotlib.path import Path as MplPath
from matplotlib.transforms import Bbox, IdentityTransform

from citygis.sheets.fonts import font
from citygis.sheets.frame import Frame
from citygis.sheets.scene import POINTS_PER_INCH, Group, Paths, Scene, Texts
from citygis.units import US_SURVEY_FOOT, unit_of

_SETTINGS = {"pdf.compression": 3, "path.simplify": False, "pdf.fonttype": 42, "pdf.inheritcolor": False}


class Viewport(NamedTuple):
    """A map frame on the page, to be written with its coordinates, and what to call it."""

    frame: Frame
    name: str


def pdf_bytes(scene: Scene, *, viewports: tuple[Viewport, ...] = (), title: str = "", subject: str = "") -> bytes:
    """
    A scene as a one-page PDF.

    Parameters
    ----------
    scene : Scene
    viewports : tuple of Viewport
        Map frames, written as geospatial measures (ISO 32000-2, 12.10), from which a reader can take scale and CRS.
    title, subject : str
        For the document's information.

    Returns
    -------
    bytes
        Depends on the arguments and the installed libraries only.
    """
    with matplotlib.rc_context(_SETTINGS):
        page = _page(scene)
    with pikepdf.open(io.BytesIO(page)) as pdf:
        _finish(pdf, scene, viewports, title, subject)
        out = io.BytesIO()
        pdf.save(out, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()


def _page(scene: Scene) -> bytes:
    buffer = io.BytesIO()
    file = PdfFile(buffer, metadata={"Creator": None, "Producer": None, "CreationDate": None})
    file.newPage(scene.width_pt / POINTS_PER_INCH, scene.height_pt / POINTS_PER_INCH)
    renderer = RendererPdf(file, POINTS_PER_INCH, scene.height_pt, scene.width_pt)
    for number, group in enumerate(scene.groups):
        file.write(b"/OC /L%d BDC\n" % number)
        _draw_group(renderer, group)
        # Close what the renderer left open, so that q and Q never straddle a layer.
        renderer.finalize()
        file.write(b"EMC\n")
    file.finalize()
    file.close()
    return buffer.getvalue()


def _draw_group(renderer: RendererPdf, group: Group) -> None:
    for batch in group.batches:
        if isinstance(batch, Paths):
            _draw_paths(renderer, batch, group.clip_pt)
        else:
            renderer.finalize()
            renderer.file.write(_text_operators(batch, group.clip_pt))


def _draw_paths(renderer: RendererPdf, batch: Paths, clip_pt: tuple | None) -> None:
    if not len(batch.points):
        return
    gc = renderer.new_gc()
    if clip_pt is not None:
        gc.set_clip_rectangle(Bbox.from_extents(*clip_pt))
    gc.set_linewidth(batch.width_pt if batch.stroke else 0.0)
    gc.set_foreground(to_rgb(batch.stroke or "#000000"))
    gc.set_capstyle(batch.cap)
    gc.set_joinstyle("round" if batch.cap == "round" else "miter")
    gc.set_dashes(0, list(batch.dash_pt) or None)
    renderer.draw_path(gc, _mpl_path(batch), IdentityTransform(), to_rgb(batch.fill) if batch.fill else None)
    gc.restore()


def _mpl_path(batch: Paths) -> MplPath:
    points, starts = batch.points, batch.starts
    codes = np.full(len(points), MplPath.LINETO, dtype=MplPath.code_type)
    codes[starts] = MplPath.MOVETO
    if batch.closed:
        ends = np.append(starts[1:], len(points))
        points = np.insert(points, ends, points[starts], axis=0)
        codes = np.insert(codes, ends, MplPath.CLOSEPOLY)
    path = MplPath(points, codes)
    path.should_simplify = False
    return path


def _text_operators(batch: Texts, clip_pt: tuple | None) -> bytes:
    face = font(batch.font)
    angles = np.radians(batch.angles_deg)
    cosines, sines = np.cos(angles), np.sin(angles)
    lines = ["q"]
    if clip_pt is not None:
        left, bottom, right, top = clip_pt
        lines.append(f"{left:.2f} {bottom:.2f} {right - left:.2f} {top - bottom:.2f} re W n")
    lines += [" ".join(f"{c:.4g}" for c in to_rgb(batch.color)) + " rg", "BT"]
    size = None
    for string, (left, bottom), c, s, points in zip(batch.strings, batch.points, cosines, sines, batch.sizes_pt, strict=True):
        if points != size:
            lines.append(f"/{_resource(batch.font)} {points:.5g} Tf")
            size = points
        lines.append(f"{c:.6f} {s:.6f} {-s:.6f} {c:.6f} {left:.2f} {bottom:.2f} Tm <{face.hexadecimal(string)}> Tj")
    return "\n".join([*lines, "ET", "Q", ""]).encode("ascii")


def _resource(font_name: str) -> str:
    return f"T{font_name.title()}"


def _finish(pdf: pikepdf.Pdf, scene: Scene, viewports: tuple[Viewport, ...], title: str, subject: str) -> None:
    page = pdf.pages[0].obj
    box = [0, 0, round(scene.width_pt, 4), round(scene.height_pt, 4)]
    for name in ("MediaBox", "CropBox", "TrimBox"):
        page[f"/{name}"] = pikepdf.Array(box)
    del page["/Annots"]

    used: dict[str, set[str]] = {}
    for group in scene.groups:
        for batch in group.batches:
            if isinstance(batch, Texts):
                used.setdefault(batch.font, set()).update(*batch.strings)
    fonts = pikepdf.Dictionary({f"/{_resource(name)}": font(name).embedded(pdf, used[name]) for name in sorted(used)})
    layers = [
        pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name=pikepdf.String(group.name))) for group in scene.groups
    ]
    resources = page["/Resources"]
    resources["/Font"] = fonts
    resources["/Properties"] = pikepdf.Dictionary({f"/L{number}": layer for number, layer in enumerate(layers)})
    # Without an Order some viewers show an empty layer list. Readers expect the top layer first.
    order = pikepdf.Dictionary(BaseState=pikepdf.Name.ON, Order=pikepdf.Array(layers[::-1]), Name=pikepdf.String("Layers"))
    pdf.Root["/OCProperties"] = pikepdf.Dictionary(OCGs=pikepdf.Array(layers), D=order)
    # "Fit to page" in the print dialogue is the commonest way an exact scale dies.
    pdf.Root["/ViewerPreferences"] = pikepdf.Dictionary(
        PrintScaling=pikepdf.Name("/None"),
        PickTrayByPDFSize=True,
        DisplayDocTitle=True,
    )
    pdf.Root["/PageMode"] = pikepdf.Name.UseOC
    if viewports:
        page["/VP"] = pikepdf.Array([_viewport(pdf, viewport) for viewport in viewports])
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
        metadata["dc:title"] = title
        metadata["dc:description"] = subject
        metadata["pdf:Producer"] = "citygis"
    pdf.docinfo = pdf.make_indirect(
        pikepdf.Dictionary(Title=pikepdf.String(title), Subject=pikepdf.String(subject), Producer=pikepdf.String("citygis"))
    )


def _viewport(pdf: pikepdf.Pdf, viewport: Viewport) -> pikepdf.Object:
    frame = viewport.frame
    extent = frame.extent
    west, south, east, north = extent
    corners = [(west, south), (west, north), (east, north), (east, south)]
    to_degrees = pyproj.Transformer.from_crs(frame.crs, frame.crs.geodetic_crs, always_xy=True)
    degrees = [to_degrees.transform(*corner) for corner in corners]
    system = pikepdf.Dictionary(Type=pikepdf.Name.PROJCS, WKT=pikepdf.String(frame.crs.to_wkt("WKT1_ESRI")))
    if frame.crs.to_epsg():
        system["/EPSG"] = frame.crs.to_epsg()
    unit_square = [0, 0, 0, 1, 1, 1, 1, 0]
    measure = pikepdf.Dictionary(
        Type=pikepdf.Name.Measure,
        Subtype=pikepdf.Name.GEO,
        Bounds=pikepdf.Array(unit_square),
        # ISO 32000-2, table 269: latitude before longitude. Twelve decimals hold 4e-7 ft.
        GPTS=pikepdf.Array([_real(v) for longitude, latitude in degrees for v in (latitude, longitude)]),
        LPTS=pikepdf.Array(unit_square),
        GCS=pdf.make_indirect(system),
        PDU=pikepdf.Array(
            [pikepdf.Name("/USFT" if unit_of(frame.crs) is US_SURVEY_FOOT else "/FT"), pikepdf.Name("/A"), pikepdf.Name("/DEG")]
        ),
    )
    return pdf.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Viewport,
            BBox=pikepdf.Array([_real(v) for v in frame.box_pt]),
            Name=pikepdf.String(viewport.name),
            Measure=pdf.make_indirect(measure),
        )
    )


def _real(value: float) -> pikepdf.Object:
    return pikepdf.Object.parse(f"{value:.12f}".encode())
