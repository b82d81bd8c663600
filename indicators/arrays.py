"""Types of arrays, and how large one is made."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.signedinteger]

MOST_CELLS = 4_000_000  # of one intermediate array; more are worked out in parts
