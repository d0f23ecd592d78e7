"""Every way in which a mail server fails, one monitor and one real server (aiosmtpd) each, side by side: what arrives all the same.

Usage, as root: unshare -n python3 e2e/mail/trouble.py PROGRAM [SECONDS THAT THE CLOSED PORT STAYS CLOSED, else 60]
Needs aiosmtpd, ip, nft and openssl. In each case a target goes down and comes back and the monitor is stopped: three things to tell.
Each must be accepted; twice only where the server took a message and broke off, with the same Message-ID; and nothing of the login may
be readable on the wire. Prints a line for each case; ends with 0 if all are ok.
"""
import collections
import concurrent.futures
import email
import email.policy
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
CLOSED_SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
PEER = pathlib.Path(__file__).with_name("peer.py")
# As peer.py expects it.
PASSWORD = "Correct-Horse-7"
# A case that takes longer hangs: the slowest waits 30 s for a server that hangs, or for the closed port; a machine that builds at the
# same time gives a dozen monitors little.
PATIENCE_SECONDS = CLOSED_SECONDS + 240
# What may be heard before TLS.
POLITE = re.compile(r"(EHLO \S+|STARTTLS|QUIT)")
SETTINGS = """[server]
listen = "127.0.0.1:0"

[alerts]
for = "0s"
group_wait = "0s"
cooldown = "0s"
retry = {{ first = "1s", max = "1s", give_up = "1h" }}

[[alerts.rules]]
kind = "outage"

[alerts.email]
server = "localhost"
port = {port}
tls = "{tls}"
user = "watch"
from = "linewatch@example.com"

[defaults]
interval = "200ms"
timeout = "1s"

[[targets]]
id = "far"
name = "Far"
address = "{target}"

[[targets]]
id = "near"
name = "Near"
address = "127.0.0.1"
"""
# By name: what the server does, a word a connection, before it is good; how it is reached; what the letter says of it meanwhile.
CASES = {
    "refused, then open": ([], "starttls", "refused"),
    "421": (["421"], "starttls", "421 4.3.2 closing for repairs"),
    "451 x 20": (["451"] * 20, "starttls", "451 4.7.1 greylisted"),
    "550": (["550"], "starttls", "550 5.1.1 no such user here"),
    "hang in the banner": (["hang-banner"], "starttls", "no answer within 30 s"),
    "hang in DATA": (["hang-data"], "starttls", "no answer within 30 s"),
    "reset after the final dot": (["reset"], "starttls", ""),
    "STARTTLS not offered": (["no-starttls"], "starttls", "the server offers no STARTTLS"),
    "self-signed, STARTTLS": (["self-signed"], "starttls", "UnknownIssuer"),
    "self-signed, implicit TLS": (["self-signed"], "implicit", "UnknownIssuer"),
    "wrong host name, STARTTLS": (["other-name"], "starttls", "certificate not valid for name \"localhost\""),
    "wrong host name, implicit TLS": (["other-name"], "implicit", "certificate not valid for name \"localhost\""),
}


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def certificates(directory):
    """An authority, and the three certificates of peer.py with their keys."""
    def make(name, host, *signed):
        key, certificate = directory / f"{name}.key", directory / f"{name}.crt"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout", key,
            "-out", certificate, "-subj", f"/CN={host}", *signed)
        (directory / f"{name}.pem").write_bytes(certificate.read_bytes() + key.read_bytes())

    leaf = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext"]
    by_authority = ["-CA", directory / "authority.crt", "-CAkey", directory / "authority.key"]
    make("authority", "authority of this run", "-addext", "keyUsage=critical,keyCertSign")
    make("good", "localhost", *leaf, "subjectAltName=DNS:localhost", *by_authority)
    make("self-signed", "localhost", *leaf, "subjectAltName=DNS:localhost")
    make("other-name", "mail.example.org", *leaf, "subjectAltName=DNS:mail.example.org", *by_authority)


class Case:
    """One monitor, one server, one target."""

    def __init__(self, name, number, shared, directory):
        self.name, self.shared, self.directory = name, shared, directory
        self.script, self.tls, self.words = CASES[name]
        self.target = f"192.0.2.{number}"
        self.peer = self.monitor = None
        self.deadline = time.monotonic() + PATIENCE_SECONDS
        self.remarks = []

    def until(self, what, holds):
        """Waits; what `holds` answered at last."""
        while time.monotonic() < self.deadline:
            if answer := holds():
                return answer
            time.sleep(0.1)
        raise TimeoutError(f"it never came: {what}")

    def start_peer(self, port=0):
        options = ["--port", str(port), "--tls", self.shared] + (["--implicit"] if self.tls == "implicit" else [])
        # Into a file: a pipe that nobody reads is full after one picture.
        self.peer = subprocess.Popen([sys.executable, PEER, *options, *self.script, "good"],
                                     stdout=(self.directory / "heard").open("w"), stderr=(self.directory / "peer").open("w"))
        return self.until("the server", lambda: self.said("port"))[0]

    def said(self, key):
        return [what[key] for what in self.heard() if key in what]

    def ends(self):
        return [what for what in self.heard() if "end" in what]

    def heard(self):
        path = self.directory / "heard"
        whole = path.read_text().rpartition("\n")[0] if path.exists() else ""
        return [json.loads(line) for line in whole.splitlines()]

    def start_monitor(self, port):
        trust = {"SSL_CERT_FILE": str(self.shared / "authority.crt"), "SSL_CERT_DIR": str(self.directory)}
        (self.directory / "linewatch.toml").write_text(SETTINGS.format(port=port, tls=self.tls, target=self.target))
        self.monitor = subprocess.Popen(
            [PROGRAM, "serve", "--config", self.directory / "linewatch.toml", "--data-dir", self.directory / "data"], cwd=self.directory,
            env={**os.environ, **trust, "LINEWATCH_EMAIL_PASSWORD": PASSWORD},
            stdout=subprocess.PIPE, stderr=(self.directory / "stderr").open("w"), text=True)
        for line in self.monitor.stdout:
            if line.startswith("Running on http://"):
                self.page = line.split()[2].rstrip("/")
            if "Monitoring ready" in line:
                return
        raise RuntimeError("the monitor ended before it was ready: " + (self.directory / "stderr").read_text()[-500:])

    def ask(self, path, method="GET"):
        request = urllib.request.Request(f"{self.page}/api/v1/{path}", method=method, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def line(self, verb):
        run("nft", verb, "element", "inet", "trouble", "cut", "{", self.target, "}")

    def troubled(self):
        """Letters that have failed."""
        outbox = self.ask("alerts/outbox")
        return [letter for letter in outbox["waiting"] + outbox["dead"] if letter["last_error"]]

    def texts(self):
        return [email.message_from_string(mail, policy=email.policy.default) for mail in self.said("accepted")]

    def tells(self, what):
        return sum(what in mail.get_body(("plain",)).get_content() for mail in self.texts())

    def story(self):
        if self.script:
            port = self.start_peer()
        else:
            with socket.create_server(("127.0.0.1", 0)) as closed:
                port = closed.getsockname()[1]
        self.start_monitor(port)
        opened_at = time.monotonic() + CLOSED_SECONDS
        self.until("a reply of the target", lambda: self.ask("targets/far")["overview"]["last_answer_at"])
        self.line("add")
        letter = self.until("a failed attempt", self.troubled)[0]
        self.remarks.append(f"\"{letter['last_error']}\"")
        if self.words not in letter["last_error"]:
            raise AssertionError(f"other words than {self.words}: {letter['last_error']}")
        self.line("delete")
        if not self.script:
            time.sleep(max(0, opened_at - time.monotonic()))
            self.start_peer(port)
            opened_at = time.monotonic()
            self.until("a message after the port was opened", lambda: self.said("accepted"))
            self.remarks.append(f"accepted {time.monotonic() - opened_at:.1f} s after {CLOSED_SECONDS:.0f} s of refusal")
        self.until("UP", lambda: self.tells("UP: Far"))
        if self.name == "550":
            self.dead_letter()
        self.until("an empty outbox", lambda: not self.ask("alerts/outbox")["waiting"])
        self.monitor.send_signal(signal.SIGTERM)
        self.monitor.wait(60)
        # The last connection ends after the monitor has gone.
        self.until("the end of each connection", lambda: len(self.ends()) == len(self.said("connection")))

    def dead_letter(self):
        """What was refused for good is to be seen, and sent at last when a person says so."""
        outbox = self.ask("alerts/outbox")
        [dead] = outbox["dead"]
        if self.tells("DOWN: Far"):
            raise AssertionError("what was refused for good was sent all the same")
        self.remarks.append(f"dead letter {dead['id']} after {dead['attempts']} attempt(s), accepted on retry")
        self.ask(f"alerts/outbox/{dead['id']}/retry", "POST")
        self.until("DOWN on retry", lambda: self.tells("DOWN: Far"))

    def faults(self):
        """What does not hold."""
        faults, is_reset = [], self.script == ["reset"]
        for what in ("DOWN: Far", "UP: Far", "The monitor was stopped at"):
            copies = self.tells(what)
            if copies != (2 if is_reset and what.startswith("DOWN") else 1):
                faults.append(f"\"{what}\" was accepted {copies} times")
        whole = "\n".join(mail.get_body(("plain",)).get_content() for mail in self.texts())
        # What was refused for good comes after what was not, when a person says so.
        if self.name != "550" and not whole.find("DOWN: Far") < whole.find("UP: Far") < whole.find("The monitor was stopped at"):
            faults.append("in another order than it happened")
        copies = sorted(collections.Counter(mail["Message-ID"] for mail in self.texts()).values())
        if max(copies) != (2 if is_reset else 1) or copies.count(2) > 1:
            faults.append(f"copies by Message-ID: {copies}")
        behaviours = self.said("connection")
        if behaviours[:len(self.script)] != self.script or set(behaviours[len(self.script):]) != {"good"}:
            faults.append(f"connections: {behaviours}")
        clear = [line for end in self.ends() for line in end["clear"].splitlines()]
        faults += [f"in the clear: {line!r}" for line in clear if not POLITE.fullmatch(line)]
        faults += [f"a login was readable in a connection that was {end['behaviour']}" for end in self.ends() if end["leaked"]]
        if set(self.said("login")) != {"accepted"}:
            faults.append(f"logins: {self.said('login')}")
        return faults

    def tell(self):
        """Runs it; whether it is ok."""
        try:
            self.story()
            faults = self.faults()
        except Exception as error:  # Whatever went wrong, the other cases have their lines too.
            faults = [f"{type(error).__name__}: {error}"]
        finally:
            for process in (self.monitor, self.peer):
                if process is not None:
                    process.kill()
                    process.wait()
        mails, bytes_clear = self.texts(), sum(len(end["clear"]) for end in self.ends())
        facts = [f"{len(self.said('connection'))} connections", f"{len(mails)} messages", f"{len({mail['Message-ID'] for mail in mails})} Message-IDs",
                 f"{bytes_clear} bytes before TLS, none of the login", *self.remarks]
        told = "; ".join(faults + self.remarks if faults else facts)
        print(f"{'FAIL' if faults else 'ok  '} {self.name}: {told}", flush=True)
        return not faults


def main():
    run("ip", "link", "set", "lo", "up")
    run("nft", "add table inet trouble; add set inet trouble cut { type ipv4_addr; };"
        "add chain inet trouble input { type filter hook input priority 0; }; add rule inet trouble input ip daddr @cut drop")
    with tempfile.TemporaryDirectory() as directory, concurrent.futures.ThreadPoolExecutor(len(CASES)) as threads:
        directory = pathlib.Path(directory)
        certificates(directory)
        told = []
        for number, name in enumerate(CASES, 1):
            run("ip", "address", "add", f"192.0.2.{number}/32", "dev", "lo")
            own = directory / str(number)
            own.mkdir()
            told.append(threads.submit(Case(name, number, directory, own).tell))
        is_ok = [each.result() for each in told]
    print(f"{sum(is_ok)} of {len(is_ok)} cases are ok")
    sys.exit(0 if all(is_ok) else 1)


main()
