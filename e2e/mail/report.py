"""A report by mail, asked for by hand and from the outbox of a monitor that was killed: what arrives, and whether it opens.

Usage: python3 e2e/mail/report.py PROGRAM [DIRECTORY FOR THE MAILS]
Needs aiosmtpd and a loopback, where both targets are. Prints the headers and the parts of
each message; ends with 0 if every claim holds.
"""
import email
import email.policy
import html.parser
import json
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
NAMES = ["Gateway <b>", "Second"]
SETTINGS = """[server]
listen = "127.0.0.1:0"
auth = "off"
vantage = "jkt-office"

[web]
language = "{language}"

[alerts]
exit_mail = false
retry = {{ first = "1s", max = "1s", give_up = "1h" }}

# None of the five is on: what is sent here are reports.
[[alerts.rules]]
kind = "storage"

[alerts.email]
server = "127.0.0.1"
port = {port}
tls = "none"
from = "linewatch@example.com"
to = ["ops@example.com"]
report = "weekly"

[defaults]
interval = "100ms"
timeout = "90ms"

[[targets]]
id = "gw"
name = "Gateway <b>"
address = "127.0.0.1"

[[targets]]
id = "second"
name = "Second"
address = "127.0.0.2"
"""
PATIENCE_S = 60


class Opened(html.parser.HTMLParser):
    """What a browser would find in a document."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.title, self.links = [], [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        if self.open and self.open[-1] == "title" and "svg" not in self.tags:
            self.title += data


def start(directory):
    monitor = subprocess.Popen(
        [PROGRAM, "serve", "--config", directory / "linewatch.toml", "--data-dir", directory / "data"],
        stdout=subprocess.PIPE, stderr=(directory / "stderr").open("a"), text=True, cwd=directory)
    page = None
    for line in monitor.stdout:
        if "Running on" in line:
            page = line.split()[-1].rstrip("/")
        if "Monitoring ready" in line:
            return monitor, page
    sys.exit(f"the monitor ended before it was ready: {(directory / 'stderr').read_text()}")


def end(monitor, by):
    monitor.send_signal(by)
    monitor.wait()


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def until(what, holds):
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > PATIENCE_S:
            sys.exit(f"{what}: not within {PATIENCE_S} s")
        time.sleep(0.05)


def order(directory):
    """A week's report that was put in while the line was down, as the monitor writes it."""
    now = time.time_ns()
    what = {"version": 1, "report": {"span": "week", "from_ns": now - 7 * 86_400 * 10**9, "to_ns": now, "made_ns": now}}
    database = sqlite3.connect(directory / "data" / "linewatch.db")
    with database:
        database.execute("INSERT INTO outbox (destination, made_ns, due_ns, message_id, notification) VALUES ('report', ?, ?, ?, ?)",
                         (now, now, "report-weekly-test.0@example.com", json.dumps(what)))
    mark = database.execute("SELECT value FROM meta WHERE key = 'report_told'").fetchone()
    database.close()
    return mark


def story(directory, port, mails):
    """The words of the server, and what was remembered of reports."""
    settings = directory / "linewatch.toml"
    settings.write_text(SETTINGS.format(port=port, language="en"))
    monitor, page = start(directory)
    # Both are stored for some seconds: the report has figures.
    until("measurements", lambda: all(row["sent"] > 30 for row in counts(page)))
    words = ask(f"{page}/api/v1/alerts/test", {"destination": "report"})["words"]
    until("the report", lambda: len(mails()) == 1)
    end(monitor, signal.SIGKILL)
    mark = order(directory)
    settings.write_text(SETTINGS.format(port=port, language="id"))
    monitor, page = start(directory)
    # The interruption is told, too, on its own way.
    until("the report of before the kill", lambda: len(mails()) == 3)
    end(monitor, signal.SIGTERM)
    return words, mark


def counts(page):
    return [{"sent": sum(series_sent(page, name))} for name in ("gw", "second")]


def series_sent(page, name):
    now = int(time.time() * 1000)
    answer = ask(f"{page}/api/v1/series?target={name}&from={now - 600_000}&to={now}&points=10")
    return [sent or 0 for sent in answer["sent"]]


def parts(message):
    return [part for part in message.walk() if not part.is_multipart()]


def show(message):
    for name, value in message.items():
        print(f"{name}: {value}")
    for part in parts(message):
        body = part.get_content()
        size = len(body.encode() if isinstance(body, str) else body)
        print(f"  {part.get_content_type():<10} {part.get_content_disposition() or '-':<10} {size:>7} bytes  {part.get_filename() or ''}")


def claims(message, language):
    """What must be true of a report in this language."""
    text = message.get_body(("plain",)).get_content()
    attached = list(message.iter_attachments())
    opened = [Opened(part.get_content()) for part in attached]
    foreign = [link for document in opened for link in document.links if not link.startswith("#")]
    title, word = {"en": ("Report", "Availability"), "id": ("Laporan mingguan", "Ketersediaan")}[language]
    yield "the subject says what it is", message["Subject"].startswith(title)
    yield "both targets are in the text and in the HTML", all(
        name.split()[0] in body for name in NAMES for body in (text, message.get_body(("html",)).get_content()))
    yield "the table is in the reader's language", word in text
    yield "three documents are attached", [part.get_content_type() for part in attached] == ["text/html"] * 3
    yield "they are named after what they are of", sorted(part.get_filename().rsplit("-", 1)[0] for part in attached) == [
        "report-fleet", "report-gw", "report-second"]
    yield "each opens: a title, tables, a picture", all(
        document.title and "table" in document.tags and "svg" in document.tags for document in opened)
    yield "nothing in them leads outside or runs", not foreign and not any("script" in document.tags for document in opened)
    yield "no name of a stranger is markup", not any(NAMES[0] in part.get_content() for part in attached)


def main():
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        # Into a file: a pipe that nobody reads is full after one report.
        heard = directory / "heard"
        peer = subprocess.Popen([sys.executable, pathlib.Path(__file__).with_name("peer.py"), "good"], stdout=heard.open("w"))
        until("the mail server", lambda: "\n" in heard.read_text())
        lines = lambda: [json.loads(line) for line in heard.read_text().splitlines(keepends=True) if line.endswith("\n")]
        port = lines()[0]["port"]
        mails = lambda: [what["accepted"] for what in lines() if "accepted" in what]
        words, mark = story(directory, port, mails)
        peer.terminate()
        peer.wait()
        received = [email.message_from_string(mail, policy=email.policy.default) for mail in mails()]
    if len(sys.argv) > 2:
        for number, mail in enumerate(received, 1):
            (pathlib.Path(sys.argv[2]) / f"{number}.eml").write_text(mail.as_string())
    tried = [mail for mail in received if mail["Message-ID"].startswith("<test-")]
    waited = [mail for mail in received if mail["Message-ID"] == "<report-weekly-test.0@example.com>"]
    checks = [("the server's words come back", words.startswith("250")), ("one at once, one from before the kill", (len(tried), len(waited)) == (1, 1)),
              ("that weekly reports are on is remembered", mark is not None and mark[0].startswith("weekly "))]
    for mail, language in [*((mail, "en") for mail in tried), *((mail, "id") for mail in waited)]:
        show(mail)
        checks += [(f"{language}: {what}", holds) for what, holds in claims(mail, language)]
    for what, holds in checks:
        print(f"{'ok  ' if holds else 'FAIL'} {what}")
    sys.exit(0 if all(holds for _, holds in checks) else 1)


main()
