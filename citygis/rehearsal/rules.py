"""
What the server answers to what is wrong, and whose rule that is: one table for all editing codes, one for the requests.

The pages are of Esri's ArcGIS REST API, below https://developers.arcgis.com/rest/ (services-reference/enterprise/ unless said),
as read in stored copies. What they leave open is marked as such: there the server takes the stricter reading, so that what passes
here passes there.
"""

from typing import NamedTuple


class EditCode(NamedTuple):
    """An editing error: its number, its text with ``{}`` for the field, and the rule behind it."""

    code: int
    text: str
    rule: str


EDIT_CODES = {
    code: EditCode(code, text, rule)
    for code, text, rule in [
        (
            1000,
            "{}",
            "feature-service-error-codes: the general one; over-long text says 'String or binary data would be truncated.'",
        ),
        (1001, "Field: {} is not nullable. Cannot set null value.", "feature-service-error-codes"),
        (1003, "Operation rolled back.", "feature-service-error-codes; what the other edits of a refused addFeatures say"),
        (1004, "Geometry update not allowed.", "feature-service-error-codes; layer property allowGeometryUpdates"),
        (
            1005,
            "True curve update not allowed.",
            "feature-service-error-codes; apply-edits: trueCurveClient, allowTrueCurvesUpdates",
        ),
        (1011, "Object is missing.", "feature-service-error-codes"),
        (1014, "Geometry does not have z-values.", "feature-service-error-codes; layer property enableZDefaults false"),
        (1015, "Geometry could not be set.", "feature-service-error-codes"),
        (1016, "Setting of value for {} failed.", "feature-service-error-codes; for unknown fields not documented"),
        (1020, "Missing GlobalID.", "feature-service-error-codes; apply-edits: useGlobalIds"),
        (1021, "Empty GlobalID.", "feature-service-error-codes; apply-edits: useGlobalIds"),
        (
            1022,
            "Unique constraint violation error on inserting the value.",
            "feature-service-error-codes; apply-edits: useGlobalIds",
        ),
        (1023, "Field: {} is not editable.", "feature-service-error-codes; layer resource: fields[].editable"),
    ]
}
"""Of an edit that does not go in: ``{"success": false, "error": {"code", "description"}}``."""

REQUEST_RULES = {
    "error-in-200": "Overview, 'Handling errors': {'error': {'code', 'message', 'details'}} comes with HTTP status 200",
    "498/499": "users-groups-and-items, 'Access the portal': 498 invalid or expired token, 499 token required",
    "rollback": "apply-edits-feature-service-layer: rollbackOnFailure is true unless said; then one failure refuses all, "
    "with an error at the top and 'Operation rolled back.' among its details",
    "partial": "apply-edits-feature-service-layer: with rollbackOnFailure=false each edit has its own result",
    "global ids": "apply-edits-feature-service-layer: with useGlobalIds=true an add keeps its GlobalID, else it gets a new one; "
    "deletes are GlobalIDs then, else OBJECTIDs",
    "page": "query-feature-service-layer: maxRecordCount, resultOffset, resultRecordCount, exceededTransferLimit; "
    "counts and ids have no limit",
    "where": "query-feature-service-layer and 'Standardized SQL queries': TIMESTAMP and DATE literals, quotes doubled",
    "delete of nothing": "delete-features documents nothing; ArcGIS Online answers success for missing ids (seen by clients)",
    "append": "append-feature-service-layer: a job; statusUrl gives Pending, InProgress, Completed, CompletedWithErrors or Failed",
    "async": "apply-edits-feature-service-layer: statusUrl, then resultUrl, whose body may be an error though the job completed",
    "changes": "extract-changes-feature-service: needs the capability ChangeTracking; serverGen from changeTrackingInfo",
    "NaN": "RFC 8259 section 6: NaN and Infinity are not JSON; refused with HTTP status 400",
    "domains": "layer resource: coded values are for clients to choose from; the service takes any value",
    "names of edit tracking": "layer resource: editFieldsInfo; CreationDate, Creator, EditDate and Editor on ArcGIS Online",
}
"""Of whole requests, for who wants to know why the server answers as it does."""


class EditError(Exception):
    """One edit that does not go in, with its code of `EDIT_CODES`."""

    def __init__(self, code: int, what: str = "") -> None:
        super().__init__(EDIT_CODES[code].text.format(what))
        self.code = code

    @property
    def result(self) -> dict:
        """The edit's result."""
        return {"success": False, "error": {"code": self.code, "description": str(self)}}


class RequestError(Exception):
    """A request that is refused as a whole: Esri's error object, in HTTP 200 unless another status is given."""

    def __init__(
        self, code: int, message: str, details: list[str] | None = None, *, extended: int | None = None, status: int = 200
    ):
        super().__init__(message)
        self.code, self.details, self.extended, self.status = code, details or [], extended, status

    @property
    def body(self) -> dict:
        """The reply."""
        error: dict = {"code": self.code}
        if self.extended is not None:
            error["extendedCode"] = self.extended
        return {"error": {**error, "message": str(self), "details": self.details}}
