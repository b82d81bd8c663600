"""1,000 regions x 24 months judged at once: ``python tests/benchmarks/farrington.py``.

Wall time of the batched fit as a ratio to a loop of statsmodels fits and, if Rscript and
its package surveillance are at hand, to R's farringtonFlexible, both on 20 regions and
scaled up. Aim: 50 x faster than R.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from statsmodels.genmod.families import Poisson
from statsmodels.genmod.generalized_linear_model import GLM

from indicators.farrington import FarringtonControl, farrington

REGIONS, SAMPLE, FIRST, MONTHS = 1000, 20, 96, 120
CONTROL = FarringtonControl(b=5, w=1, no_periods=4)
R = """
suppressMessages(library(surveillance))
y <- as.matrix(read.csv(commandArgs(TRUE)[1], header = FALSE))
s <- sts(observed = y, start = c(2010, 1), frequency = 12)
t <- system.time(suppressWarnings(farringtonFlexible(
  s, list(range = 97:120, b = 5, w = 1, noPeriods = 4))))
cat(t[["elapsed"]])
"""


def main() -> None:
    """Measure and print the ratios."""
    rng = np.random.default_rng(1)
    counts = rng.negative_binomial(3, 3 / (3 + rng.uniform(0.5, 8, REGIONS)), (MONTHS, REGIONS))
    counts = counts.astype(float)
    farrington(counts[:, :2], FIRST, CONTROL)
    began = time.perf_counter()
    farrington(counts, FIRST, CONTROL)
    ours = time.perf_counter() - began
    print(f"batched: {ours:.2f} s for {REGIONS * (MONTHS - FIRST):,} region-months")

    began = time.perf_counter()
    design = np.column_stack([np.ones(60), np.arange(60)])
    for region in range(SAMPLE):
        for month in range(FIRST, MONTHS):
            y = counts[month - 63 : month - 3, region]
            fit = GLM(y, design, family=Poisson()).fit(scale="X2")
            GLM(y, design, family=Poisson(), freq_weights=np.ones(60)).fit(scale="X2")
            _ = fit.scale
    loop = (time.perf_counter() - began) * REGIONS / SAMPLE
    print(f"statsmodels, two fits each: {loop:.0f} s, {loop / ours:.0f} x")

    if not shutil.which("Rscript"):
        print("R is not at hand")
        return
    with tempfile.TemporaryDirectory() as folder:
        path, script = Path(folder) / "y.csv", Path(folder) / "run.R"
        np.savetxt(path, counts[:, :SAMPLE], fmt="%d", delimiter=",")
        script.write_text(R)
        run = subprocess.run(
            ["Rscript", str(script), str(path)], capture_output=True, text=True, check=True
        )
    in_r = float(run.stdout) * REGIONS / SAMPLE
    print(f"R: {in_r:.0f} s, {in_r / ours:.0f} x (aim: 50)")
    sys.exit(0 if in_r >= 50 * ours else 1)


if __name__ == "__main__":
    main()
