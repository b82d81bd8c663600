"""The situation page of a night: a static site, read from disk or over a slow line."""
