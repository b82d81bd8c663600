"""Forecasts, levels and what explains them."""
