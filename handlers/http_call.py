"""`http_call`: one HTTP request, its answer as the result."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ..core.handler import Context, Discard, Retry, handler
from ..core.model.durations import parse_duration
from ..core.model.errors import FetchFailed, FetchRefused
from ._source import Url

if TYPE_CHECKING:
    from ..core.fetch import Answer, Call
    from ._http_response import Hider

MAX_HEADERS = 64
MAX_HEADER_CHARS = 8_192
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_NOT_THE_JOBS = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "te", "trailer", "expect", "accept-encoding"),
        *("connection", "keep-alive", "upgrade", "http2-settings"),
    }
)
"""Headers that belong to the connection, or that say what only jobsched knows. And all of `proxy-`."""


def _without_credentials(url: str) -> str:
    try:
        parts = urlsplit(url)
        given = "@" in parts.netloc
    except ValueError:
        raise ValueError("it is not a URL") from None
    if given:
        raise ValueError("credentials do not belong into a URL: payloads are shown; put them into headers")
    return url


def _sendable(headers: dict[str, str]) -> dict[str, str]:
    """Check names and values; no message repeats a value, which may be a secret."""
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"there are more than {MAX_HEADERS}")
    seen: set[str] = set()
    for name, value in headers.items():
        lower = name.lower()
        if not _TOKEN.fullmatch(name):
            raise ValueError("a name is not one: letters, digits and !#$%&'*+-.^_`|~, at most 128")
        if lower in _NOT_THE_JOBS or lower.startswith("proxy-"):
            raise ValueError(f"{lower} is not for a job to set")
        if lower in seen:
            raise ValueError(f"{lower} is there twice")
        if not _VALUE.fullmatch(value) or len(value) > MAX_HEADER_CHARS:
            raise ValueError(f"the value of {lower} is not printable ASCII of at most {MAX_HEADER_CHARS:,} characters")
        seen.add(lower)
    return {name: value.strip() for name, value in headers.items()}


def _as_seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return parse_duration(value)
    except ValueError:
        raise ValueError("it is neither seconds nor a duration like 30s or 2m") from None


Status = Annotated[int, Field(ge=100, le=599)] | Annotated[str, Field(pattern=r"^[1-5]([0-9]{2}|[xX]{2})$")]


class HttpCall(BaseModel):
    """A request; its body is text (`body`) or any JSON value (`json`)."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[Url, AfterValidator(_without_credentials)]
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    headers: Annotated[dict[str, str], AfterValidator(_sendable)] = Field(
        default_factory=dict,
        description="headers to send; never shown, since credentials live here",
        json_schema_extra={"writeOnly": True},
    )
    body: str | None = Field(None, description="text; its type is text/plain unless headers say otherwise")
    json_: Any = Field(None, alias="json", description="any JSON value, sent as application/json")
    expect: Status | Annotated[list[Status], Field(min_length=1, max_length=100)] = Field(
        "2xx", description='statuses that are a success: 200, "2xx", or a list of such'
    )
    timeout: Annotated[float, BeforeValidator(_as_seconds, json_schema_input_type=float | str)] | None = Field(
        None, gt=0, allow_inf_nan=False, description="seconds in all, or 30s, 2m; at most the setting fetch.timeout"
    )
    follow_redirects: bool = True

    @model_validator(mode="after")
    def _has_one_body(self) -> HttpCall:
        if self.body is not None and self.sends_json:
            raise ValueError("give either body or json")
        if self.method == "HEAD" and (self.body is not None or self.sends_json):
            raise ValueError("HEAD takes no body")
        return self

    @property
    def sends_json(self) -> bool:
        """Whether `json` was given; null is a value too."""
        return "json_" in self.model_fields_set

    def expects(self, status: int) -> bool:
        """Whether an answer with `status` is a success."""
        given = self.expect if isinstance(self.expect, list) else [self.expect]
        return any(str(each).lower() in (str(status), f"{status // 100}xx") for each in given)


@handler(
    "http_call",
    examples=(
        {
            "url": "https://api.example.com/endpoint",
            "method": "POST",
            "headers": {"Authorization": "Bearer token"},
            "body": '{"key": "value"}',
        },
        {"url": "https://example.com/hooks", "method": "PUT", "json": {"paid": True}, "expect": [200, 204]},
        {"url": "https://example.com/health", "method": "HEAD", "timeout": "5s"},
    ),
)
async def http_call(payload: HttpCall, context: Context) -> dict[str, Any]:
    """Send an HTTP request; the answer, up to a limit, is the result.

    Every attempt sends the same Idempotency-Key, so a service that knows the header does its work once.
    A status that is not expected is worth another attempt if it is a temporary one (after the
    server's Retry-After), as are timeouts and connections that fail; any other is the job's end.
    """
    from dataclasses import replace

    from ..core.fetch import REDIRECTS, FetchPolicy, exchange
    from ._http_response import Hider, record

    policy = FetchPolicy.of(context.settings)
    policy = replace(policy, timeout=min(payload.timeout or policy.timeout, policy.timeout))
    # A redirect that is expected is an answer, not a way.
    follow = {status for status in REDIRECTS if payload.follow_redirects and not payload.expects(status)}
    hider = Hider(payload.headers.items())
    started = time.monotonic()
    try:
        async with exchange(_call(payload, context), policy, follow) as answer:
            context.log("answered", status=answer.status, seconds=round(time.monotonic() - started, 3))
            if not payload.expects(answer.status):
                await _fail(answer, hider)
            return await record(answer, context.settings["http.max_response"], hider)
    except FetchRefused as error:
        raise Discard(hider.text(f"{error.message} ({error.fix})" if error.fix else error.message)) from None
    except FetchFailed as error:
        kind = Retry if error.temporary else Discard
        raise kind(hider.text(error.message)) from None


def _call(payload: HttpCall, context: Context) -> Call:
    from ..core.fetch import Call

    headers = dict(payload.headers)
    given = {name.lower() for name in headers}
    if "idempotency-key" not in given:
        headers["Idempotency-Key"] = context.idempotency_key
    body, type_ = None, ""
    if payload.sends_json:
        body, type_ = json.dumps(payload.json_, ensure_ascii=False).encode(), "application/json"
    elif payload.body is not None:
        body, type_ = payload.body.encode(), "text/plain; charset=utf-8"
    if type_ and "content-type" not in given:
        headers["Content-Type"] = type_
    return Call(payload.url, payload.method, tuple(headers.items()), body)


async def _fail(answer: Answer, hider: Hider) -> NoReturn:
    """End the attempt over a status that was not expected."""
    from ..core.fetch import TEMPORARY, retry_after
    from ._http_response import describe

    message = await describe(answer, hider)
    if answer.status in TEMPORARY:
        raise Retry(message, delay=retry_after(answer.headers.get("retry-after")))
    raise Discard(message)
