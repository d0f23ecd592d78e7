"""A real mail server (aiosmtpd) that follows a script; prints one JSON line for each thing that happens.

Arguments: perhaps --host ADDRESS (else loopback), perhaps --port PORT (else any), perhaps --tls DIRECTORY (`good.pem`,
`self-signed.pem`, `other-name.pem`, each a certificate with its key) for a server that is reached by STARTTLS and asks for the login
`watch`, perhaps --implicit for TLS from the first byte instead; then a word per connection, the last one goes on:
  good         takes everything
  421          answers MAIL with 421 and closes
  451          answers RCPT with 451
  550          answers RCPT with 550
  reset        takes the message and breaks the connection after the final dot
  hang-banner  says nothing
  hang-data    takes the message and never says so
  no-starttls  offers no TLS
  self-signed  shows a certificate that signed itself
  other-name   shows a certificate of another host

Whatever comes in passes a tap first. At the end of each connection it tells every byte that came before the first TLS record (`clear`),
and whether a login was readable among all that came (`leaked`).
"""
import argparse
import asyncio
import base64
import json
import pathlib
import socket
import ssl
import struct
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = "watch", "Correct-Horse-7"
# What a login looks like on a wire without TLS: AUTH PLAIN is \0user\0password, AUTH LOGIN one after the other.
LOGINS = [PASSWORD.encode(), *(base64.b64encode(secret.encode()) for secret in (PASSWORD, f"\0{USER}\0{PASSWORD}", USER))]
# A handshake record of any TLS version.
TLS_RECORD = b"\x16\x03"
# A reset instead of a close: nothing lingers.
AT_ONCE = struct.pack("ii", 1, 0)

arguments = argparse.ArgumentParser()
arguments.add_argument("--host", default="127.0.0.1")
arguments.add_argument("--port", type=int, default=0)
arguments.add_argument("--tls", type=pathlib.Path)
arguments.add_argument("--implicit", action="store_true")
arguments.add_argument("script", nargs="+")
chosen = arguments.parse_args()
connections = 0
# A login without STARTTLS: within implicit TLS, or as the trap.
warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")


def say(**what):
    print(json.dumps(what), flush=True)


def login(server, session, envelope, mechanism, data):
    is_right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    say(login="accepted" if is_right else "refused")
    return AuthResult(success=is_right)


class Handler:
    """One connection."""

    def __init__(self, behaviour, line):
        self.behaviour = behaviour
        self.line = line

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.behaviour == "421":
            # RFC 5321 section 3.8: whoever says so closes.
            asyncio.get_running_loop().call_soon(server.transport.close)
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
        if self.behaviour == "hang-data":
            await asyncio.Event().wait()
        say(accepted=envelope.content.decode("utf-8", "replace"), to=envelope.rcpt_tos)
        if self.behaviour == "reset":
            self.line.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            self.line.transport.abort()
        return "250 2.0.0 queued"


class Server(SMTP):
    """aiosmtpd as it is, but for a banner that may never come."""

    async def _handle_client(self):
        if self.event_handler.behaviour == "hang-banner":
            await asyncio.Event().wait()
        await super()._handle_client()


def certificate(behaviour):
    name = behaviour if behaviour in ("self-signed", "other-name") else "good"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chosen.tls / f"{name}.pem")
    return context


async def serve(behaviour, line):
    """A server of one connection, behind the tap; where it is."""
    has_tls = chosen.tls is not None and behaviour != "no-starttls"
    context = certificate(behaviour) if has_tls else None
    is_implicit = chosen.implicit and has_tls
    has_starttls = has_tls and not is_implicit
    # Who offers no TLS asks for the login all the same, in the clear: a trap.
    options = {"authenticator": login, "auth_required": True, "auth_require_tls": has_starttls} if chosen.tls else {}

    def protocol():
        return Server(Handler(behaviour, line), hostname="peer", enable_SMTPUTF8=True, require_starttls=has_starttls,
                      tls_context=context if has_starttls else None, **options)

    return await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=context if is_implicit else None)


async def copy(source, sink, heard=None):
    try:
        while some := await source.read(65536):
            if heard is not None:
                heard += some
            sink.write(some)
            await sink.drain()
    except OSError:
        pass  # One side is gone: so is the other.
    sink.close()


async def tap(reader, writer):
    global connections
    number, behaviour = connections, chosen.script[min(connections, len(chosen.script) - 1)]
    connections += 1
    say(connection=behaviour)
    server = await serve(behaviour, writer)
    from_server, to_server = await asyncio.open_connection(*server.sockets[0].getsockname())
    heard = bytearray()
    await asyncio.gather(copy(reader, to_server, heard), copy(from_server, writer))
    server.close()
    clear = bytes(heard) if heard[:2] != TLS_RECORD else b""
    if b"\r\n" + TLS_RECORD in clear:
        clear = clear[:clear.index(b"\r\n" + TLS_RECORD) + 2]
    say(end=number, behaviour=behaviour, bytes=len(heard), clear=clear.decode("latin-1"), leaked=any(login in heard for login in LOGINS))


async def main():
    server = await asyncio.start_server(tap, chosen.host, chosen.port)
    say(port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
