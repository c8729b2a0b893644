"""One repository for each noun, implementing the Protocols of `bot.ports`. All queries of the system are here."""
