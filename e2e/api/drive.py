"""Drives a running linewatch with what its OpenAPI document allows and with what no client should send, and says whether it
stood: no answer of 500 and above, no panic, alive, bounded memory. Input: the program (its `demo` is started, on loopback).
Output: counts, and exit code 1 with the first faults. Needs schemathesis for the first part; never leaves this computer."""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import raw

RSS_MAX_KB = 256 * 1024
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


class Monitor:
    """`linewatch demo` on a free port."""

    def __init__(self, program: str, folder: pathlib.Path):
        self.log = (folder / "log").open("wb")
        command = [program, "demo", "--listen", "127.0.0.1:0", "--data-dir", str(folder / "data")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log)
        for line in self.process.stdout:
            found = re.search(rb"Running on (http://(127\.0\.0\.1:\d+))", line)
            if found:
                self.url, self.host = found[1].decode(), found[2].decode()
                return
        raise SystemExit(f"{' '.join(command)} ended without a word about its address; see {self.log.name}")

    def document(self) -> dict:
        with urllib.request.urlopen(f"{self.url}/api/v1/openapi.json", timeout=10) as answer:
            return json.load(answer)

    def memory_kb(self) -> dict[str, int]:
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return {name: int(re.search(rf"{name}:\s+(\d+)", status)[1]) for name in ("VmRSS", "VmHWM", "Threads")}

    def faults(self) -> list[str]:
        """What is wrong with it now."""
        faults = []
        if self.process.poll() is not None:
            return [f"it ended with {self.process.returncode}"]
        log = pathlib.Path(self.log.name).read_text(errors="replace")
        faults += [f"a panic: {line}" for line in log.splitlines() if "panicked" in line]
        memory = self.memory_kb()
        if memory["VmHWM"] > RSS_MAX_KB:
            faults.append(f"{memory['VmHWM']} kB of memory, more than {RSS_MAX_KB}")
        with urllib.request.urlopen(f"{self.url}/healthz", timeout=10) as answer:
            if answer.status != 200:
                faults.append(f"/healthz says {answer.status}")
        return faults

    def end(self) -> list[str]:
        self.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        code = self.process.wait(timeout=30)
        took = time.monotonic() - began
        print(f"SIGTERM: code {code} after {took:.2f} s")
        return [] if code == 0 and took <= 5 else [f"SIGTERM: code {code} after {took:.1f} s"]


def loosened(shape):
    """The same with tuples as lists of anything: schemathesis 4.32 turns `prefixItems` into the `items` list of older drafts and
    then calls its own result invalid. The tests of the program hold tuples to their shape."""
    if isinstance(shape, list):
        return [loosened(one) for one in shape]
    if isinstance(shape, dict):
        return {key: loosened(value) for key, value in shape.items() if key != "prefixItems"}
    return shape


def by_schema(monitor: Monitor, requests: int, seed: int, folder: pathlib.Path) -> list[str]:
    """schemathesis, with other seeds until there were so many requests."""
    document = monitor.document()
    operations = sum(len(methods) for methods in document["paths"].values())
    told = folder / "openapi.json"
    told.write_text(json.dumps(loosened(document)))
    generated, faults, rounds = 0, [], 0
    while generated < requests and rounds < 20:
        report = folder / f"schemathesis-{rounds}.txt"
        command = [
            sys.executable, "-m", "schemathesis.cli", "run", str(told), "--url", monitor.url, "--checks", CHECKS,
            "--max-examples", str(max(10, 2 * requests // operations)), "--seed", str(seed + rounds), "--workers", "4",
            "--phases", "examples,coverage,fuzzing", "--request-timeout", "20", "--exclude-path", "/api/v1/live",
            "--suppress-health-check", "all", "--continue-on-failure", "--max-failures", "50", "--no-color",
        ]
        with report.open("wb") as out:
            code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, cwd=folder, check=False).returncode
        text = report.read_text(errors="replace")
        counted = re.search(r"([\d,]+) generated", text)
        generated += int(counted[1].replace(",", "")) if counted else 0
        if code != 0:
            faults.append(f"schemathesis says {code}; seed {seed + rounds}:\n{text[-12000:]}")
            break
        rounds += 1
    print(f"schema-driven: {generated} requests over {operations} operations in {rounds} rounds")
    if generated < requests and not faults:
        faults.append(f"only {generated} requests were made")
    return faults


def ask(host: str, request: bytes) -> int:
    """The status of the first answer; 0: closed without one."""
    name, port = host.split(":")
    with socket.create_connection((name, int(port)), timeout=15) as line:
        try:
            line.sendall(request)
            line.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # Refused while it was being sent: the answer may be there all the same.
        answer = b""
        try:
            while len(answer) < 65536 and (more := line.recv(65536)):
                answer += more
                if b"\r\n\r\n" in answer:
                    break
        except ConnectionResetError:
            pass
    found = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    return int(found[1]) if found else 0


def malformed(monitor: Monitor, requests: int, seed: int) -> list[str]:
    """So many requests of `raw`, eight at a time."""
    paths = list(monitor.document()["paths"])
    seen, faults = collections.Counter(), []

    def one(number: int) -> tuple[int, bytes, int | str]:
        request = raw.request(random.Random(f"{seed}/{number}"), monitor.host, paths)
        try:
            return number, request, ask(monitor.host, request)
        except OSError as error:
            return number, request, f"{type(error).__name__}: {error}"

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for number, request, status in pool.map(one, range(requests)):
            seen[status] += 1
            if isinstance(status, str) or status >= 500:
                faults.append(f"request {number}: {status}: {request[:300]!r}")
    told = ", ".join(f"{count} x {status}" for status, count in sorted(seen.items(), key=str))
    print(f"malformed: {requests} requests: {told} (0: closed without an answer)")
    return faults


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("program")
    options.add_argument("--requests", type=int, default=10_000)
    options.add_argument("--raw", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="linewatch-api-") as name:
        folder = pathlib.Path(name)
        monitor = Monitor(given.program, folder)
        print(f"memory at start: {monitor.memory_kb()}")
        try:
            faults = by_schema(monitor, given.requests, given.seed, folder) if given.requests else []
            print(f"memory after the schema: {monitor.memory_kb()}")
            faults += malformed(monitor, given.raw, given.seed)
            print(f"memory after the malformed: {monitor.memory_kb()}")
            faults += monitor.faults()
            faults += monitor.end()
        finally:
            monitor.process.kill()
    for fault in faults[:20]:
        print(f"FAULT: {fault}")
    print(f"api: {'HOLDS' if not faults else f'{len(faults)} fault(s)'}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
