"""The HTTP server: uvicorn, told how to begin, how to drain, and when to give up."""

import ipaddress
import os
import socket
import sys
import threading
from types import FrameType

import uvicorn
from fastapi import FastAPI

from jobstream import garbage
from jobstream.errors import ConfigurationError
from jobstream.telemetry import Event, emit
from jobstream_api.app import create_app
from jobstream_api.settings import ApiSettings

LAST_RESORT_S = 4.0
"""After the grace, how long until the process ends whatever hangs."""
EXIT_CUT_OFF = 1
_KEEP_ALIVE_S = 75  # longer than load balancers keep theirs, so that they close first


def check_address(settings: ApiSettings) -> None:
    """Refuse to serve strangers without API keys.

    Raises:
        ConfigurationError: the address is none of this machine's own.
    """
    host = settings.api_host
    if settings.api_insecure or host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ConfigurationError(
            f"JOBSTREAM_API_HOST={host} is open to the network, and there are no API keys; listen on 127.0.0.1, "
            "or set JOBSTREAM_API_INSECURE=true where something else keeps strangers out"
        )


def listen(settings: ApiSettings) -> socket.socket:
    """The listening socket.

    Raises:
        ConfigurationError: the address cannot be had.
    """
    host, port = settings.api_host, settings.api_port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        bound = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; set JOBSTREAM_API_HOST and JOBSTREAM_API_PORT"
        ) from error
    bound.setblocking(False)
    return bound


class Server(uvicorn.Server):
    """Serves one application until SIGTERM or SIGINT; a second one hurries."""

    def __init__(self, app: FastAPI, settings: ApiSettings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=int(settings.shutdown_grace_s) or 1,
            )
        )
        self._app = app
        self._grace_s = settings.shutdown_grace_s
        self._last_resort: threading.Timer | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        garbage.settle()
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            emit(Event.PROCESS_READY, service="api", url=f"http://{f'[{host}]' if ':' in host else host}:{port}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        emit(Event.PROCESS_STOPPING, service="api", grace_s=self._grace_s)
        process = getattr(self._app.state, "process", None)
        if process is not None:
            process.drain()
        try:
            await super().shutdown(sockets=sockets)
        finally:
            if self._last_resort is not None:
                self._last_resort.cancel()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn would raise the signal once more at the end: stopping when told to is a success.
        self.force_exit = self.should_exit
        self.should_exit = True
        if self._last_resort is not None:
            self._last_resort.cancel()
        self._last_resort = threading.Timer(LAST_RESORT_S + (0 if self.force_exit else self._grace_s), _cut_off)
        self._last_resort.daemon = True
        self._last_resort.start()


async def serve(settings: ApiSettings) -> None:
    """Serve until told to stop.

    Raises:
        ConfigurationError: the address is refused or taken.
    """
    check_address(settings)
    with listen(settings) as bound:
        server = Server(create_app(settings), settings)
        await server.serve(sockets=[bound])
    if not server.started:
        raise ConfigurationError("the api could not start; the log above says why")


def _cut_off() -> None:
    emit(Event.SERVICE_STOP_LATE, service="api", deadline_s=LAST_RESORT_S)
    sys.stderr.flush()
    os._exit(EXIT_CUT_OFF)
