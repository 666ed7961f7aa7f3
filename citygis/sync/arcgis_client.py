"""
ArcGIS Online and Enterprise through Esri's own ``arcgis`` package, held to one request per call.

Left to itself that package repeats a POST up to five times, below every call (2.4.4: urllib3's Retry with POST among its methods),
sends it again without its token after a 498, and leaves pages that failed out of a query. Here it gets a session of ours, behind a
`citygis.sync.gate.Gate`. Queries and the login are our own requests in that session; edits, portal items and publishing are the
package's calls. Append jobs are never used: they tell no errors by feature, and their status is polled for ever.

The only module that imports ``arcgis``, inside functions.
"""

import contextlib
import json
import os
import time
import urllib.parse
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from citygis.errors import ReadError, SyncError
from citygis.readers.service.client import LARGEST_REPLY_BYTES, LONGEST_REPLY_S, require_service_url
from citygis.readers.service.faults import Reply, ServiceFault, answer_of, fault_of
from citygis.sync.credentials import Credentials
from citygis.sync.gate import Bearer, Gate, edit_results, unsent, without_secrets
from citygis.sync.model import EditReply, Json
from citygis.sync.redaction import known_secret, redact_logging, redacted
from citygis.sync.remote import no_answer

Access = Literal["public", "org", "private"]

TOKEN_MINUTES = 60
"""Asked for; long enough for a night's run, short enough that one that gets out is soon worth nothing."""

_RENEWED_BEFORE_S = 300.0
_SHARE_OF_LIFE = 0.2
"""A token is renewed this long before its end, or in the last fifth of a shorter life."""

_CHUNK = 1 << 16


def connect(
    url: str,
    portal: str,
    credentials: Credentials,
    *,
    certificate: Path | str | None = None,
    timeout_s: tuple[float, float] = (10, 120),
) -> "ArcGISRemote":
    """
    Log in, once.

    Parameters
    ----------
    url : str
        The layer, ``https://.../FeatureServer/N``.
    portal : str
        ``https://www.arcgis.com``, the organisation's own address, or that of an Enterprise portal.
    credentials : Credentials
        Of `citygis.sync.credentials.credentials_for`. Anonymous ones read public layers.
    certificate : path, optional
        PEM file of an authority, trusted besides the system's.
    timeout_s : (float, float)
        To connect; between two pieces of a reply.

    Returns
    -------
    ArcGISRemote

    Raises
    ------
    SyncError
        If the extra is not installed, an address is refused, or the portal does not let in.
    """
    try:
        url = require_service_url(url)
    except ReadError as error:
        raise SyncError(str(error)) from None
    remote = ArcGISRemote(url, _portal_url(portal), credentials, certificate, timeout_s)
    remote.open()
    return remote


def create_service(
    portal: str,
    credentials: Credentials,
    *,
    name: str,
    definition: Json,
    access: Access = "private",
    certificate: Path | str | None = None,
    timeout_s: tuple[float, float] = (10, 120),
) -> str:
    """
    A new hosted feature service with one empty layer.

    Parameters
    ----------
    portal, credentials, certificate, timeout_s
        As for `connect`.
    name : str
        Of the service: letters, digits and ``_``; not one that the organisation has.
    definition : dict
        Of the layer, as ``addToDefinition`` takes it (ArcGIS REST API, "Add to definition"): name, type, geometryType, fields,
        ``extent`` with its spatial reference. Its ``capabilities`` are the service's too; "Query" without them, with which the
        owner alone edits.
    access : {"private", "org", "public"}
        Who may see the item.

    Returns
    -------
    str
        Address of the layer.

    Raises
    ------
    SyncError
        If anything of it failed. It says when the service was made all the same.
    """
    if access not in ("private", "org", "public"):
        raise ValueError(f"Invalid access {access!r}. Must be private, org or public.")
    remote = ArcGISRemote("", _portal_url(portal), credentials, certificate, timeout_s)
    remote.open()
    return remote.publish(name, definition, access)


class ArcGISRemote:
    """
    A layer of a hosted feature service; see `connect`. Implements `citygis.sync.remote.Remote`.

    Attributes
    ----------
    url : str
        Without a token.
    """

    def __init__(
        self, url: str, portal: str, credentials: Credentials, certificate: Path | str | None, timeout_s: tuple[float, float]
    ) -> None:
        self.url = url
        self._portal = portal
        self._credentials = credentials
        self._certificate = certificate
        self._timeout_s = timeout_s
        self._bearer = Bearer()
        self._gate = Gate(portal, url, timeout_s)
        self._session: Any = None
        self._layer: Any = None
        self._global_id_field: str | None = None
        self._item: str | None = None
        self._renew_at: float | None = None

    def __repr__(self) -> str:
        return f"ArcGISRemote({self.url!r})"

    def open(self) -> None:
        """
        Log in with a new session.

        Raises
        ------
        SyncError
            As `connect`.
        """
        try:
            self._open()
        except ServiceFault as fault:
            if fault.kind not in ("refused", "auth"):
                raise no_answer(self._portal, without_secrets(fault)) from None
            raise SyncError(
                f"{self._portal} does not let in with {self._credentials!r}: {redacted(fault)}. Look at the name, the password or "
                "the token; an account with a second factor needs a token."
            ) from None

    def renew(self) -> bool:
        """Log in anew, in a new session. False where there is only a token, or the portal says no. Errors as `ServiceReader`."""
        if not self._credentials.can_log_in:
            return False
        try:
            self._open()
        except ServiceFault as fault:
            if fault.kind in ("refused", "auth"):
                return False
            raise
        return True

    def definition(self) -> Mapping[str, Any]:
        """The layer's own JSON, asked anew. Errors as `ServiceReader`."""
        said = self._asked(self.url, {})
        self._global_id_field = said.get("globalIdField") or _of_global_id(said) or self._global_id_field
        self._item = said.get("serviceItemId") or self._item
        return said

    def query(self, parameters: Mapping[str, str | int | bool]) -> Mapping[str, Any]:
        """
        The reply to one query, as a POST always: nothing between here and the server answers one from its memory. Errors as
        `ServiceReader`.
        """
        return self._asked(f"{self.url}/query", parameters)

    def apply_edits(self, *, adds: Sequence[Json], updates: Sequence[Json], deletes: Sequence[str]) -> EditReply:
        """One ``applyEdits`` at most. Errors as `citygis.sync.remote.Remote`; ValueError where a number is not finite."""
        json.dumps([adds, updates], allow_nan=False)
        self._keep_fresh()
        layer = self._feature_layer()
        if self._global_id_field is None:
            try:
                self.definition()
            except ServiceFault as fault:
                raise unsent(fault) from None
        said = None
        with self._gate.once("/applyEdits"):
            try:
                said = layer.edit_features(
                    adds=list(adds) or None,
                    updates=list(updates) or None,
                    deletes=json.dumps(list(deletes)) if deletes else None,
                    use_global_ids=True,
                    rollback_on_failure=False,
                )
            except Exception as error:
                raise self._gate.fault(error) from None
        if not isinstance(said, Mapping):
            raise ServiceFault("ambiguous", "the reply is no result of edits")
        key = self._global_id_field or "GlobalID"
        return EditReply(
            edit_results(said.get("addResults"), [each["attributes"][key] for each in adds]),
            edit_results(said.get("updateResults"), [each["attributes"][key] for each in updates]),
            edit_results(said.get("deleteResults"), list(deletes)),
        )

    def access(self) -> Access | None:
        """
        Who may see the item of this service; None where it has none, or it may not be asked. Shared with groups counts as ``org``.

        Raises
        ------
        ServiceFault
            If there is no answer.
        """
        if self._item is None:  # the layer was not asked yet, or does not say
            self.definition()
        item = self._item or self._asked(self.url.rpartition("/")[0], {}).get("serviceItemId")
        if not item:
            return None
        try:
            said = self._asked(f"{self._portal}/sharing/rest/content/items/{urllib.parse.quote(str(item), safe='')}", {})
        except ServiceFault as fault:
            if fault.kind in ("refused", "auth"):
                return None
            raise
        known: dict[str, Access] = {"public": "public", "org": "org", "shared": "org", "private": "private"}
        return known.get(str(said.get("access")))

    def publish(self, name: str, definition: Json, access: Access) -> str:
        """Make the service; see `create_service`."""
        made = ""
        try:
            with _quiet():
                from arcgis.features import FeatureLayerCollection

                gis = self._gis()
                capabilities = str(definition.get("capabilities") or "Query")
                reference = (definition.get("extent") or {}).get("spatialReference") or {}
                wkid = int(reference.get("latestWkid") or reference.get("wkid") or 102100)
                item = gis.content.create_service(name, capabilities=capabilities, wkid=wkid, max_record_count=2000)
                if item is None:
                    raise SyncError(f"{self._portal} did not make the service {name}, and does not say why. Look at the portal.")
                made = str(item.url)
                self._gate.allow(made)
                FeatureLayerCollection(made, gis).manager.add_to_definition({"layers": [definition]})
                if access != "private":
                    from arcgis.gis import SharingLevel

                    item.sharing.sharing_level = SharingLevel.EVERYONE if access == "public" else SharingLevel.ORG
        except SyncError:
            raise
        except Exception as error:
            state = (
                f"The empty service {made} is there: remove it in the portal" if made else "Look in the portal whether it is there"
            )
            raise SyncError(f"Publishing {name} stopped: {redacted(fault_of(error))}. {state}, then try again.") from None
        return f"{made}/0"

    # -- session ------------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """A session without any memory of the one before it."""
        if self._session is not None:
            self._session.close()
        self._layer, self._renew_at = None, None
        self._bearer = Bearer()
        self._session = _session(self._bearer, self._gate, self._certificate, self._portal)
        redact_logging()
        if not self._credentials.can_log_in:
            self._bearer.token = self._credentials.token
            return
        said = self._exchange(
            f"{self._portal}/sharing/rest/generateToken",
            {
                "username": self._credentials.user,
                "password": self._credentials.password,
                "client": "referer",
                "referer": self._portal,
                "expiration": TOKEN_MINUTES,
            },
        )
        token = said.get("token")
        if not isinstance(token, str) or not token:
            raise ServiceFault("refused", "the portal answered without a token")
        known_secret(token)
        self._bearer.token = token
        life_s = float(said.get("expires") or 0) / 1000 - time.time()
        if life_s > 0:
            self._renew_at = time.monotonic() + life_s - min(_RENEWED_BEFORE_S, _SHARE_OF_LIFE * life_s)

    def _keep_fresh(self) -> None:
        if self._renew_at is not None and time.monotonic() >= self._renew_at and not self.renew():
            raise ServiceFault("auth", "the token ends and the portal gives no other")

    def _asked(self, url: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self._keep_fresh()
        return self._exchange(url, parameters)

    def _exchange(self, url: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """One POST of a form, its reply checked."""
        form = {key: str(value).lower() if isinstance(value, bool) else value for key, value in parameters.items()}
        try:
            response = self._session.post(url, data={**form, "f": "json"}, stream=True, allow_redirects=False)
            with contextlib.closing(response):
                pieces, size, deadline = [], 0, time.monotonic() + LONGEST_REPLY_S
                for piece in response.iter_content(_CHUNK):
                    size += len(piece)
                    if size > LARGEST_REPLY_BYTES:
                        raise ServiceFault("too_large", f"the reply is larger than {LARGEST_REPLY_BYTES / 2**20:.0f} MB")
                    if time.monotonic() > deadline:
                        raise ServiceFault("ambiguous", f"the reply took longer than {LONGEST_REPLY_S:.0f} s")
                    pieces.append(piece)
                reply = Reply(response.status_code, response.headers, b"".join(pieces))
            return answer_of(reply)
        except Exception as error:
            raise without_secrets(fault_of(error)) from None

    def _gis(self) -> Any:
        from arcgis.gis import GIS

        return GIS(self._portal, session=self._session, set_active=False)

    def _feature_layer(self) -> Any:
        """Made when the first edit asks for it: a run that changes nothing never asks the portal who it is."""
        if self._layer is None:
            try:
                with _quiet():
                    from arcgis.features import FeatureLayer

                    self._layer = FeatureLayer(self.url, gis=self._gis())
            except Exception as error:
                raise unsent(fault_of(error)) from None
        return self._layer


def _session(bearer: Bearer, gate: Gate, certificate: Path | str | None, portal: str) -> Any:
    """The package's session, with adapters that repeat nothing, behind the gate."""
    if certificate is not None and not Path(certificate).is_file():
        raise SyncError(f"{certificate} is not there. `certificate` names a PEM file of an authority.")
    try:
        with _quiet():
            from arcgis.auth import EsriSession
    except ImportError as error:
        raise SyncError(_missing(error)) from None
    try:
        session = EsriSession(
            auth=bearer,
            referer=portal,
            retries=0,
            status_to_retry=(),
            ca_bundles=[os.fspath(certificate)] if certificate is not None else None,
        )
    except OSError as error:
        raise SyncError(f"{certificate} is no certificate that can be read ({error}). Name a PEM file.") from None
    for prefix, adapter in list(session.adapters.items()):
        session.mount(prefix, gate.guarding(adapter))
    return session


def _missing(error: ImportError) -> str:
    message = "ArcGIS Online needs the extra: pip install 'citygis[arcgis]'"
    missing = (error.name or "").partition(".")[0]
    return message if missing in ("", "arcgis") else f"{message} (arcgis is there, {missing} is missing)"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the package's warnings about things that are not used here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _portal_url(portal: str) -> str:
    parts = urllib.parse.urlsplit(portal)
    if parts.scheme.lower() != "https" or not parts.hostname or parts.username or parts.password or parts.query:
        raise SyncError(
            f"Invalid portal {redacted(portal)!r}. Must be an address like https://www.arcgis.com, without name or token."
        )
    return portal.rstrip("/").removesuffix("/home").removesuffix("/sharing/rest")


def _of_global_id(said: Mapping[str, Any]) -> str | None:
    return next((each["name"] for each in said.get("fields") or () if each.get("type") == "esriFieldTypeGlobalID"), None)
