"""Finds personal data in texts. What becomes of it is decided in `bot/redacting.py`."""
