"""A real mail server (aiosmtpd) that follows a script; prints one JSON line for each thing that happens.

Arguments: perhaps --host ADDRESS (else loopback), then a word per connection, the last one goes on:
  good       takes everything
  421        answers MAIL with 421 and closes
  451        answers RCPT with 451
  550        answers RCPT with 550
  reset      takes the message and breaks the connection after the final dot
"""
import asyncio
import json
import sys

from aiosmtpd.smtp import SMTP

script = sys.argv[1:]
host = "127.0.0.1"
if script[0] == "--host":
    host, script = script[1], script[2:]
connections = 0


def say(**what):
    print(json.dumps(what), flush=True)


class Handler:
    """One connection."""

    def __init__(self, behaviour):
        self.behaviour = behaviour

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.behaviour == "421":
            return "421 4.3.2 closing for repairs"
        envelope.mail_from = address
        return "250 2.1.0 ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.behaviour == "451":
            return "451 4.7.1 greylisted, come back later"
        if self.behaviour == "550":
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        say(accepted=envelope.content.decode("utf-8", "replace"), to=envelope.rcpt_tos)
        if self.behaviour == "reset":
            server.transport.abort()
        return "250 2.0.0 queued"


def connection():
    global connections
    behaviour = script[min(connections, len(script) - 1)]
    connections += 1
    say(connection=behaviour)
    return SMTP(Handler(behaviour), hostname="peer", enable_SMTPUTF8=True)


async def main():
    server = await asyncio.get_running_loop().create_server(connection, host, 0)
    say(port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
