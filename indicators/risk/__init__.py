"""Forecasts, levels and what explains them; the equations: docs/models.md."""
