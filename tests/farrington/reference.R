# Writes the reference figures of tests/test_farrington.py: Rscript reference.R (in this folder).
# Needs r-base-core and r-cran-surveillance (1.20.3 was used).
suppressMessages(library(surveillance))
data("salmonella.agona")
agona <- disProg2sts(salmonella.agona)
write.csv(data.frame(observed = as.vector(observed(agona))), "agona.csv", row.names = FALSE)
ours <- as.matrix(read.csv("regions.csv"))
monthly <- sts(observed = ours, start = c(2010, 1), frequency = 12)

figures <- function(name, series, range, control) {
  told <- suppressWarnings(farringtonFlexible(series, c(list(range = range), control)))
  regions <- ncol(series)
  data.frame(
    case = name,
    period = rep(range - 1, regions),
    region = rep(seq_len(regions) - 1, each = length(range)),
    upper = as.vector(upperbound(told)),
    expected = as.vector(told@control$expected),
    score = as.vector(told@control$score),
    p_value = as.vector(told@control$pvalue),
    dispersion = as.vector(told@control$phiVector),
    alarm = as.vector(alarms(told))
  )
}
weeks <- 282:312
months <- 97:120
all <- rbind(
  figures("agona default", agona, weeks, list(b = 4, w = 3)),
  figures("agona noufaily", agona, weeks, list(b = 4, w = 3, noPeriods = 10, pastWeeksNotIncluded = 26,
    pThresholdTrend = 1, alpha = 0.005, thresholdMethod = "nbPlugin")),
  figures("agona muan", agona, weeks, list(b = 4, w = 3, noPeriods = 10, pastWeeksNotIncluded = 26,
    pThresholdTrend = 0.05, alpha = 0.01, thresholdMethod = "muan")),
  figures("agona plain", agona, weeks, list(b = 4, w = 3, reweight = FALSE, trend = FALSE)),
  figures("months default", monthly, months, list(b = 5, w = 1)),
  figures("months seasonal", monthly, months, list(b = 5, w = 1, noPeriods = 4, pThresholdTrend = 1)),
  figures("months nb", monthly, months, list(b = 5, w = 1, noPeriods = 4, thresholdMethod = "nbPlugin"))
)
write.csv(all, "reference.csv", row.names = FALSE)
