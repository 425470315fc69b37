"""Everything that can go wrong, as RFC 9457 problem details.

A service declares its errors as nouns: a subclass of one of the kinds below with a `code`; its docstring is the
message people read. Nothing here imports FastAPI, so rules can raise them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

PROBLEM_JSON = "application/problem+json"


class Problem(Exception):  # noqa: N818 -- errors are nouns here: NotFound, AlreadyWaiting
    """Something went wrong here."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    sent_along: ClassVar[Mapping[str, str]] = {}

    def __init__(self, detail: str | None = None, /, *, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        """`detail` replaces the docstring where a case needs its own words; `extra` are members clients can read."""
        self.detail = detail or self.title()
        self.headers = {**self.sent_along, **(headers or {})}
        self.extra = extra
        super().__init__(self.detail)

    @classmethod
    def title(cls) -> str:
        """The first paragraph of the docstring, on one line."""
        return " ".join((cls.__doc__ or cls.__name__).strip().split("\n\n")[0].split())

    def body(self) -> dict[str, Any]:
        """The problem document: type, title, status, detail, code and the extra members."""
        return {
            "type": f"urn:kith:problem:{self.code}",
            "title": self.title(),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.extra,
        }


class Invalid(Problem):
    """The request is well formed but cannot be carried out as it is."""

    status = 422
    code = "invalid"


class Unauthenticated(Problem):
    """Sign in first: the access token is missing, expired or not ours."""

    status = 401
    code = "unauthenticated"
    sent_along: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


class Forbidden(Problem):
    """You may not do this here."""

    status = 403
    code = "forbidden"


class NotFound(Problem):
    """There is no such thing, or not for you."""

    status = 404
    code = "not_found"


class Conflict(Problem):
    """This contradicts what is already there."""

    status = 409
    code = "conflict"


class TooLarge(Problem):
    """The request body is larger than this service accepts; send it in smaller parts."""

    status = 413
    code = "too_large"


class Unavailable(Problem):
    """A part this needs is not reachable right now; nothing was changed, try again shortly."""

    status = 503
    code = "unavailable"
    sent_along: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


def problems(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route: each error it can answer, documented in OpenAPI."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = found.setdefault(kind.status, {"description": "", "content": {PROBLEM_JSON: {"examples": {}}}})
        entry["description"] = f"{entry['description']} {kind.title()}".strip()
        entry["content"][PROBLEM_JSON]["examples"][kind.code] = {"value": kind().body()}
    return found


@contextmanager
def refused(constraints: Mapping[str, Problem]) -> Iterator[None]:
    """Turn the violation of a named database constraint into the problem it stands for.

    The database decides races; wrap the flush that may lose one. The transaction is over after it, as PostgreSQL
    demands. Any other error passes through.
    """
    try:
        yield
    except Exception as error:
        name = str(getattr(getattr(getattr(error, "orig", None), "__cause__", None), "constraint_name", ""))
        if name in constraints:
            raise constraints[name] from error
        raise
