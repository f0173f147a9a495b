"""Reports: what sweeps came to, as a page, as Markdown, as CSV and as a picture."""
