"""One model is loaded at a time. Knows nothing of models."""

import threading

one_at_a_time = threading.RLock()
"""transformers changes itself while it loads a model (how weights are made and tied): one that another thread loads
meanwhile may lack its head, and writes what is random."""
