"""Mail and 50 targets cut together for 120 s, the monitor killed in the middle: what arrives, and when.

Usage, as root: unshare -n python3 e2e/mail/cut.py PROGRAM [SECONDS [DIRECTORY FOR THE MAILS]]
Needs aiosmtpd, ip and nft. Everything stays in the namespace, whose addresses are its own: what is cut is dropped on arrival, as a
far-away fault would. Prints a timeline and the messages; ends with 0 if all of issue 5's show 3 holds.
"""
import email
import email.policy
import json
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
CUT_SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 120.0
TARGETS = 50
MAIL = "192.0.2.200"
SETTINGS = """[server]
listen = "127.0.0.1:0"

[alerts.email]
server = "{mail}"
port = {port}
tls = "none"
from = "linewatch@example.com"

[defaults]
interval = "1s"
"""
began = time.monotonic()


def say(text):
    print(f"{time.monotonic() - began:7.1f} s  {time.strftime('%H:%M:%S')}  {text}", flush=True)


def run(*command):
    subprocess.run(command, check=True)


def start(directory):
    monitor = subprocess.Popen(
        [PROGRAM, "serve", "--config", directory / "linewatch.toml", "--data-dir", directory / "data"],
        stdout=subprocess.PIPE, stderr=(directory / "stderr").open("a"), text=True, cwd=directory)
    for line in monitor.stdout:
        if "Monitoring ready" in line:
            return monitor
    sys.exit("the monitor ended before it was ready")


def waiting(directory):
    database = sqlite3.connect(f"file:{directory / 'data' / 'linewatch.db'}?mode=ro", uri=True)
    try:
        return database.execute("SELECT count(*) FROM outbox WHERE state = 'waiting'").fetchone()[0]
    finally:
        database.close()


def story(directory, port):
    settings = SETTINGS.format(mail=MAIL, port=port)
    for target in range(1, TARGETS + 1):
        settings += f'\n[[targets]]\nname = "Target {target}"\naddress = "192.0.2.{target}"\n'
    (directory / "linewatch.toml").write_text(settings)
    monitor = start(directory)
    say(f"monitor ready with {TARGETS} targets, pid {monitor.pid}")
    time.sleep(15)
    # Dropped on arrival: the sender hears nothing, as from a far-away fault.
    run("nft", "add rule inet cut input ip daddr 192.0.2.0/24 drop")
    cut_at = time.time()
    say("CUT: every target and the mail server")
    time.sleep(CUT_SECONDS / 2)
    monitor.send_signal(signal.SIGKILL)
    monitor.wait()
    say(f"kill -9; {waiting(directory)} letter(s) in the outbox")
    time.sleep(1)
    monitor = start(directory)
    say(f"started again, pid {monitor.pid}")
    time.sleep(max(0, CUT_SECONDS - (time.time() - cut_at)))
    say(f"RESTORED; {waiting(directory)} letter(s) in the outbox")
    run("nft", "flush chain inet cut input")
    restored_at, told_at = time.time(), None
    while time.time() - restored_at < 75:
        left = waiting(directory)
        if left == 0 and told_at is None:
            told_at = time.time()
            say("outbox empty for the first time")
        elif left > 0 and told_at is not None:
            say("outbox has letters again")
            told_at = None
        time.sleep(0.2)
    say(f"outbox {'empty since ' + format(told_at - restored_at, '.1f') + ' s after' if told_at else 'NOT empty 75 s after'} the restoration")
    monitor.send_signal(signal.SIGKILL)
    monitor.wait()
    return told_at is not None and told_at - restored_at <= 60


def main():
    run("ip", "link", "set", "lo", "up")
    for last in [*range(1, TARGETS + 1), int(MAIL.rsplit(".", 1)[1])]:
        run("ip", "address", "add", f"192.0.2.{last}/32", "dev", "lo")
    run("nft", "add table inet cut; add chain inet cut input { type filter hook input priority 0; }")
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        # Into a file: a pipe that nobody reads is full after one picture.
        heard = directory / "heard"
        peer = subprocess.Popen([sys.executable, pathlib.Path(__file__).with_name("peer.py"), "--host", MAIL, "good"],
                                stdout=heard.open("w"), text=True)
        while "\n" not in heard.read_text():
            time.sleep(0.1)
        port = json.loads(heard.read_text().splitlines()[0])["port"]
        is_prompt = story(directory, port)
        peer.terminate()
        peer.wait()
        said = [json.loads(line) for line in heard.read_text().splitlines()]
    mails = [what["accepted"] for what in said if "accepted" in what]
    if len(sys.argv) > 3:
        for number, mail in enumerate(mails, 1):
            (pathlib.Path(sys.argv[3]) / f"{number}.eml").write_text(mail)
    texts = []
    for mail in mails:
        message = email.message_from_string(mail, policy=email.policy.default)
        text = message.get_body(("plain",)).get_content()
        texts.append(text)
        print(f"\n=== {message['Message-ID']}\nDate: {message['Date']}\nSubject: {message['Subject']}\n{text}")
    together = "\n".join(texts).lower()
    down, up = together.find("are down at once"), together.find("over: all")
    checks = {
        f"{len(mails)} message(s), at most 3": 0 < len(mails) <= 3,
        "DOWN precedes UP": 0 <= down < up,
        "the outbox was empty within 60 s": is_prompt,
    }
    for what, holds in checks.items():
        print(f"{'ok  ' if holds else 'FAIL'} {what}")
    sys.exit(0 if all(checks.values()) else 1)


main()
