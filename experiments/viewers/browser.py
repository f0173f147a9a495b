"""A browser without a window, in which pages are pictured, timed and tested."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WITHOUT = "no Chromium here; on Debian and Ubuntu: apt-get install chromium"


@contextmanager
def browsing() -> Iterator["Browser"]:
    """Open Chromium for as long as it is needed; ask first whether `CHROMIUM` is there."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Without its sandbox, which it cannot have as root; the pages are our own.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
