"""LandXML files written line by line for the tests, coordinates given as easting and northing and written in a chosen order."""

LOT_SQFT = 7200 - 400 + 314.15926535897933
"""60 x 120 ft with one corner of 20 ft radius: 7,114.16 sq ft (NCEES practice problem, POB 2021-01-15)."""

CORNER_SQFT = 400 - 314.15926535897933
E0, N0 = 6_337_000.0, 2_122_000.0


def landxml(
    body, *, units='linearUnit="USSurveyFoot" areaUnit="squareFoot"', system="Imperial", version="1.2", angles=None, head=""
):
    """A whole file around a body. `angles` is the notation of directions and angles."""
    if angles:
        units += f' angularUnit="{angles}" directionUnit="{angles}"'
    unit_element = f"<Units><{system} {units}/></Units>" if units else ""
    return (
        f'<?xml version="1.0"?>\n<LandXML xmlns="http://www.landxml.org/schema/LandXML-{version}" version="{version}">'
        f"{unit_element}{head}{body}</LandXML>"
    )


def at(easting, northing, order="NE"):
    first, second = (northing, easting) if order == "NE" else (easting, northing)
    return f"{first:.6f} {second:.6f}"


def line(start, end, order="NE", more=""):
    return f"<Line{more}><Start>{at(*start, order)}</Start><End>{at(*end, order)}</End></Line>"


def curve(start, center, end, rot, order="NE", more=""):
    inside = f"<Start>{at(*start, order)}</Start><Center>{at(*center, order)}</Center><End>{at(*end, order)}</End>"
    return f'<Curve rot="{rot}"{more}>{inside}</Curve>'


def parcel(name, *segments, more=""):
    return f'<Parcel name="{name}"{more}><CoordGeom>{"".join(segments)}</CoordGeom></Parcel>'


def polygon(points, order="NE"):
    return [line(a, b, order) for a, b in zip(points, [*points[1:], points[0]], strict=True)]


def shifted(points, easting=E0, northing=N0):
    return [(e + easting, n + northing) for e, n in points]


def corner_lots(order="NE", *, area="7114.16", length="31.42", more=""):
    """Lot 1 with its rounded corner, and Lot 2, the corner that was cut off: they share the arc, travelled both ways."""
    a, b, c, d, e, center, tip = shifted([(0, 0), (0, 120), (60, 120), (60, 20), (40, 0), (40, 20), (60, 0)])
    first = [line(a, b, order), line(b, c, order), line(c, d, order)]
    first += [curve(d, center, e, "cw", order, f' length="{length}"' if length else ""), line(e, a, order)]
    second = [line(d, tip, order), line(tip, e, order), curve(e, center, d, "ccw", order)]
    stated = f' area="{area}"' if area else ""
    return f"<Parcels>{parcel('1', *first, more=stated + more)}{parcel('2', *second)}</Parcels>"
