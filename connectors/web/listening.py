"""The socket of the page."""

import socket

from bot.errors import SettingError


def listen(host: str, port: int) -> socket.socket:
    """Raises SettingError when the port can't be had."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as problem:
        raise SettingError(
            f"The page can't be served on {host}, port {port}: {problem.strerror}. "
            "Set MENTEE_WEB_PORT to a free port, or end the program that uses this one."
        ) from problem
