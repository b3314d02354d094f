"""Asks the health checks and the metrics of one ordersd, each on a connection of its own, and prints a JSON line for
each answer: python3 -m chaos.lifecycle.probe PORT. It is a process of its own, so that what the clients of a test cost
the driver is not counted as the service's latency. Ends when its standard input does."""
import json
import select
import socket
import sys
import time

PATHS = ("/health/live", "/health/ready", "/metrics")
PERIOD_S = 0.05
PATIENCE_S = 5.0


def ask(port: int, path: str) -> int | None:
    """The status of the answer; None when there is no whole answer in time."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as stream:
            stream.settimeout(PATIENCE_S)
            stream.sendall(request)
            while piece := stream.recv(65536):
                answer += piece
        return int(answer.split(b" ", 2)[1]) if b"\r\n\r\n" in answer else None
    except (OSError, ValueError, IndexError):
        return None


def main(port: int) -> None:
    turn = 0
    while not select.select([sys.stdin], [], [], PERIOD_S)[0]:
        path = PATHS[turn % len(PATHS)]
        began = time.monotonic()
        status = ask(port, path)
        print(json.dumps({"path": path, "status": status, "seconds": time.monotonic() - began}), flush=True)
        turn += 1


if __name__ == "__main__":
    main(int(sys.argv[1]))
