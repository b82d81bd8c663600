"""Order, retries and wiring of the nightly run, and the command line."""
