"""The adapter that a fresh installation begins with: it can read, and knows no fact yet."""
