"""What every landed table, core table and mart, and all of them together, must hold, and why.

A ``critical`` check stops the run before anything is published; a ``warning`` passes
and is reported. To add one: its line in the table's suite.
"""

from expectations.across import ACROSS
from expectations.checks import Check
from expectations.core import CORE
from expectations.landed import LANDED
from expectations.marts import MARTS

SUITES: dict[str, tuple[Check, ...]] = {**LANDED, **CORE, **MARTS, **ACROSS}
