"""Puts the parts together and runs them: settings, wiring, command line, containers."""

import os

# Threads that wait for work take the processors from training, and from each other. torch's look for it for some 0.1 ms
# (a step of the model is hundreds of products; to be woken for each costs more than the second thread brings), and then
# sleep. "Active" is the only policy under which they look at all once several threads compute, each with some of its
# own: 20 µs then. numpy's, which can't be told, are one. All are read when the library is loaded, which is after this.
os.environ.setdefault("OMP_WAIT_POLICY", "ACTIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "5000")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
