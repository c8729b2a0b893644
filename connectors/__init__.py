"""The ways in and out: Slack, Discord, the page. They parse, render and transport; what to do is decided in `bot`."""
