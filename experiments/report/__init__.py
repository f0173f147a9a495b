"""Reports of sweeps, as a page, as Markdown, as CSV and as a picture."""
