"""Measuring a generator: its images, the reference, the measures, and results with their protocol."""
