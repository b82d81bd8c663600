"""Types of arrays, and how large one is made."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.signedinteger]

MOST_CELLS = 4_000_000  # of one intermediate array


def parts(length: int, cells: int) -> Iterator[slice]:
    """Slices of ``length`` whose arrays, of ``cells`` each, hold ``MOST_CELLS`` at most.

    Example:
        >>> list(parts(5, 2_000_000))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(1, MOST_CELLS // cells)
    return (slice(first, first + step) for first in range(0, length, step))
