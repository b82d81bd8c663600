"""Order, retries and wiring of the nightly run, and the command line."""

import os

# Read when numpy is imported. The matrices are small: more threads wait for each other, and
# take twice the time where the machine does something else; figures are the same to the bit.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
