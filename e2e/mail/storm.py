"""1,000 alerts through a mail server that fails half the time, the monitor killed while it sends: what arrives, and in which order.

Usage, as root: unshare -n python3 e2e/mail/storm.py PROGRAM [ROUNDS, else 10 [SEED, else 1]]
Needs aiosmtpd, ip and nft. Everything stays in the namespace, whose addresses are its own. Fifty recipients, each told of ten targets
of his own: in each round one target of each goes down and comes back, and twice a round the monitor gets a kill -9 as soon as its
letters are committed. Each DOWN and each UP must reach its recipient at least once, in the order in which they happened; twice only
with the same Message-ID. Prints a line a round and the checks; ends with 0 if all hold.
"""
import collections
import email
import email.policy
import pathlib
import random
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time

from aiosmtpd.controller import Controller

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 10
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
RECIPIENTS = 50
PORT = 2525
# Of one wait; a machine that builds at the same time is slow.
PATIENCE_SECONDS = 240
# A reset instead of a close: nothing lingers.
AT_ONCE = struct.pack("ii", 1, 0)
FAULTS = ["421 at MAIL", "451 at RCPT", "451 after the dot", "reset after the dot", "reset at MAIL"]
TOLD = re.compile(r"\b(DOWN|UP): (T\d+x\d+)\b")
SETTINGS = """[server]
listen = "127.0.0.1:0"

[alerts]
for = "0s"
group_wait = "0s"
cooldown = "0s"
retry = {{ first = "1s", max = "1s", give_up = "1h" }}

[alerts.email]
server = "127.0.0.1"
port = {port}
tls = "none"
from = "linewatch@example.com"

[defaults]
interval = "500ms"
timeout = "400ms"

[[targets]]
name = "Always there"
address = "127.0.0.1"
"""
began = time.monotonic()


def say(text):
    print(f"{time.monotonic() - began:7.1f} s  {text}", flush=True)


class Server:
    """Takes every other message, by chance, and remembers those in the order in which it took them."""

    def __init__(self):
        self.chance = random.Random(SEED)
        self.lock = threading.Lock()
        self.taken, self.failed = [], collections.Counter()

    def fault(self):
        with self.lock:
            fault = self.chance.choice(FAULTS) if self.chance.random() < 0.5 else None
            if fault:
                self.failed[fault] += 1
            return fault

    def reset(self, server):
        server.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        server.transport.abort()

    async def handle_MAIL(self, server, session, envelope, address, options):
        session.fault = self.fault()
        envelope.mail_from = address
        if session.fault == "reset at MAIL":
            self.reset(server)
        return "421 4.3.2 closing for repairs" if session.fault == "421 at MAIL" else "250 2.1.0 ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        envelope.rcpt_tos.append(address)
        return "451 4.7.1 come back later" if session.fault == "451 at RCPT" else "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        if session.fault == "451 after the dot":
            return "451 4.3.0 try again"
        with self.lock:
            self.taken.append((tuple(envelope.rcpt_tos), envelope.content))
        if session.fault == "reset after the dot":
            self.reset(server)
        return "250 2.0.0 queued"


def run(*command, **more):
    subprocess.run(command, check=True, **more)


def address(target, recipient):
    return f"10.9.{target}.{recipient}"


class Story:
    def __init__(self, directory, port):
        self.directory, self.kills, self.monitor = directory, 0, None
        settings = SETTINGS.format(port=port)
        for recipient in range(1, RECIPIENTS + 1):
            settings += f'\n[[alerts.rules]]\nname = "r{recipient}"\nmatch = {{ group = "g{recipient}" }}\nkind = "outage"\nto = ["r{recipient}@example.com"]\n'
            for target in range(1, ROUNDS + 1):
                settings += f'\n[[targets]]\nname = "T{target}x{recipient}"\ngroup = "g{recipient}"\naddress = "{address(target, recipient)}"\n'
        (directory / "linewatch.toml").write_text(settings)

    def start(self):
        self.monitor = subprocess.Popen(
            [PROGRAM, "serve", "--config", self.directory / "linewatch.toml", "--data-dir", self.directory / "data"],
            stdout=subprocess.PIPE, stderr=(self.directory / "stderr").open("a"), text=True, cwd=self.directory)
        for line in self.monitor.stdout:
            if "Monitoring ready" in line:
                return
        sys.exit("the monitor ended before it was ready: " + (self.directory / "stderr").read_text()[-500:])

    def number(self, sql):
        database = sqlite3.connect(f"file:{self.directory / 'data' / 'linewatch.db'}?mode=ro", uri=True, timeout=10)
        try:
            return database.execute(sql).fetchone()[0]
        finally:
            database.close()

    def until(self, what, holds):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"it never came: {what}")
            time.sleep(0.05)

    def kill(self):
        self.monitor.send_signal(signal.SIGKILL)
        self.monitor.wait()
        self.kills += 1
        self.start()

    def line(self, verb, target):
        addresses = ", ".join(address(target, recipient) for recipient in range(1, RECIPIENTS + 1))
        run("nft", verb, "element", "inet", "storm", "cut", "{", addresses, "}")

    def letters(self, target, telling):
        """Of how many of this round's targets there is one."""
        return self.number("SELECT count(DISTINCT json_extract(notification, '$.alerts.items[0].target')) FROM outbox WHERE "
                           f"notification LIKE '%\"name\":\"T{target}x%' AND notification LIKE '%\"telling\":\"{telling}\"%'")

    def round(self, target):
        self.line("add", target)
        self.until("that each DOWN is committed", lambda: self.letters(target, "began") == RECIPIENTS)
        self.kill()
        self.line("delete", target)
        self.until("that each UP is committed", lambda: self.letters(target, "ended") == RECIPIENTS)
        self.kill()


def judge(story, server):
    """By recipient: in which message he was told first; and copies by Message-ID. (A message of what waited has begins before ends.)"""
    told, copies, ids = collections.defaultdict(dict), collections.Counter(), collections.defaultdict(set)
    for number, (recipients, content) in enumerate(server.taken):
        message = email.message_from_bytes(content, policy=email.policy.default)
        text = message.get_body(("plain",)).get_content()
        copies[message["Message-ID"]] += 1
        for recipient in recipients:
            for state, name in TOLD.findall(text):
                ids[recipient, state, name].add(message["Message-ID"])
                told[recipient].setdefault((state, name), number)
    missing = disordered = 0
    for recipient in range(1, RECIPIENTS + 1):
        expected = [(state, f"T{target}x{recipient}") for target in range(1, ROUNDS + 1) for state in ("DOWN", "UP")]
        got = told[f"r{recipient}@example.com"]
        missing += sum(what not in got for what in expected)
        numbers = [got[what] for what in expected if what in got]
        disordered += numbers != sorted(numbers)
    alerts = 2 * RECIPIENTS * ROUNDS
    again = sum(len(other) > 1 for other in ids.values())
    say(f"{len(server.taken)} messages accepted ({len(copies)} Message-IDs), {sum(server.failed.values())} failed on purpose: {dict(server.failed)}")
    return {
        f"{alerts} alerts, {story.kills} kills: {missing} not delivered": missing == 0,
        f"{disordered} recipients told in another order than it happened": disordered == 0,
        f"{again} alerts told again under another Message-ID": again == 0,
        f"{story.number('SELECT count(*) FROM outbox WHERE state = ' + repr('dead'))} letters given up":
            story.number("SELECT count(*) FROM outbox WHERE state = 'dead'") == 0,
        "the database is whole": story.number("PRAGMA integrity_check") == "ok",
    }


def main():
    run("ip", "link", "set", "lo", "up")
    all_of_them = (address(target, recipient) for target in range(1, ROUNDS + 1) for recipient in range(1, RECIPIENTS + 1))
    run("ip", "-batch", "-", input="".join(f"address add {one}/32 dev lo\n" for one in all_of_them), text=True)
    run("nft", "add table inet storm; add set inet storm cut { type ipv4_addr; };"
               "add chain inet storm input { type filter hook input priority 0; }; add rule inet storm input ip daddr @cut drop")
    server = Server()
    # Nobody else is in this namespace.
    controller = Controller(server, hostname="127.0.0.1", port=PORT)
    controller.start()
    with tempfile.TemporaryDirectory() as directory:
        story = Story(pathlib.Path(directory), PORT)
        story.start()
        try:
            # A target that never answered is not down: it was never there.
            story.until("that all have answered", lambda: story.number(
                "SELECT count(DISTINCT target) FROM recent WHERE outcome = 'reply'") > RECIPIENTS * ROUNDS)
            for target in range(1, ROUNDS + 1):
                story.round(target)
                say(f"round {target}: {story.kills} kills, {len(server.taken)} messages accepted, "
                    f"{story.number('SELECT count(*) FROM outbox WHERE state = ' + repr('waiting'))} letters wait")
            story.until("an empty outbox", lambda: story.number("SELECT count(*) FROM outbox WHERE state = 'waiting'") == 0)
        finally:
            story.monitor.send_signal(signal.SIGKILL)
            story.monitor.wait()
        checks = judge(story, server)
    controller.stop()
    for what, holds in checks.items():
        print(f"{'ok  ' if holds else 'FAIL'} {what}")
    sys.exit(0 if all(checks.values()) else 1)


main()
