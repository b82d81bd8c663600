"""Great Expectations suites and the gate they keep."""
