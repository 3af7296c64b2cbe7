"""Speaking HTTP to a service. Loaded through `agents.loading` by the first call, because httpx is slow to import."""

import asyncio
import json
import re
import ssl
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx

from agents.services.bodies import read_body
from agents.services.pinning import Pinned
from agents.services.redaction import Redaction
from agents.services.service_call import MUTATING
from agents.services.services import Accepts, Reply, Request, Service
from agents.services.wording import excerpt, status_text
from graphs.clock import Clock
from graphs.errors import Category, StepError
from graphs.expressions import reveal
from graphs.policies.classify import asked_patience, verdict

MAX_REDIRECTS: Final = 5
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"})
"""Headers that frame the request: whoever could set them could smuggle a second request or choose another host."""

# The first class that fits. A lost connection may mean that the effect happened; the idempotency key covers that.
_FAULTS: Final[tuple[tuple[type[Exception], Category, str, str], ...]] = (
    (httpx.TimeoutException, "transient", "service_timeout", "did not answer in time"),
    (httpx.ConnectError, "dependency", "service_unreachable", "cannot be reached"),
    (httpx.ProxyError, "dependency", "service_unreachable", "cannot be reached through its proxy"),
    (httpx.LocalProtocolError, "validation", "request_refused", "cannot be asked this: the request is not valid HTTP"),
    (httpx.NetworkError, "transient", "connection_lost", "lost the connection before its answer was complete"),
    (httpx.RemoteProtocolError, "transient", "connection_lost", "closed the connection before its answer was complete"),
    (httpx.DecodingError, "dependency", "response_invalid", "sent an answer that cannot be decompressed"),
    (httpx.HTTPError, "transient", "service_failed", "failed in a way we do not know"),
)


class HttpPool:
    """The pooled connections to one service. The engine owns retries, so nothing is tried twice here."""

    def __init__(self, service: Service, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        self._base = httpx.URL(service.base_url)
        self._client = httpx.AsyncClient(
            # The deadline over the whole exchange is ours: httpx's own limits start anew with every byte.
            timeout=None,
            transport=_transport(service),
            trust_env=False,
            # A session kept in cookies would leak from one execution into the next.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def send(self, request: Request, accepts: Accepts) -> Reply:
        """Ask, follow redirects within the host, and judge the answer."""
        what = f"{request.method} {self._service.name}{request.path}"
        redaction = Redaction([self._service.headers, request.headers, request.query, request.body])
        seconds = self._service.timeout if request.timeout is None else request.timeout
        outgoing = self._build(request, what)
        try:
            async with asyncio.timeout(seconds):
                response, content = await self._exchange(outgoing, what)
        except TimeoutError:
            raise StepError(
                f"{what} took longer than {seconds:g} s.",
                category="transient",
                code="service_timeout",
                hint="Give it more with 'timeout', or see what keeps the service.",
                **_unheard(request.method),
            ) from None
        except httpx.HTTPError as error:
            # Not chained: a header's value would be in httpx's own text.
            raise _fault(error, what, request.method) from None
        return self._judge(response, content, accepts, what, redaction)

    def _build(self, request: Request, what: str) -> httpx.Request:
        headers = {"accept": "application/json, */*;q=0.5", "user-agent": "baton"}
        for name, value in {**self._service.headers, **request.headers}.items():
            headers[name.lower()] = _header(name, reveal(value), what)
        content = None
        if request.has_body:
            content = _json(reveal(request.body), what)
            headers.setdefault("content-type", "application/json")
        url = httpx.URL(self._service.base_url + request.path)
        if (url.scheme, url.host, url.port) != (self._base.scheme, self._base.host, self._base.port):
            raise StepError(f"{what} would leave the service's host.", category="validation", code="endpoint_refused")
        params = reveal(request.query) or None
        return self._client.build_request(request.method, url, params=params, headers=headers, content=content)

    async def _exchange(self, request: httpx.Request, what: str) -> tuple[httpx.Response, bytes]:
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._client.send(request, stream=True)
            try:
                if response.next_request is None:
                    return response, await self._read(response, what)
                request = self._redirected(response.next_request, what)
            finally:
                await response.aclose()
        raise StepError(f"{what} was redirected more than {MAX_REDIRECTS} times.", code="redirect_refused")

    def _redirected(self, request: httpx.Request, what: str) -> httpx.Request:
        url = request.url
        if (url.scheme, url.host, url.port) == (self._base.scheme, self._base.host, self._base.port):
            return request
        raise StepError(
            f"{what} was redirected to another host ({url.host}), which is not followed.",
            code="redirect_refused",
            hint=f"Configure service '{self._service.name}' with the address it lives at.",
        )

    async def _read(self, response: httpx.Response, what: str) -> bytes:
        limit = self._service.max_response_bytes
        chunks, size = [], 0
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > limit:
                raise StepError(
                    f"{what} answered with more than {limit} bytes.",
                    category="resource",
                    retryable=False,
                    code="response_too_large",
                    hint="Ask for less (a page, a filter), or raise the service's max_response_bytes.",
                )
            chunks.append(chunk)
        return b"".join(chunks)

    def _judge(
        self, response: httpx.Response, content: bytes, accepts: Accepts, what: str, redaction: Redaction
    ) -> Reply:
        if not accepts(response.status_code):
            raise self._refusal(response, content, what, redaction)
        body = read_body(content, response.headers.get("content-type", ""), response.charset_encoding, what)
        headers = {name: redaction.text(value) for name, value in response.headers.items()}
        return Reply(status=response.status_code, headers=headers, body=redaction.value(body))

    def _refusal(self, response: httpx.Response, content: bytes, what: str, redaction: Redaction) -> StepError:
        status = response.status_code
        # Masked before it is cut: a secret cut in half would not be recognised.
        said = excerpt(redaction.text(content[:50_000].decode("utf-8", "replace")))
        return StepError(
            f"{what} answered {status_text(status)}" + (f": {said}" if said else "."),
            category=verdict(status, self._service.failures),
            retry_after=asked_patience(response.headers, self._clock.now()),
            code="service_error",
            status=status,
            service=self._service.name,
            **(_unheard(response.request.method) if status in _GATEWAYS else {}),
        )


def _transport(service: Service) -> httpx.AsyncBaseTransport:
    limits = httpx.Limits(max_connections=service.max_connections)
    inner = httpx.AsyncHTTPTransport(verify=_trust(service), proxy=service.proxy, limits=limits, trust_env=False)
    return (
        inner
        if service.proxy is not None
        else Pinned(inner, f"service '{service.name}'", httpx.URL(service.base_url).host, service.networks)
    )


def _trust(service: Service) -> ssl.SSLContext | bool:
    if not service.base_url.startswith("https:") and service.proxy is None:
        return False  # No TLS is spoken; reading the certificates would cost 20 ms for nothing.
    if isinstance(service.verify, str):
        return ssl.create_default_context(cafile=service.verify)
    return service.verify


def _json(body: Any, what: str) -> bytes:
    try:
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        # Nothing of the error is quoted: it may hold a revealed value.
        raise StepError(
            f"{what}: the payload cannot be written as JSON.", category="validation", code="request_refused"
        ) from None


def _header(name: str, value: Any, what: str) -> str:
    text = str(value)
    if name.lower() in _OURS or not _TOKEN.fullmatch(name):
        problem = f"header '{name[:50]}' cannot be set by a step"
    elif not text.isprintable() or not text.isascii():
        problem = f"header '{name}' has a value with control or non-ASCII characters"
    else:
        return text
    raise StepError(f"{what}: {problem}.", category="validation", code="header_refused")


def _unheard(method: str) -> Mapping[str, Any]:
    """What is said of a call that was sent, and of whose answer nobody heard."""
    return {"outcome": "unknown"} if method in MUTATING else {}


_SENT: Final = frozenset({"connection_lost", "response_invalid", "service_failed"})
_GATEWAYS: Final = frozenset({502, 504})
"""Statuses of those in between, who have not heard of the service's answer either."""


def _fault(error: httpx.HTTPError, what: str, method: str) -> StepError:
    if _about_certificates(error):
        return StepError(
            f"{what}: the service's certificate is not trusted.",
            code="service_certificate",
            hint="Name the file of certificates to trust in the service's 'verify'.",
        )
    category, code, text = next((c, k, t) for kind, c, k, t in _FAULTS if isinstance(error, kind))
    more = _unheard(method) if code in _SENT else {}
    return StepError(f"{what}: the service {text} ({type(error).__name__}).", category=category, code=code, **more)


def _about_certificates(error: BaseException | None) -> bool:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
