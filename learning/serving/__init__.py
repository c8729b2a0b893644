"""The engine: a base model with adapter versions that can be swapped while it answers."""
