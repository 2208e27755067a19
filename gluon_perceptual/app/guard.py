"""Who may talk to the server: the page itself, with its token, but no other page in the same browser."""

from __future__ import annotations

import hmac
from typing import Any, Mapping

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse

HTTP_PORT = 80  # the port that browsers omit
SAFE_METHODS = ("GET", "HEAD")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware that refuses requests from others.

    The Host header must be this machine's (otherwise another site's name could point here: DNS rebinding), and the
    requesting page must be this one. Requests to `/api` also need the token, which other users of the machine do not
    have: `/?token=…` sets it as a cookie.
    """

    def __init__(self, app: Any, port: int, token: str) -> None:
        self._app, self._token, self._port = app, token, port
        names = ("127.0.0.1", "localhost")
        self._hosts = {f"{name}:{port}" for name in names} | (set(names) if port == HTTP_PORT else set())
        self._origins = {f"http://{host}" for host in self._hosts}
        self._cookie = f"gluon_perceptual_{port}"  # browsers share cookies among the ports of a machine

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def send_guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        app = JSONResponse({"error": refusal[1]}, refusal[0]) if refusal else self._entry(scope) or self._app
        return await app(scope, receive, send_guarded)

    def _refusal(self, scope: Any, headers: Mapping[str, str]) -> tuple[int, str] | None:
        if headers.get("host") not in self._hosts:
            return 421, f"expected http://127.0.0.1:{self._port}; a tunnel must use this port at both ends"
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        asks = scope["method"] not in SAFE_METHODS or scope["path"].startswith("/api/")
        if asks and (origin or next(iter(self._origins))) not in self._origins:
            return 403, f"pages from {origin} may not use this server"
        if asks and site not in ("same-origin", "none"):
            return 403, "other pages may not use this server"
        token = headers.get("x-token") or cookie_parser(headers.get("cookie", "")).get(self._cookie, "")
        if scope["path"].startswith("/api/") and not self._fits(token):
            return 401, "the token is missing: open the address that `gluon-perceptual app` printed"
        return None

    def _fits(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    def _entry(self, scope: Any) -> Any:
        """Return the response that sets the cookie if the token is in the address, otherwise None."""
        if scope["path"] != "/" or not self._fits(QueryParams(scope["query_string"]).get("token", "")):
            return None
        response = RedirectResponse("/", 303)
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
        return response
