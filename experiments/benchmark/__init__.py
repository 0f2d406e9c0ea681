"""Timings, each beside the same work in another library where it is installed."""
