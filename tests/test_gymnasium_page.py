"""What docs/gymnasium.md says is run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "gymnasium.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_each_block_of_the_page_runs(code):
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert told.returncode == 0, told.stderr


def test_the_page_has_blocks_and_names_what_is_there():
    assert len(BLOCKS) == 5
    for path in re.findall(r"\]\((?:\.\./)?([\w/]+\.py)\)", PAGE):
        assert (ROOT / path).is_file(), path
