"""Makes requests that no client should send, the same ones for the same seed: broken request lines, headers of 20 kB, wrong
chunks, gzip bombs, deep JSON, bytes that are no text, odd paths, odd queries, broken WebSockets, and right requests with a few
bytes wrong. Input: a random source and the addresses there are. Output: bytes. Not here: sending them."""

import gzip
import random

BOMB = gzip.compress(b"\0" * 20_000_000)
ODD_NUMBERS = ["NaN", "-1", "0", "1e999", "9223372036854775808", "18446744073709551616", "0x10", "1.5", "", " 1", "+1", "٣"]
ODD_TEXTS = ["%00", "%ff%fe", "%", "%zz", "'", "<script>", "${jndi:x}", "a" * 9000, "%F0%9F%98%80", "%0d%0aX:1", "..%2f..%2fetc"]
NAMES = ["target", "from", "to", "range", "limit", "points", "offset", "status", "size", "scale", "tz", "before", "q", "lang"]
ODD_PATHS = [
    "//", "/..", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/a/x/..%2f..%2fetc", "/api/v1/../v1/status", "/api//v1/status",
    "/api/v1/status/", "/api/v1/targets/%00", "/\\..\\", "/;", "/t/" + "x" * 8000, "/.git/config", "/api/v1/targets/..", "*",
    "http://127.0.0.1/", "http://other.example/api/v1/status", "/api/v1/status#x", "/\xff\xfe", "/?" + "a=b&" * 3000,
]


def request(dice: random.Random, host: str, paths: list[str]) -> bytes:
    """One request, most of them wrong in one way."""
    return dice.choice(KINDS)(dice, host.encode(), paths)


def _path(dice, paths):
    return dice.choice(paths).replace("{id}", dice.choice(["x", "0-0", "%", "a" * 300])).replace("{", "").replace("}", "")


def _right(dice, host, paths):
    method = dice.choice(["GET", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
    body = dice.choice([b"", b"{}", b'{"name":"x"}', b"[]", b"null"])
    head = f"{method} {_path(dice, paths)} HTTP/1.1\r\nHost: ".encode() + host
    return head + b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _mutated(dice, host, paths):
    text = bytearray(_right(dice, host, paths))
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(text))
        match dice.randrange(3):
            case 0:
                text[at] = dice.randrange(256)
            case 1:
                del text[at : at + dice.randint(1, 5)]
            case _:
                text[at:at] = dice.randbytes(dice.randint(1, 5))
        if not text:
            return b"\r\n"
    return bytes(text)


def _noise(dice, _host, _paths):
    return dice.randbytes(dice.randint(1, 4000))


def _line(dice, host, paths):
    path = _path(dice, paths).encode()
    line = dice.choice([
        b"GET", b"GET " + path, b"GET  " + path + b"  HTTP/1.1", b"get " + path + b" HTTP/1.1", b"GET " + path + b" HTTP/9.9",
        b"GET " + path + b" HTTP/2.0", b"G" * 9000 + b" / HTTP/1.1", b"\0 / HTTP/1.1", b"GET " + path + b" HTTP/1.1 x",
        b"CONNECT 127.0.0.1:80 HTTP/1.1", b"PRI * HTTP/2.0", b"GET \t" + path + b" HTTP/1.1", b"TRACE " + path + b" HTTP/1.1",
        b"GET " + path + b" HTTP/1.0", b" GET / HTTP/1.1", b"GET /\r/ HTTP/1.1",
    ])
    return line + b"\r\nHost: " + host + b"\r\n\r\n"


def _headers(dice, host, paths):
    extra = dice.choice([
        b"X: " + b"a" * 20_000, b"\r\n".join(b"X-%d: y" % i for i in range(400)), b"no colon", b": no name", b"X : y", b" folded",
        b"X: a\r\n b\r\n c", b"X: \0", b"X: \xff\xfe", b"Host: other.example", b"Host:", b"Content-Length: -1",
        b"Content-Length: 99999999999999999999", b"Content-Length: 1\r\nContent-Length: 2", b"Content-Length: 5, 5",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: x",
        b"Expect: 100-continue", b"Expect: x", b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAAA",
        b"Cookie: " + b"a=b; " * 2000, b"Authorization: Bearer " + b"x" * 5000, b"Authorization: Basic !!!", b"If-Match: \"\"",
        b"If-Match: \xff", b"If-None-Match: *", b"Range: bytes=0-,0-,0-", b"Origin: null", b"Origin: http://evil.example",
        b"Accept: " + b"*/*," * 3000, b"Forwarded: for=\"" + b"[" * 500, b"X-Forwarded-Proto: https, http",
    ])
    method = dice.choice([b"GET", b"POST", b"PUT"])
    return method + b" " + _path(dice, paths).encode() + b" HTTP/1.1\r\nHost: " + host + b"\r\n" + extra + b"\r\n\r\n"


def _chunks(dice, host, paths):
    body = dice.choice([
        b"-1\r\nx\r\n0\r\n\r\n", b"ffffffffffffffffff\r\nx\r\n", b"5\r\nab\r\n0\r\n\r\n", b"zz\r\n", b"2;" + b"e" * 20_000 + b"\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nX: y\r\n\r\n", b"2\n{}\n0\n\n", b"0\r\n" + b"T: u\r\n" * 500 + b"\r\n", b"\r\n\r\n", b"1\r\n{\r\n" * 3000 + b"0\r\n\r\n",
        b"2\r\n{}", b"7fffffffffffffff\r\n{}\r\n",
    ])
    head = b" HTTP/1.1\r\nHost: " + host + b"\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    return b"POST " + _path(dice, paths).encode() + head + body


def _bodies(dice, host, paths):
    body = dice.choice([
        BOMB, b"[" * 50_000, b'{"a":' * 10_000, b"\xff\xfe{}", b'{"name":"\xc3\x28"}', b'{"name":"\\ud800"}', b"{" + b" " * 1_200_000 + b"}",
        b'{"port":1e999}', b'{"interval":"' + b"9" * 5000 + b's"}', b'{"set":{' + b",".join(b'"k%d":1' % i for i in range(3000)) + b"}}",
        b'{"id":"../../x","address":"192.0.2.1"}', b'{"address":"' + b"[" * 300 + b'"}', b"\xef\xbb\xbf{}", b'{"a":1}{"a":2}', b'{"a":1,"a":2}',
        b'{"minutes":-0.0}', b'{"address":"fe80::1%' + b"x" * 4000 + b'"}', b'{"name":"\\u0000\\u001b[31m\\u202e"}',
    ])
    coding = dice.choice([b"", b"", b"Content-Encoding: gzip\r\n", b"Content-Encoding: br\r\n"])
    kind = dice.choice([b"application/json", b"text/plain", b"application/json; charset=utf-16", b"multipart/form-data"])
    method = dice.choice([b"POST", b"PUT", b"PATCH"])
    head = b" HTTP/1.1\r\nHost: " + host + b"\r\nContent-Type: " + kind + b"\r\n" + coding
    return method + b" " + _path(dice, paths).encode() + head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _paths(dice, host, _paths):
    path = dice.choice(ODD_PATHS).encode("latin-1")
    return b"GET " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"


def _queries(dice, host, paths):
    values = ODD_NUMBERS + ODD_TEXTS
    query = "&".join(f"{dice.choice(NAMES)}={dice.choice(values)}" for _ in range(dice.randint(1, 5)))
    return f"GET {_path(dice, paths)}?{query} HTTP/1.1\r\nHost: ".encode() + host + b"\r\n\r\n"


def _socket(dice, host, _paths):
    key = dice.choice([b"dGhlIHNhbXBsZSBub25jZQ==", b"x", b"", b"\xff"])
    version = dice.choice([b"13", b"13", b"8", b"x"])
    head = (
        b"GET /api/v1/live HTTP/1.1\r\nHost: " + host + b"\r\nOrigin: http://" + host + b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Protocol: linewatch.v1\r\nSec-WebSocket-Version: " + version + b"\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
    )
    # Frames: unmasked, reserved bits, a length without its bytes, an endless ping, and noise.
    frames = dice.choice([b"", b"\x81\x05hello", b"\xf1\x80\0\0\0\0", b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", b"\x89\xfe\xff\xff\0\0\0\0"])
    return head + frames + dice.randbytes(dice.randint(0, 200))


def _pipeline(dice, host, paths):
    return b"".join(_right(dice, host, paths) for _ in range(dice.randint(2, 20))) + dice.randbytes(20)


KINDS = [_mutated, _mutated, _noise, _line, _headers, _headers, _chunks, _bodies, _paths, _queries, _queries, _socket, _pipeline]
