"""The corpus of hostile HTTP requests: what is sent, and how it must be refused.

One attack is a name, the bytes that are sent, the status, and what the message says; the code is BAD_REQUEST unless it
is given. Whatever is sent, the answer is JSON, tells nothing of the inside, and the next request is answered as ever.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass

from app.protocols.http import HEAD_MAX, HEADERS_MAX

MOST = 262_144
"""ORDERWIRE_MAX_BODY_BYTES, as it is by itself."""

TAKES = "GraphQL takes GET and POST requests only."
NOT_HTTP = "Invalid HTTP request received."
NOT_JSON = "The body is not JSON: "
TOO_LARGE = f"The body has more than {MOST} bytes."
HEAD_TOO_LARGE = "The address and the headers are too large."
NOTHING = "There is neither `query` nor `documentId`."
NOT_A_MAP = "The body is not a map with `query` or `documentId`."
OTHER_TYPE = "The Content-Type is not application/json."
ENCODED = "The body has a Content-Encoding. Send it as it is."
ME = b'{"query": "{ me { id } }"}'


@dataclass(frozen=True)
class Attack:
    """A request and how it is refused."""

    name: str
    sent: bytes
    status: int
    says: str
    code: str = "BAD_REQUEST"


def raw(start: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    lines = [start, "Host: shop", "Connection: close", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def post(body: bytes, **headers: str) -> bytes:
    """A POST of JSON; headers are given with `_` for `-`, and leave the usual one out where they are empty."""
    usual = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    given = {**usual, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return raw("POST /graphql HTTP/1.1", {name: value for name, value in given.items() if value}, body)


def get(query_string: str, **headers: str) -> bytes:
    return raw(f"GET /graphql?{query_string} HTTP/1.1", headers)


def chunked(*chunks: bytes) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    return post(body, Content_Length="", Transfer_Encoding="chunked")


BODIES = [
    Attack("no body", post(b""), 400, NOT_JSON),
    Attack("a document as the body", post(b"query { me { id } }"), 400, NOT_JSON),
    Attack("JSON without its end", post(ME[:-1]), 400, NOT_JSON),
    Attack("JSON with something behind it", post(ME + b"x"), 400, NOT_JSON),
    Attack("UTF-8 that is none", post(b'{"query": "\xff\xfe"}'), 400, NOT_JSON),
    Attack("UTF-8 that is longer than it need be", post(b'{"query": "\xc0\xae"}'), 400, NOT_JSON),
    Attack("a surrogate in UTF-8", post(b'{"query": "\xed\xa0\x80"}'), 400, NOT_JSON),
    Attack("half a surrogate pair, escaped", post(b'{"query": "\\ud800"}'), 400, NOT_JSON),
    Attack("UTF-16", post(ME.decode().encode("utf-16")), 400, NOT_JSON),
    Attack("a byte order mark", post(b"\xef\xbb\xbf" + ME), 400, NOT_JSON),
    Attack("a zero byte", post(b'{"query": "\x00"}'), 400, NOT_JSON),
    Attack("10,000 brackets", post(b"[" * 10_000 + b"]" * 10_000), 400, NOT_JSON),
    Attack("100,000 brackets that stay open", post(b"[" * 100_000), 400, NOT_JSON),
    Attack("20,000 maps", post(b'{"a":' * 20_000 + b"1" + b"}" * 20_000), 400, NOT_JSON),
    Attack("a number beyond all", post(b'{"query": 1e999999}'), 400, NOT_JSON),
    Attack("a number of 5,000 digits", post(b'{"query": ' + b"9" * 5_000 + b"}"), 400, NOT_JSON),
    Attack("not a number", post(b'{"query": NaN}'), 400, NOT_JSON),
    Attack("a comment", post(b"/* */" + ME), 400, NOT_JSON),
    Attack("a comma too many", post(b'{"query": "{ me { id } }",}'), 400, NOT_JSON),
    Attack("a number", post(b"5"), 400, NOT_A_MAP),
    Attack("a text", post(b'"x"'), 400, NOT_A_MAP),
    Attack("null", post(b"null"), 400, NOT_A_MAP),
    Attack("true", post(b"true"), 400, NOT_A_MAP),
    Attack("an empty list", post(b"[]"), 400, "The body is a list."),
    Attack("a batch", post(b"[" + b",".join([ME] * 1000) + b"]"), 400, "The body is a list."),
    Attack("an empty map", post(b"{}"), 400, NOTHING),
    Attack("a query of null", post(b'{"query": null}'), 400, NOTHING),
    Attack("an empty query", post(b'{"query": ""}'), 400, NOTHING),
    Attack("a misspelt query", post(b'{"qeury": "{ me { id } }"}'), 400, NOTHING),
    Attack("the last of two queries is none", post(b'{"query": "{ me { id } }", "query": 1}'), 400, "`query` is"),
    *(
        Attack(f"{name} of {value}", post(f'{{"query": "{{ me {{ id }} }}", "{name}": {value}}}'.encode()), 400, says)
        for name, values, says in (
            ("query", ("5", "true", "{}", "[]"), "`query` is not a string."),
            ("operationName", ("5", "false", "{}", "[]"), "`operationName` is not a string."),
            ("documentId", ("5", "true", "{}", "[]"), "`documentId` is not a string."),
            ("variables", ("5", "true", '"x"', "[1]"), "`variables` is not a map."),
            ("extensions", ("5", "true", '"x"', "[1]"), "`extensions` is not a map."),
        )
        for value in values
    ),
    Attack("a query and a document", post(b'{"query": "{ me { id } }", "documentId": "a"}'), 400, "There are both"),
    Attack("a body that says it is too large", post(ME + b" " * MOST), 413, TOO_LARGE),
    Attack("a body that is too large without saying so", chunked(ME, *[b" " * 65_536] * 5), 413, TOO_LARGE),
    Attack("a length of 30 digits", post(ME, Content_Length="9" * 30), 400, NOT_HTTP),
    Attack("a length beyond what is taken", post(ME, Content_Length="9" * 15), 413, TOO_LARGE),
    Attack("a negative length", post(ME, Content_Length="-1"), 400, NOT_HTTP),
    Attack("a length that is no number", post(ME, Content_Length="0x10"), 400, NOT_HTTP),
    Attack("two lengths", raw("POST /graphql HTTP/1.1", {"Content-Length": "2", "content-length": "3"}), 400, NOT_HTTP),
    Attack("a length and chunks", post(b"0\r\n\r\n", Transfer_Encoding="chunked"), 400, NOT_HTTP),
    Attack(
        "a chunk of a size that is none", post(b"zz\r\n", Content_Length="", Transfer_Encoding="chunked"), 400, NOT_HTTP
    ),
]

TYPES = [
    *(
        Attack(f"a body of type {content_type or 'unknown'}", post(ME, Content_Type=content_type), 415, OTHER_TYPE)
        for content_type in (
            "",
            ";",
            "json",
            "text/plain",
            "text/plain; application/json",
            "text/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/graphql",
            "application/jsonp",
            "application/json, text/plain",
        )
    ),
    Attack(
        "a body in Latin-1", post(ME, Content_Type="application/json; charset=latin1"), 415, "The charset is not UTF-8."
    ),
    Attack(
        "a body in UTF-7", post(ME, Content_Type="application/json; charset=utf-7"), 415, "The charset is not UTF-8."
    ),
    *(
        Attack(f"a body in {encoding}", post(gzip.compress(b" " * 1_000_000), Content_Encoding=encoding), 415, ENCODED)
        for encoding in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "unknown")
    ),
    Attack("a charset in parts", post(ME, Content_Type="application/json; charset*=a; charset*0=b"), 415, OTHER_TYPE),
    Attack(
        "a type that takes seconds to read",
        post(ME, Content_Type=f'application/json; a="{";" * 60_000}'),
        415,
        OTHER_TYPE,
    ),
    Attack("gzip that does not say so", post(gzip.compress(ME, mtime=0)), 400, NOT_JSON),
    Attack("an image is wanted", post(ME, Accept="image/png"), 406, "Accept allows none of them."),
    Attack(
        "a type of 10,000 parts", post(ME, Accept=",".join(["a/b;q=1"] * 5_000)), 406, "Accept allows none of them."
    ),
]

ADDRESSES = [
    Attack("no parameters", get(""), 400, NOTHING),
    Attack(
        "a parameter twice",
        get("query={me{id}}&query={__typename}".replace("{", "%7B")),
        400,
        "`query` is given twice.",
    ),
    Attack("percents that are no UTF-8", get("query=%FF%FE"), 400, "The query string is not percent-encoded UTF-8."),
    Attack(
        "a surrogate, percent-encoded", get("query=%ED%A0%80"), 400, "The query string is not percent-encoded UTF-8."
    ),
    Attack("33 parameters", get("&".join(["a=1"] * 33)), 400, "The query string has more than 32 parameters."),
    Attack(
        "30,000 parameters of a browser",
        get("&%" * 30_000, Accept="text/html"),
        400,
        "The query string has more than 32 parameters.",
    ),
    Attack(
        "a return to a sign-in with 30,000 parameters",
        raw(f"GET /auth/callback/nobody?{'&%' * 30_000} HTTP/1.1", {}),
        400,
        "The address has more than 32 parameters.",
        "BAD_INPUT",
    ),
    Attack("variables that are no JSON", get("query=%7Bme%7D&variables=%7B"), 400, "`variables` is not JSON: "),
    Attack("variables that are a number", get("query=%7Bme%7D&variables=5"), 400, "`variables` is not a map."),
    Attack("extensions that are no JSON", get("query=%7Bme%7D&extensions=%7B"), 400, "`extensions` is not JSON: "),
    Attack(
        "brackets in variables", get(f"query=%7Bme%7D&variables={'%5B' * 10_000}"), 400, "`variables` is not JSON: "
    ),
    Attack("a mutation", get("query=mutation%7B__typename%7D"), 405, "GET changes nothing: send a mutation by POST."),
    Attack("an address of 70,000 characters", get("query=" + "x" * 70_000), 431, HEAD_TOO_LARGE),
    Attack("an address that never ends", b"GET /" + b"x" * 1_000_000, 431, HEAD_TOO_LARGE),
    Attack("a header of 70,000 characters", get("query=x", Accept="x" * 70_000), 431, HEAD_TOO_LARGE),
    Attack("a header that never ends", raw("GET / HTTP/1.1", {"A": "x" * 1_000_000})[:-2], 431, HEAD_TOO_LARGE),
    Attack("many headers", raw("GET / HTTP/1.1", {f"A{n}": "1" for n in range(HEADERS_MAX)}), 431, HEAD_TOO_LARGE),
    Attack("a head that is just too large", raw("GET / HTTP/1.1", {"A": "x" * HEAD_MAX}), 431, HEAD_TOO_LARGE),
    Attack("a raw byte in the address", b"GET /graphql?query=\xff HTTP/1.1\r\nHost: shop\r\n\r\n", 400, NOT_HTTP),
    Attack("a zero byte in the address", b"GET /graphql\x00 HTTP/1.1\r\nHost: shop\r\n\r\n", 400, NOT_HTTP),
    *(
        Attack(f"the path {path}", raw(f"GET {path} HTTP/1.1", {}), 404, "Not Found.", "NOT_FOUND")
        for path in (
            "/nothing",
            "/graphql/",
            "/graphql/../app/main.py",
            "//graphql",
            "/graphql%00",
            "/GRAPHQL",
            "/playground/../app/main.py",
            "/playground/%2e%2e/%2e%2e/app/main.py",
            "/playground/..%2f..%2fapp%2fmain.py",
            "/playground/%00",
            "/playground//etc/passwd",
            "/.git/config",
        )
    ),
]

METHODS = [
    *(
        Attack(f"{method} to the endpoint", raw(f"{method} /graphql HTTP/1.1", {}), 405, TAKES)
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
    ),
    Attack("DELETE to the health", raw("DELETE /health HTTP/1.1", {}), 405, "Method Not Allowed."),
    Attack("POST to the playground", raw("POST /playground/app.js HTTP/1.1", {}), 405, "Method Not Allowed."),
    Attack("a method nobody knows", raw("FOO /graphql HTTP/1.1", {}), 400, NOT_HTTP),
    Attack("a method in small letters", raw("get /graphql HTTP/1.1", {}), 400, NOT_HTTP),
    Attack("a version nobody knows", raw("GET /graphql HTTP/9.9", {}), 400, NOT_HTTP),
    Attack("the beginning of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64, 400, NOT_HTTP),
    Attack("a line break in a header", raw("GET /graphql HTTP/1.1", {"A": "b\nSet-Cookie: c"}), 400, NOT_HTTP),
]

ATTACKS = [*BODIES, *TYPES, *ADDRESSES, *METHODS]
