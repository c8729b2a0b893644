"""Puts the parts together and runs them: settings, wiring, command line, containers."""

import os

# Threads that wait actively take the processors from training, and from each other: torch's pass the time asleep, and
# numpy, whose can't, gets one. Both are read when the library is loaded, which is after this.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
