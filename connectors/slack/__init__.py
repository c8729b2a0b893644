"""Slack: takes what happens in a workspace to the desk, and brings what is to be said back. Decides nothing."""
