"""What is tuned or declared: records, settings, dictionary, regions, thresholds, embedded data."""
