"""Measures of generated data."""
