"""Ask a URL of this container: exit code 0 if it answers 200, else 1 and the answer on stdout.

Nothing but the standard library's http.client: it runs every few seconds, so it must start fast.

Usage: healthcheck.py http://127.0.0.1:8000/healthz
"""

import http.client
import sys

TIMEOUT_S = 4.0
MAX_BODY = 2000


def ask(url: str) -> tuple[int, str]:
    """Status code and the beginning of the body.

    Raises:
        OSError: nothing listens, or it does not answer in time.
    """
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
    try:
        connection.request("GET", f"/{path}")
        response = connection.getresponse()
        return response.status, response.read(MAX_BODY).decode("utf-8", "replace")
    finally:
        connection.close()


if __name__ == "__main__":
    try:
        status, body = ask(sys.argv[1])
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
    print(status, body)
    sys.exit(status != 200)
