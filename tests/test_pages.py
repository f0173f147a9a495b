"""What docs/gymnasium.md and docs/trainers.md say is run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = {
    name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("gymnasium", "trainers")
}
BLOCKS = {
    f"{name} {number}": code
    for name, page in PAGES.items()
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
}


@pytest.mark.slow
@pytest.mark.parametrize("code", BLOCKS.values(), ids=BLOCKS.keys())
def test_each_block_of_the_page_runs(code):
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert told.returncode == 0, told.stderr


def test_the_pages_have_blocks_and_name_what_is_there():
    assert len(BLOCKS) == 7
    for page in PAGES.values():
        for path in re.findall(r"\]\((?:\.\./)?([\w/]+\.py)\)", page):
            assert (ROOT / path).is_file(), path
