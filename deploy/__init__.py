"""Puts the parts together and runs them: settings, wiring, command line, containers."""

import os

# Threads that wait actively take the processors from training, and from each other. torch's look for work for some
# 0.1 ms (a step of the model is hundreds of products; to be woken for each costs more than the second thread brings),
# and then sleep; numpy, whose can't, gets one. All are read when the library is loaded, which is after this.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "5000")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
