"""What every compiled world shares: counted randomness, the view, both Gymnasium faces.

Numba's cache on disk notices an edit in the file of a compiled function, but not in the files of
what that function calls: after an edit of the rules alone, the old rules would go on being played.
So the cache lies in a folder that is named after all sources of worlds and bodies together, beside
them or in `NUMBA_CACHE_DIR`.
"""

import os
from hashlib import sha256
from pathlib import Path

from numba.core import config

_WORLDS = Path(__file__).resolve().parent.parent
_BODY = _WORLDS.parent / "body"


def _source_digest() -> str:
    digest = sha256()
    for path in sorted([*_WORLDS.rglob("*.py"), *_BODY.rglob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


COMPILED = Path(os.environ.get("NUMBA_CACHE_DIR") or _WORLDS / "__pycache__") / _source_digest()
config.CACHE_DIR = str(COMPILED)  # pyright: ignore[reportAttributeAccessIssue]
