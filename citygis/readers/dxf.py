"""
CAD drawings (DXF): their lines and arcs, texts, points and block references as plain frames, and an account of every entity.

ezdxf reads and repairs; nothing is taken on trust. What a drawing hides (frozen layers, paper space, external references, objects
of other programs) is left out and counted, and each repair of a damaged file is told.
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import ezdxf
import geopandas as gpd
import pandas as pd
from ezdxf import recover
from ezdxf.audit import AuditError
from ezdxf.document import Drawing as Document

from citygis.errors import ReadError
from citygis.readers import cad_findings
from citygis.readers.cad_contents import HIDDEN, Contents, add_lost, contents_of
from citygis.readers.cad_frames import insert_frame, layer_frame, leader_frame, line_frame, point_frame, tally_frame, text_frame
from citygis.readers.cad_marks import entities_in, require_dxf
from citygis.readers.cad_units import UnitHint, unit_hint
from citygis.readers.guard import require_local_file
from citygis.readers.source import sha256_of
from citygis.schema import source_id_of
from citygis.units import Unit

LARGEST_DXF_BYTES = 400 * 2**20
"""A larger drawing is refused: it would take some 10 GB of memory. A tract map is 1 to 20 MB."""

_BINARY = b"AutoCAD Binary DXF"
_FIRST_UNICODE_VERSION = "AC1021"


class Drawing(NamedTuple):
    """
    A drawing, as sent.

    ``unit`` is None until `citygis.readers.cad_units.drawing_in_feet` has settled it: all numbers are in the unit of the drawing.

    Attributes
    ----------
    name : str
        The file's name.
    source_id : str
        Of its row of ``source_document``.
    lines : GeoDataFrame
        One row per line or arc: the columns of `citygis.readers.cad_primitives.Primitive`, then ``layer``, ``handle`` (of the
        entity of the drawing), ``part`` (from 1 within it), ``block`` (path of block names, empty outside), ``source_ref``,
        ``geometry`` (arcs as chords within `citygis.readers.cad_primitives.SAGITTA`). No CRS.
    texts : GeoDataFrame
        One row per TEXT, MTEXT or attribute: ``kind``, ``tag`` (of an attribute), the columns of
        `citygis.readers.cad_texts.Wording`, then as `lines`; ``geometry`` is the anchor.
    points : GeoDataFrame
        One row per POINT: ``easting``, ``northing``, ``elevation``, then as `lines`.
    inserts : GeoDataFrame
        One row per block reference: ``name``, ``easting``, ``northing``, ``elevation``, ``azimuth_deg`` of the block's own north,
        ``scale``, ``attributes`` (JSON text of tag and value), then as `lines`.
    leaders : GeoDataFrame
        One row per arrow of a LEADER or MULTILEADER: ``tip_easting``, ``tip_northing`` where it points, ``tail_easting``,
        ``tail_northing`` where it ends by its text, then as `lines`.
    tally : DataFrame
        Every entity once: ``space`` ("model", the name of a paper layout, or "block NAME" for what exploded blocks hold),
        ``layer``, ``type``, ``fate`` ("taken" or one of `citygis.readers.cad_contents.FATES`), ``count``.
    layers : DataFrame
        One row per layer: ``layer``, ``is_frozen``, ``is_off``, ``lines``, ``arcs``, ``texts``, ``points``, ``inserts``,
        ``samples``.
    hint : UnitHint
        What the drawing says of its unit and place; never trusted.
    unit : Unit or None
    findings : GeoDataFrame
        A findings frame, codes K.
    """

    name: str
    source_id: str
    lines: gpd.GeoDataFrame
    texts: gpd.GeoDataFrame
    points: gpd.GeoDataFrame
    inserts: gpd.GeoDataFrame
    leaders: gpd.GeoDataFrame
    tally: pd.DataFrame
    layers: pd.DataFrame
    hint: UnitHint
    unit: Unit | None
    findings: gpd.GeoDataFrame


def read_dxf(path: Path | str, *, include: Collection[str] = (), encoding: str | None = None) -> Drawing:
    """
    A drawing's linework and texts.

    Blocks are exploded, with their attributes. Left out and counted: what is on frozen or switched-off layers or invisible, paper
    space, external references, entities that are neither linework nor text.

    Parameters
    ----------
    path : path
        A DXF file of any version, ASCII or binary; a damaged one is repaired where that can be told.
    include : collection of {"frozen layer", "layer off", "invisible"}
        Hidden things to take all the same.
    encoding : str, optional
        Of the texts, where a drawing before 2007 states a wrong code page or none.

    Returns
    -------
    Drawing

    Raises
    ------
    ReadError
        If the file is missing, unsafe, too large, no DXF, or holds more than can be taken.
    ValueError
        If `include` names something else, or `encoding` is none that Python knows.
    """
    unknown = sorted(set(include) - set(HIDDEN))
    if unknown:
        raise ValueError(f"Invalid include {unknown[0]!r}. Must be of: {', '.join(HIDDEN)}.")
    path = require_local_file(path)
    document, repairs = open_document(path, encoding=encoding)
    with quiet():
        contents = contents_of(document, name=path.name, include=frozenset(include))
    there = entities_in(path)
    if there is not None:
        add_lost(contents, document, there)
    return drawing_of(path, document, contents, repairs, encoding_given=encoding is not None)


def drawing_of(path: Path, document: Document, contents: Contents, repairs: list[str], *, encoding_given: bool = False) -> Drawing:
    """The frames of what was taken from a document, with its findings."""
    name = path.name
    lines, texts = line_frame(contents.lines, name), text_frame(contents.texts, name)
    points, inserts = point_frame(contents.points, name), insert_frame(contents.inserts, name)
    tally = tally_frame(contents.tally)
    layers = layer_frame(document, lines, texts, points, inserts)
    hint = unit_hint(document)
    findings = cad_findings.of_drawing(
        name,
        tally=tally,
        contents=contents,
        lines=lines,
        texts=texts,
        hint=hint,
        repairs=repairs,
        code_page_unknown=not encoding_given and document.dxfversion < _FIRST_UNICODE_VERSION and not _states_code_page(document),
        is_whole=_is_whole(path),
    )
    return Drawing(
        name,
        source_id_of(sha256_of(path)),
        lines,
        texts,
        points,
        inserts,
        leader_frame(contents.leaders, name),
        tally,
        layers,
        hint,
        None,
        findings,
    )


def open_document(path: Path, *, encoding: str | None = None) -> tuple[Document, list[str]]:
    """
    The ezdxf document of a file, and what had to be repaired for it, by kind, each with its count.

    Raises
    ------
    ReadError
        If the file is no DXF, larger than `LARGEST_DXF_BYTES`, or beyond repair.
    """
    if path.stat().st_size > LARGEST_DXF_BYTES:
        raise ReadError(
            f"{path} is larger than {LARGEST_DXF_BYTES // 2**20} MB. Ask for the drawing in parts, or only the layers of the "
            f"boundary."
        )
    require_dxf(path)
    if encoding is not None:
        try:
            "".encode(encoding)
        except LookupError:
            raise ValueError(f"Invalid encoding {encoding!r}. Must be one that Python knows, like cp1251.") from None
    try:
        with quiet():
            # Recovery reads text only.
            if encoding is not None or _is_binary(path):
                document = ezdxf.readfile(path, encoding=encoding, errors="surrogateescape")
                auditor = document.audit()
            else:
                document, auditor = recover.readfile(path)
    except (OSError, MemoryError):
        raise
    # A damaged file breaks the parser in as many ways as there are kinds of damage; all of them mean the same to the reader.
    except Exception as error:
        raise ReadError(
            f"{path} cannot be read as DXF ({type(error).__name__}: {error!s:.200}). Ask for it again, saved as DXF 2018, or as "
            f"LandXML."
        ) from None
    kinds = Counter(_kind_of_repair(entry.code) for entry in (*auditor.fixes, *auditor.errors))
    return document, [f"{kind} ({count:,})" for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))]


def _kind_of_repair(code: int) -> str:
    """The name that ezdxf has for a kind of damage, in words."""
    try:
        return AuditError(code).name.lower().replace("_", " ")
    except ValueError:
        return f"damage {code}"


def _states_code_page(document: Document) -> bool:
    return "$DWGCODEPAGE" in document.header


def _is_binary(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(len(_BINARY)) == _BINARY


def _is_whole(path: Path) -> bool:
    """Whether the file ends as DXF must, with EOF."""
    with open(path, "rb") as file:
        size = path.stat().st_size
        file.seek(max(0, size - 4096))
        return file.read().rstrip(b"\0\r\n\t \x1a").endswith(b"EOF")


@contextlib.contextmanager
def quiet():
    """ezdxf logs each repair; they are in the findings, once."""
    logger = logging.getLogger("ezdxf")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
