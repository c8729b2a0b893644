"""Benchmarks: Mentee beside what a user would pick instead, measured in one process on the user's own machine."""
