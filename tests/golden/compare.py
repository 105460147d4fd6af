"""Files that a person reads when they change: goldens and generated schemas.

``UPDATE_GOLDENS=1 pytest tests/golden`` writes them anew; look at the difference before you keep it.
"""

import os
from pathlib import Path


def matches(text: str, file: Path) -> bool:
    """Return whether a file holds this text; with ``UPDATE_GOLDENS`` set, write it first."""
    if os.environ.get("UPDATE_GOLDENS"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return file.exists() and file.read_text(encoding="utf-8") == text
