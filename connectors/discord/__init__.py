"""Discord: takes what happens on a server to the desk, and brings what is to be said back. Decides nothing."""
