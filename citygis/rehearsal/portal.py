"""
The portal: signing in, the user, items and their publishing (REST API, 'Users, groups, and content'), as far as a sync needs them.
"""

import json
import re
import secrets
import time
from collections.abc import Callable
from urllib.parse import quote

from citygis.rehearsal.accounts import USER
from citygis.rehearsal.definitions import CAPABILITIES
from citygis.rehearsal.exchange import Reply, Request
from citygis.rehearsal.rules import RequestError

VERSION = "2026.1"
PORTAL_ID = "rehearsalportal1"
_ROLES = ["portal:user:createItem", "portal:publisher:publishFeatures", "features:user:edit", "features:user:fullEdit"]
_MISSING = RequestError(400, "Item does not exist or is inaccessible.", [])


class Portal:
    """
    The portal's resources.

    Parameters
    ----------
    site : Site
        The state, the accounts, the conduct and the address of the server.
    """

    def __init__(self, site) -> None:
        self.site = site

    def route(self, steps: list[str]) -> tuple[tuple[str, ...], Callable[[Request], dict | Reply]] | None:
        """The operation below ``/portal`` and what carries it out, or None for a path that is none."""
        path = "/".join(steps)
        if path in ("info", "rest/info", "sharing/rest/info", "sharing/info"):
            return ("portal",), self._info
        if path in ("sharing/rest", "sharing"):
            return ("portal",), lambda request: {"currentVersion": VERSION}
        if path.endswith("oauth2/authorize"):
            return ("authorize",), self._authorize
        if path.endswith("oauth2/signin"):
            return ("signin",), self._sign_in
        if steps[:2] != ["sharing", "rest"] or len(steps) < 3:
            return None
        rest = steps[2:]
        if rest == ["generateToken"]:
            return ("generateToken",), self._generate_token
        if rest[0] == "portals":
            return self._portals(rest[1:])
        if rest[:2] == ["community", "users"] or rest == ["community", "self"]:
            return ("portal",), lambda request: self._require_user(request) and self._user()
        if rest == ["search"]:
            return ("search",), self._search
        if rest[:2] == ["content", "items"] and len(rest) in (3, 4):
            return ("item",), lambda request: self._item(rest[2], rest[3:], request)
        if rest[:2] == ["content", "users"] and len(rest) >= 3:
            return self._content(rest[3:])
        return None

    def _info(self, request: Request) -> dict:
        service = f"{self.site.url}/portal/sharing/rest/generateToken"
        return {
            "currentVersion": VERSION,
            "owningSystemUrl": f"{self.site.url}/portal",
            "authInfo": {"isTokenBasedSecurity": True, "tokenServicesUrl": service},
        }

    def _portals(self, rest: list[str]):
        if len(rest) == 1:
            return ("portal",), self._self
        if rest[1:] == ["roles"]:
            return ("portal",), lambda request: {"total": 0, "start": 1, "num": 100, "nextStart": -1, "roles": []}
        if rest[1:] == ["isServiceNameAvailable"]:
            return ("portal",), lambda request: {"available": request.form.get("name") not in self.site.state.services}
        return None

    def _self(self, request: Request) -> dict:
        host = self.site.url.removeprefix("https://")
        shown = {
            "access": "public",
            "allSSL": True,
            "currentVersion": VERSION,
            "id": PORTAL_ID,
            "isPortal": False,
            "name": "Rehearsal",
            "portalHostname": f"{host}/portal",
            "portalMode": "multitenant",
            "portalName": "Rehearsal",
            "supportsHostedServices": True,
            "supportsOAuth": True,
            "urlKey": None,
            "customBaseUrl": None,
            "helperServices": {},
            "defaultExtent": {},
        }
        return {**shown, "user": self._user()} if request.user else shown

    def _user(self) -> dict:
        return {
            "username": USER,
            "fullName": "Rehearsal",
            "role": "org_publisher",
            "roleId": "org_publisher",
            "privileges": _ROLES,
            "orgId": PORTAL_ID,
            "userType": "arcgisonly",
            "level": "2",
            "provider": "arcgis",
            "access": "private",
            "units": "english",
            "groups": [],
        }

    def _generate_token(self, request: Request) -> dict:
        if request.method != "POST" or request.password_in_url:
            raise RequestError(400, "Unable to generate token.", ["Username and password must be sent in a POST body."])
        if not self.site.accounts.is_right(request.form.get("username", ""), request.form.get("password", "")):
            raise RequestError(400, "Unable to generate token.", ["Invalid username or password."])
        try:
            asked = float(request.form.get("expiration") or self.site.conduct.token_minutes)
        except ValueError:
            raise RequestError(400, "Unable to generate token.", ["'expiration' must be minutes."]) from None
        token, until = self.site.accounts.issue(min(asked, self.site.conduct.token_minutes))
        return {"token": token, "expires": until, "ssl": True}

    def _authorize(self, request: Request) -> Reply:
        redirect = request.form.get("redirect_uri", "")
        if not redirect.startswith(("urn:ietf:wg:oauth:2.0:oob", self.site.url)):
            raise RequestError(400, "Invalid redirect_uri", [])
        key = self.site.accounts.begin_sign_in(redirect, request.form.get("state", ""))
        page = f"<!doctype html><title>Sign in</title><script>var oAuthInfo = {json.dumps({'oauth_state': key})};</script>"
        return Reply(200, page.replace('": "', '":"').encode(), "text/html")

    def _sign_in(self, request: Request) -> Reply:
        begun = self.site.accounts.end_sign_in(request.form.get("oauth_state", ""))
        if begun is None or not self.site.accounts.is_right(request.form.get("username", ""), request.form.get("password", "")):
            said = json.dumps({"code": "OAUTH_0015", "messages": ["Invalid username or password."]})
            page = f"<!doctype html><title>Sign in</title><script>var oAuthInfo = {said};</script>"
            return Reply(200, page.encode(), "text/html")
        token, _until = self.site.accounts.issue(self.site.conduct.token_minutes)
        seconds = int(self.site.conduct.token_minutes * 60)
        place = f"{begun[0]}/" if begun[0].startswith("http") else begun[0]
        said = f"access_token={quote(token)}&expires_in={seconds}&username={USER}&ssl=true&state={quote(begun[1])}"
        return Reply(302, b"", "text/html", (("Location", f"{place}#{said}"),))

    # --- items --------------------------------------------------------------------------------------------------------------

    def _search(self, request: Request) -> dict:
        said = request.form.get("q", "")
        # A name with a sign or letters before it is another: -type:..., accountid:...
        pairs = re.findall(r'(?<![\w-])(title|type|owner|id):\s*(?:"([^"]*)"|([^\s()"]+))', said)
        words = [(name, quoted or bare) for name, quoted, bare in pairs]
        found = []
        for (text,) in self.site.state.connection.execute("SELECT properties FROM item ORDER BY rowid").fetchall():
            item = json.loads(text)
            if all(value.strip().lower() in str(item.get(name, "")).lower() for name, value in words):
                found.append(item)
        visible = found if request.user or self.site.conduct.anonymous else []
        start, num = (request.form.get(name, "") for name in ("start", "num"))
        first, most = int(start) if start.lstrip("-").isdigit() else 1, int(num) if num.isdigit() else 10
        shown = visible[first - 1 : first - 1 + most] if first > 0 else []
        after = first + most if first > 0 and first + most <= len(visible) else -1
        return {"query": said, "total": len(visible), "start": first, "num": most, "nextStart": after, "results": shown}

    def _item(self, item: str, rest: list[str], request: Request) -> dict | Reply:
        if not (request.user or self.site.conduct.anonymous):
            raise RequestError(403, "You do not have permissions to access this resource or perform this operation.", [])
        properties, data = self._known(item)
        if not rest:
            return properties
        if rest == ["data"]:
            return Reply(200, data or b"{}", "application/json")
        if rest == ["groups"]:
            return {"admin": [], "member": [], "other": []}
        raise _MISSING

    def _known(self, item: str) -> tuple[dict, bytes | None]:
        row = self.site.state.connection.execute("SELECT properties, data FROM item WHERE id = ?", (item,)).fetchone()
        if row is None:
            raise _MISSING
        return json.loads(row[0]), row[1]

    def _content(self, rest: list[str]):
        operations: dict[str, Callable[[Request], dict]] = {"createService": self._create_service, "addItem": self._add_item}
        if not rest:
            return ("portal",), self._folder
        if rest[-1] in operations:
            return (rest[-1],), operations[rest[-1]]
        if "items" in rest:
            item, *after = rest[rest.index("items") + 1 :] or [""]
            acts = {"update": self._update, "delete": self._delete, "share": self._share}
            if not after:
                return ("item",), lambda request: {"item": self._known(item)[0], "sharing": {"access": "private", "groups": []}}
            if after[0] in acts:
                return (f"{after[0]}Item",), lambda request: self._require_user(request) and acts[after[0]](item, request)
        return None

    def _folder(self, request: Request) -> dict:
        self._require_user(request)
        rows = self.site.state.connection.execute("SELECT properties FROM item ORDER BY rowid").fetchall()
        items = [json.loads(row[0]) for row in rows]
        return {
            "username": USER,
            "total": len(items),
            "start": 1,
            "num": len(items),
            "nextStart": -1,
            "items": items,
            "folders": [],
        }

    def _create_service(self, request: Request) -> dict:
        self._require_user(request)
        try:
            said = json.loads(request.form.get("createParameters", ""))
            name = said["name"]
        except (ValueError, KeyError, TypeError):
            raise RequestError(400, "Unable to create service.", ["'createParameters' parameter is invalid"]) from None
        if not isinstance(name, str) or not re.fullmatch(r"\w{1,98}", name):
            raise RequestError(400, "Unable to create service.", ["The name may hold letters, digits and underscores."])
        if name in self.site.state.services:
            raise RequestError(400, f"Service name '{name}' already exists for '{PORTAL_ID}'", [])
        item = secrets.token_hex(16)
        url = self.site.service_url(name)
        definition = {
            "serviceDescription": str(said.get("serviceDescription") or ""),
            "capabilities": said.get("capabilities") or CAPABILITIES,
        }
        if said.get("spatialReference"):
            definition["spatialReference"] = said["spatialReference"]
        with self.site.state.transaction():
            self.site.state.add_service(name, item, definition)
            self.keep_item(item, {"title": request.form.get("title") or name, "type": "Feature Service", "url": url})
        return {
            "encodedServiceURL": url,
            "itemId": item,
            "serviceItemId": item,
            "name": name,
            "serviceurl": url,
            "size": -1,
            "success": True,
            "type": "Feature Service",
            "isView": False,
        }

    def _add_item(self, request: Request) -> dict:
        self._require_user(request)
        item = secrets.token_hex(16)
        sent = {key: request.form[key] for key in ("title", "type", "tags", "snippet", "description") if request.form.get(key)}
        with self.site.state.transaction():
            self.keep_item(item, {"title": item, **sent}, (request.form.get("text") or "{}").encode())
        for _name, content in request.files.values():
            self.site.jobs.keep(item, content)
        return {"success": True, "id": item, "folder": None}

    def keep_item(self, item: str, properties: dict, data: bytes = b"{}") -> None:
        """Keep an item's properties and data; called within a transaction."""
        now = int(time.time() * 1000)
        full = {
            "id": item,
            "owner": USER,
            "orgId": PORTAL_ID,
            "created": now,
            "modified": now,
            "name": properties.get("title"),
            "typeKeywords": ["ArcGIS Server", "Data", "Feature Access", "Feature Service", "Service", "Hosted Service"],
            "tags": [],
            "access": "private",
            "ownerFolder": None,
            "size": 0,
            **properties,
        }
        if isinstance(full["tags"], str):
            full["tags"] = [tag.strip() for tag in full["tags"].split(",") if tag.strip()]
        self.site.state.connection.execute("INSERT OR REPLACE INTO item VALUES (?, ?, ?)", (item, json.dumps(full), data))

    def _update(self, item: str, request: Request) -> dict:
        properties, data = self._known(item)
        said = {key: value for key, value in request.form.items() if key not in ("f", "token", "text", "clearEmptyFields")}
        fixed = ("id", "owner", "url", "orgId", "created")
        properties |= {key: value for key, value in said.items() if key not in fixed}
        with self.site.state.transaction():
            self.keep_item(item, properties, request.form["text"].encode() if "text" in request.form else data)
        return {"success": True, "id": item}

    def _delete(self, item: str, request: Request) -> dict:
        self._known(item)
        state = self.site.state
        with state.transaction():
            for name in [name for name, service in state.services.items() if service["item"] == item]:
                for layer in [layer for layer in state.layers.values() if layer.service == name]:
                    state.drop(layer)
                state.connection.execute("DELETE FROM service WHERE name = ?", (name,))
                del state.services[name]
            state.connection.execute("DELETE FROM item WHERE id = ?", (item,))
        return {"success": True, "itemId": item}

    def _share(self, item: str, request: Request) -> dict:
        self._known(item)
        return {"notSharedWith": [], "itemId": item}

    def _require_user(self, request: Request) -> str:
        if not request.user:
            raise RequestError(499, "Token Required")
        return request.user
