"""Operations known by the SHA-256 of their text: a list that is trusted, and what clients register by using it.

The list is what a frontend's build writes: `{hash: document}` (Relay's compiler) or `{"operations": [{"id", "body"}]}`
(Apollo's manifest). The protocol is that of Apollo's clients: a hash alone; when it is unknown, hash and text, once.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from kith_gateway.guard import MAX_TEXT
from kith_gateway.inputs import refusal
from kith_gateway.settings import Settings

_HASH = re.compile(r"[0-9a-f]{64}")
_MAX_LIST = 64 * 1024 * 1024
"""Bytes of all files of the list."""


class WrongListError(Exception):
    """The trusted list cannot be read, or says of a text what is not so: nothing is served until it is mended."""


class Persisted:
    """Texts by their hashes. `only`: what is not on the list is not carried out, whoever asks.

    Registered are texts that were carried out, `remembered` characters of them in all, those used last.
    """

    def __init__(self, trusted: Mapping[str, str], *, only: bool = False, remembered: int = 0) -> None:
        self._trusted, self._only, self._most = trusted, only, remembered
        self._registered: OrderedDict[str, str] = OrderedDict()
        self.size = 0

    @classmethod
    def of(cls, settings: Settings) -> "Persisted":
        """As the settings say. Raises WrongListError."""
        if settings.trusted_only and not settings.trusted_documents:
            raise WrongListError("KITH_TRUSTED_ONLY needs KITH_TRUSTED_DOCUMENTS: nothing could be asked otherwise.")
        trusted = read_list(Path(settings.trusted_documents)) if settings.trusted_documents else {}
        return cls(trusted, only=settings.trusted_only, remembered=settings.max_registered)

    def __len__(self) -> int:
        return len(self._registered)

    def text(self, text: str | None, hashed: str | None) -> str:
        """The text to carry out. Raises GraphQLError for an unknown hash, another text's, and what is not trusted."""
        if text is not None and (hashed is not None or self._only):
            found = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
            if hashed not in {None, found}:
                raise refusal("BAD_USER_INPUT", "sha256Hash is not the SHA-256 of this query.")
            hashed = found
        if hashed is not None and hashed in self._trusted:
            return self._trusted[hashed]
        if self._only:
            raise refusal("PERSISTED_QUERY_NOT_IN_LIST", "Only operations of the trusted list are carried out here.")
        if text is not None:
            return text
        if hashed is None or hashed not in self._registered:
            # Clients know it by these words.
            raise refusal("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
        self._registered.move_to_end(hashed)
        return self._registered[hashed]

    def register(self, hashed: str, text: str) -> None:
        """Remember a text that `text()` let pass and that was carried out."""
        if hashed in self._trusted or hashed in self._registered or len(text) > self._most:
            return
        self._registered[hashed] = text
        self.size += len(text)
        while self.size > self._most:
            _, old = self._registered.popitem(last=False)
            self.size -= len(old)


def is_hash(found: object) -> bool:
    """Whether something is the SHA-256 of a text, as clients write it."""
    return isinstance(found, str) and _HASH.fullmatch(found) is not None


def read_list(path: Path) -> dict[str, str]:
    """The trusted list in a file, or in all *.json of a folder. Raises WrongListError."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    found: dict[str, str] = {}
    size = 0
    for each in files:
        try:
            size += each.stat().st_size
            if size > _MAX_LIST:
                raise WrongListError(f"{each}: the list has more than {_MAX_LIST:,} bytes.")
            content = msgspec.json.decode(each.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise WrongListError(f"{each}: {error}") from error
        found |= _checked(each, content)
    if not found:
        raise WrongListError(f"{path} holds no operation.")
    return found


def _checked(file: Path, content: object) -> Iterator[tuple[str, str]]:
    for hashed, text in _entries(file, content):
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            raise WrongListError(f"{file}: {str(hashed)[:80]} is no text of at most {MAX_TEXT:,} characters.")
        if hashed != sha256(text.encode()).hexdigest():
            raise WrongListError(
                f"{file}: {str(hashed)[:80]} is not the SHA-256 of its text; have the build use SHA-256."
            )
        yield hashed, text


def _entries(file: Path, content: object) -> Iterator[tuple[object, object]]:
    if isinstance(content, dict) and isinstance(content.get("operations"), list):
        for each in content["operations"]:
            if not isinstance(each, dict):
                raise WrongListError(f"{file}: an operation is an object with `id` and `body`.")
            yield each.get("id"), each.get("body")
    elif isinstance(content, dict):
        yield from content.items()
    else:
        raise WrongListError(f"{file} is neither {{hash: text}} nor {{'operations': [...]}}.")
