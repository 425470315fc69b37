"""Passwords and keys of one installation: made once, kept in a file only its owner may read."""

import base64
import json
import os
import secrets
from pathlib import Path

from kith_local.errors import LocalError


class Credentials:
    """Secrets by name; one that is asked for the first time is made and stored before it is used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            stored = json.loads(path.read_text())
            self._secrets = {str(name): str(value) for name, value in stored.items()}
        except FileNotFoundError:
            self._secrets = {}
        except (ValueError, AttributeError) as error:
            raise LocalError(
                f"{path} is damaged. Restore it from a backup; or, to begin anew without the data, "
                f"move {path.parent} away."
            ) from error

    def __contains__(self, name: str) -> bool:
        return name in self._secrets

    def __getitem__(self, name: str) -> str:
        """A URL-safe secret of 32 random bytes."""
        if name not in self._secrets:
            self._secrets[name] = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
            self._store()
        return self._secrets[name]

    def _store(self) -> None:
        # Written aside and renamed: a full disk or a kill leaves the old file whole.
        aside = self.path.with_suffix(".new")
        aside.unlink(missing_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(self._secrets, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.path)
