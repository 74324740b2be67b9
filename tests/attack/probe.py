"""Ask a service's probes until the standard input ends, as a process of its own: beside 2,000
clients in one process, a probe would wait for these clients.

    python -m tests.attack.probe PORT

prints a line when it begins; in the end, how many were answered and the slowest answer in seconds.
"""

import select
import sys
import time
from http.client import HTTPConnection

PATHS = ("/livez", "/readyz", "/metrics")
EVERY = 0.02  # seconds


def main(port: int) -> None:
    """Fails where a probe is not answered with 200."""
    connection, answered, slowest = HTTPConnection("127.0.0.1", port, timeout=60), 0, 0.0
    connection.connect()
    print("asking", flush=True)
    while True:
        for path in PATHS:
            begin = time.perf_counter()
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            assert response.status == 200, (path, response.status)
            answered, slowest = answered + 1, max(slowest, time.perf_counter() - begin)
        if select.select([sys.stdin], [], [], EVERY)[0]:
            print(answered, slowest)
            return


if __name__ == "__main__":
    main(int(sys.argv[1]))
