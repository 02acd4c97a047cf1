"""The keys of an embedded installation: made once beside its data, readable only by their owner.

The file is never replaced: data encrypted under a lost key is lost. An installation with an external database gets its
keys from settings and never reads this file.
"""

import os
import secrets
from pathlib import Path

from cli.failures import FileUnreadableError, FileUnwritableError
from ledger.storage.sealing import Keyring

FILE_NAME = "keys.env"
_ENCRYPTION, _REFERENCE = "JEMBATAN_ENCRYPTION_KEYS", "JEMBATAN_REFERENCE_KEY"


def read_or_make_keys(data_dir: Path) -> tuple[str, str]:
    """Return (encryption keys, reference key) in the form of settings, made first where there are none.

    Errors: FileUnreadableError, FileUnwritableError. Two processes at the same time end up with the same keys.
    """
    path = data_dir / FILE_NAME
    if not path.exists():
        _write_once(path, render_keys(*Keyring.generate_text()))
    return _read(path)


def render_keys(encryption_keys: str, reference_key: str) -> str:
    """Render the keys as lines of an environment file."""
    return f"{_ENCRYPTION}={encryption_keys}\n{_REFERENCE}={reference_key}\n"


def _write_once(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            # Linking to an existing name fails, so a second process reads the keys of the first.
            path.hardlink_to(draft)
        except FileExistsError:
            return
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise FileUnwritableError(f"The keys can't be written to {path}: {error.strerror}.") from error


def _read(path: Path) -> tuple[str, str]:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadableError(f"The keys can't be read from {path}.") from error
    values = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    if _ENCRYPTION not in values or _REFERENCE not in values:
        raise FileUnreadableError(f"{path} must contain {_ENCRYPTION} and {_REFERENCE}.")
    return values[_ENCRYPTION].strip(), values[_REFERENCE].strip()
