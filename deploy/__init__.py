"""Puts the parts together and runs them: settings, wiring, command line, containers."""
