"""The key that turns staff identifiers into pseudonyms. Whoever has it can link a pseudonym to a
known identifier, so it lies outside the lake and is never printed."""

import hmac
import os
import secrets
from pathlib import Path

from pipelines.faults import Stopped
from pipelines.lake.durable import write_text
from pipelines.lake.verify import ALTERED, MISSING
from pipelines.settings import Settings

SHORTEST_KEY = 16
FINGERPRINT = "pseudonym_key.fingerprint"
REMEDY = (
    "With a new one the same person would appear as two. Put the key back from a backup, or set "
    "QI_PSEUDONYM_KEY to it. If it is lost for good, remove lake/pseudonym_key.fingerprint and run "
    "`qi run --reread --all`, so that everyone gets a new pseudonym everywhere."
)


class PseudonymKeyLost(Stopped):
    """The key is not the one that the lake's pseudonyms were made with."""


def pseudonym_key(settings: Settings) -> bytes:
    """The key from QI_PSEUDONYM_KEY, else the one kept under QI_HOME (made at the first run).

    Its fingerprint is kept in the lake, because with another key everyone would become someone else.

    Raises:
        ValueError: QI_PSEUDONYM_KEY is too short to keep pseudonyms from being guessed.
        PseudonymKeyLost: the key is not the one that the lake's pseudonyms were made with.
    """
    key, known = kept_key(settings), _fingerprint_file(settings)
    if key is None and known.exists():
        raise PseudonymKeyLost(f"The key of the pseudonyms ({_file(settings)}) is gone. {REMEDY}")
    if key is None:
        _create(_file(settings))
        key = kept_key(settings)
        assert key is not None
    if not known.exists():
        write_text(_fingerprint(key) + "\n", known)
    elif known.read_bytes().strip().decode("ascii", "replace") != _fingerprint(key):
        raise PseudonymKeyLost(f"The pseudonyms of this lake were made with another key. {REMEDY}")
    return key


def fingerprint_damage(settings: Settings) -> str | None:
    """Whether the fingerprint in the lake is missing, or altered: the key that is kept has another."""
    key, known = kept_key(settings), _fingerprint_file(settings)
    if not known.exists():
        return MISSING
    is_of_key = key is None or known.read_bytes() == f"{_fingerprint(key)}\n".encode("ascii")
    return None if is_of_key else ALTERED


def kept_key(settings: Settings) -> bytes | None:
    """The key as `pseudonym_key` gives it, or None where none has been made yet."""
    if settings.pseudonym_key is not None:
        key = settings.pseudonym_key.get_secret_value().encode("utf-8")
        if len(key) < SHORTEST_KEY:
            raise ValueError(f"QI_PSEUDONYM_KEY needs at least {SHORTEST_KEY} bytes; it has {len(key)}.")
        return key
    path = _file(settings)
    return path.read_text(encoding="ascii").strip().encode("ascii") if path.exists() else None


def _fingerprint_file(settings: Settings) -> Path:
    return settings.lake_path / FINGERPRINT


def _fingerprint(key: bytes) -> str:
    return hmac.new(key, b"fingerprint of this key", "sha256").hexdigest()


def _file(settings: Settings) -> Path:
    return settings.home_path / "pseudonym.key"


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(path.name + ".part")
    staged.unlink(missing_ok=True)
    handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)
