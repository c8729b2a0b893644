"""Where tests fork their processes from: one that has imported everything, so that each begins at once."""

import multiprocessing

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(
    ["learning.trainer", "tests.chaos.bot_process", "tests.chaos.replica", "connectors.slack.connector",
     "connectors.web.connector", "learning.redaction.finder"]
)  # fmt: skip
