"""Order, retries and wiring of the nightly run, and the command line."""

import os
import sys
from pathlib import Path

from flows.process import end_on_signals, reach_loopback_directly

if Path(sys.argv[0]).name == "tocsin":  # the program itself, from its first import on
    end_on_signals()
reach_loopback_directly()  # before a library reads the environment
# Read when numpy is imported. The matrices are small: more threads wait for each other, and
# take twice the time where the machine does something else; figures are the same to the bit.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
