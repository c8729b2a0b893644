"""Stand-ins that are quick and scripted. Each passes the contract tests of the real thing it stands for."""
