"""Requests that nobody should send: grown from SPARQL's grammar, mutated, or no HTTP at all.

A seed gives the same ones each time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, quote_from_bytes

from hfm_kg.admission import Shape

PROPERTIES: Final = (
    "a",
    "hfm:task",
    "hfm:modality",
    "hfm:backbone",
    "rdfs:label",
    "skos:broader",
    "prov:wasDerivedFrom",
)
THINGS: Final = ("hfm:FoundationModel", "hfm:Dataset", "hfm:Pathology", "<model/UNI>", "<reference/38>", "hfm:none")
GRAPHS: Final = ("<source/inferred>", "<hfm.owl>", "<source/he2024/table/2/row/7>", "<urn:none>")
LITERALS: Final = (
    "1", "-0", "1e999", "0.10", "true", "'x'", '"é€𝄞"@en', "'001'^^xsd:integer", "'x'^^xsd:integer",
    "'2024'^^xsd:gYear",
    "'''a\nb'''", '"\\u0041\\U0001F600"', "'\\\\'", "'99999999999999999999999999'^^xsd:integer", "'NaN'^^xsd:double",
)  # fmt: skip
FUNCTIONS: Final = (
    "STR", "LANG", "DATATYPE", "IRI", "BNODE", "ABS", "CEIL", "STRLEN", "UCASE", "ENCODE_FOR_URI", "YEAR", "MD5",
    "SHA512",
    "isIRI", "isLiteral", "isNumeric", "xsd:integer", "xsd:dateTime", "xsd:boolean", "<urn:no-such-function>",
)  # fmt: skip
TWO: Final = ("CONTAINS", "STRSTARTS", "STRDT", "STRLANG", "REGEX", "sameTerm", "STRBEFORE", "langMatches", "SUBSTR")
OPERATORS: Final = ("=", "!=", "<", ">=", "&&", "||", "+", "-", "*", "/")
EXPRESSIONS: Final = ("(a+)+$", "[", "\\\\p{L}", "(?i)x", "a{9999}", "((a{9}){9}){9}")
ODD: Final = (
    "\0", "\x1b", "\ufeff", "\u202e", "\u0301", "\U0010ffff", "é", "𝄞", "\r\n", "\r", "\t", "#", "'", '"', "\\", "\\u",
    "\\uD800",
    "\\U00110000", "<", ">", "<<", ">>", "{", "}", "(", ")", "[", "]", "|", "^^", "^", "@", "?", "$", "%", "%ff", "&",
    ";", ".",
    "--", "/*", "SERVICE", "LOAD", "sErViCe<x:>", "'''", '"""', "9" * 400, "x" * 5_000,
)  # fmt: skip
"""What is put into texts: characters that parsers stumble over, and words that are refused."""

AT_ONCE: Final = 50_000
"""Bytes of a body that arrive with its head. Of a larger one the rest may come when the connection is closed already,
over which the kernel forgets the answer."""

PATHS: Final = (
    "/", "/sparql", "/sparql/", "/SPARQL", "/rdf-graph-store", "/.well-known/void", "/.well-known/sparql-examples",
    "/openapi.json", "/terms", "/model/UNI", "/model/UNI.ttl", "/model/", "/hfm.owl", "/reference/38.nq",
    "/nothing.html",
    "/source/he2024/table/2/row/7", "/..", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//", "//sparql",
    "/./sparql",
    "/.git/config", "/model/%00", "/%ff%fe", "/%ED%A0%80", "/model/UNI%0d%0aX:y", "/model\\UNI", "/<script>", "/%",
    "/%zz",
    "/" + "x" * 3_000, "/" + "a/" * 500, "/https://w3id.org/hfm/model/UNI", "/model/UNI;a=b",
    "/model/UNI?x=" + "y" * 900,
    "*", "http://127.0.0.1/sparql", "/release/../sparql", "/releases/9999-99-99/hfm.owl",
    "/é".encode().decode("latin-1"),
)  # fmt: skip
METHODS: Final = (
    "GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get", "G" * 300,
    "QUERY",
)  # fmt: skip
ACCEPTS: Final = (
    "*/*", "text/*;q=0.5, */*;q=0.1", "text/turtle;q=1e9", "text/turtle;q=-1", "text/turtle;q=nan", "text/csv;q=0",
    "a/b/c",
    "text", ";;;", ",", "text/html", "text/turtle;q=" + "9" * 500, "a/b," * 1_500, "*/csv",
    "application/ld+json;profile=\"", "é",
    "application/json;q=0.5;q=0.7", "text/csv" + ";a=b" * 400, "TEXT/CSV", "application/rdf+xml , text/turtle",
)  # fmt: skip
CONTENT_TYPES: Final = (
    "application/sparql-query", "application/x-www-form-urlencoded", "application/sparql-query;charset=utf-16",
    "application/sparql-query;charset*=utf-8''%ff", "application/sparql-query; charset*0*=x''%ff; charset*2=y", ";",
    "", "text/plain",
    "multipart/form-data", "multipart/form-data;boundary=x", "application/sparql-update", "application/json",
    "x" * 2_000,
    "application/x-www-form-urlencoded;charset=\"", "application/sparql-query; charset=" + "y" * 2_000,
)  # fmt: skip
HOSTS: Final = (
    "x",
    "127.0.0.1:1",
    "[",
    "[::1]",
    "[::1",
    "a b",
    "x:99999",
    "x:y",
    "@",
    "%zz",
    "é",
    "",
    "a/../b",
    "<x>",
    "x" * 2_000,
)
HEADERS: Final = (
    "If-None-Match: *", 'If-None-Match: "' + "x" * 3_000, "If-None-Match: W/,,\"", "If-Modified-Since: never",
    "Range: bytes=0-",
    "Range: bytes=9-1,-5,x", "Expect: 100-continue", "Expect: a-miracle", "X-Request-ID: " + "r" * 5_000,
    "X-Request-ID: a\tb",
    "X-Request-ID: ../../etc/passwd", "Accept-Encoding: gzip;q=0, *;q=0", "Accept-Encoding: br, gzip;q=1e9",
    "Accept-Encoding: " + "gzip," * 900,
    "Accept-Encoding: identity;q=0", "Accept-Language: xx-YY;q=a", "Cookie: " + "a=b;" * 900,
    "X-Forwarded-For: 1.2.3.4, unknown",
    "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: gopher", "Forwarded: for=\"[::\"", "Origin: null",
    "Referer: \xff\xfe",
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==",
    "Upgrade: h2c", "Via: " + "x " * 500,
    "Authorization: Basic !!!", "Content-Encoding: gzip", "Content-Language: \xe9", "TE: trailers",
    "Proxy: http://127.0.0.1:1",
    "Access-Control-Request-Method: \xff", "X-Odd: " + "\x80" * 300, "Prefer: wait=0", "Timeout: -1", "Depth: infinity",
)  # fmt: skip


@dataclass(frozen=True)
class Shot:
    """What is sent on a connection, in parts, and what is to be thought of the answer."""

    kind: str
    parts: tuple[bytes, ...]
    method: str = "GET"
    is_whole: bool = True
    """Whether an answer must come; without, the connection may be closed with none."""
    leaves: bool = False
    """Whether the client is gone before the answer."""


class Hostile:
    """An endless supply of requests."""

    def __init__(self, seed: int, queries: Sequence[str]) -> None:
        self.random, self.queries = random.Random(seed), queries

    def shots(self) -> Iterator[Shot]:
        """Requests of all kinds, by chance."""
        kinds: tuple[tuple[Callable[[], Shot], int], ...] = (
            (self.asked, 50),
            (self.fetched, 30),
            (self.raw, 12),
            (self.parameters, 8),
        )
        makers, weights = zip(*kinds, strict=True)
        while True:
            (make,) = self.random.choices(makers, weights)
            yield make()

    # --- queries ----------------------------------------------------------------------------------------------

    def query(self) -> str:
        """A query: valid more often than not, or a spoilt one, or one that is too large."""
        kind = self.random.random()
        if kind < 0.5:
            return self._grown()
        if kind < 0.8:
            return self._spoilt(self._grown() if self.random.random() < 0.5 else self._one(self.queries))
        if kind < 0.9:
            return self._at_a_limit()
        return "".join(self._one(ODD) for _ in range(self.random.randrange(1, 40)))

    def _one(self, choices: Sequence[str]) -> str:
        return self.random.choice(choices)

    def _maybe(self, text: str, chance: float = 0.3) -> str:
        return text if self.random.random() < chance else ""

    def _variable(self) -> str:
        return self._one(("?a", "?b", "?c", "$d", "?é", "?_1"))

    def _grown(self) -> str:
        where = f"{{ {self._triples(bound=True)} {self._pattern(3)} }}"
        start = self._one((
            "SELECT *", f"SELECT DISTINCT {self._variable()}", f"SELECT ({self._expression(2)} AS ?x)", "ASK",
            f"SELECT {self._variable()} (COUNT({self._maybe('DISTINCT ', 0.5)}{self._variable()}) AS ?n)",
            f"SELECT (GROUP_CONCAT({self._variable()}; SEPARATOR='{self._one(ODD[:8])}') AS ?x)",
            f"CONSTRUCT {{ {self._variable()} {self._one(PROPERTIES)} {self._variable()} }}",
            f"DESCRIBE {self._one(THINGS)}",
        ))  # fmt: skip
        dataset = self._maybe(f" FROM {self._maybe('NAMED ')}{self._one(GRAPHS)}", 0.1)
        end = self._maybe(f" GROUP BY {self._variable()}") + self._maybe(f" HAVING({self._expression(1)})", 0.1)
        end += self._maybe(f" ORDER BY {self._maybe('DESC', 0.5)}({self._expression(1)})")
        prologue = self._maybe("PREFIX é: <http://x/é#> BASE <http://y/> # comment\n", 0.1)
        return f"{prologue}{start}{dataset} WHERE {where}{end} LIMIT {self.random.randrange(30)}"

    def _triples(self, bound: bool = False) -> str:
        subject = self._one(THINGS) if bound else self._one((self._variable(), *THINGS, "[]", "_:b"))
        path = self._one(PROPERTIES)
        for _ in range(self.random.randrange(3)):
            path = self._one(
                (
                    f"({path})*",
                    f"{path}?",
                    f"^{path}",
                    f"({path}/{self._one(PROPERTIES)})",
                    f"!({self._one(PROPERTIES)})",
                )
            )
        return f"{subject} {path} {self._one((self._variable(), self._variable(), *THINGS, *LITERALS))} ."

    def _pattern(self, depth: int) -> str:
        if not depth or self.random.random() < 0.3:
            return self._triples(bound=True)
        inner = self._pattern(depth - 1)
        return self._one((
            f"OPTIONAL {{ {inner} }}", f"{{ {inner} }} UNION {{ {self._triples()} }}", f"MINUS {{ {inner} }}",
            f"GRAPH {self._one((*GRAPHS, '?g'))} {{ {inner} }}", f"FILTER({self._expression(depth)})",
            f"FILTER {self._maybe('NOT ', 0.5)}EXISTS {{ {inner} }}", f"BIND({self._expression(2)} AS ?x{depth})",
            f"VALUES (?a ?b) {{ ({self._one(LITERALS)} UNDEF) }}", f"{{ SELECT * {{ {inner} }} LIMIT 5 }}",
            f"{inner} {self._triples(bound=True)}", f"<< {self._one(THINGS)} a ?t >> ?p ?o .",
        ))  # fmt: skip

    def _expression(self, depth: int) -> str:
        if not depth or self.random.random() < 0.3:
            return self._one((self._variable(), *LITERALS, "hfm:Pathology"))
        one, two = self._expression(depth - 1), self._expression(depth - 1)
        return self._one((
            f"{self._one(FUNCTIONS)}({one})", f"{self._one(TWO)}({one}, {two})",
            f"({one} {self._one(OPERATORS)} {two})",
            f"!{one}", f"IF({one}, {two}, 1/0)", f"COALESCE({one}, {two})", f"{one} IN ({two}, {one})", "NOW()",
            "RAND()",
            f"REPLACE({one}, '(a|b)*', '$1$1')", f"REGEX({one}, '{self._one(EXPRESSIONS)}')",
        ))  # fmt: skip

    def _spoilt(self, text: str) -> str:
        """A text with some letters or words lost, doubled, swapped, or odd ones among them."""
        for _ in range(self.random.randrange(1, 5)):
            start = self.random.randrange(len(text) + 1)
            end = min(len(text), start + self.random.randrange(12))
            text = (
                text[:start] + self._one(("", text[start:end] * 2, text[start:end][::-1], self._one(ODD))) + text[end:]
            )
        return text

    def _at_a_limit(self) -> str:
        """A query about as large in one thing as it may be; half of them are larger."""
        limits, share = Shape(), self.random.choice((0.2, 0.9, 1.1, 3))

        def some(limit: int) -> int:
            return int(limit * share)

        nested, length = some(limits.nesting), some(limits.length)
        return self._one((
            "ASK { FILTER(" + "(" * nested + "1" + ")" * nested + ") }",
            "ASK { " + "{ " * nested + "}" * nested + " }",
            "ASK { FILTER(" + "STR(" * nested + "1" + ")" * nested + " = '1') }",
            "ASK { <model/UNI> " + "a/" * some(limits.steps // 4) + "a ?o }",
            "ASK { " + "<model/UNI> a hfm:FoundationModel . " * some(limits.triples) + "}",
            "ASK { " + "OPTIONAL { <model/UNI> a ?a } " * some(limits.optionals // 2) + "}",
            "ASK { VALUES ?x { " + "1 " * some(limits.tokens // 2) + "} }",
            "ASK { } #" + self._one(("x", "é", "#")) * length,
            "ASK { FILTER('" + self._one(("y", "\\\\", "€")) * (length // 2) + "' = 'x') }",
            "ASK { <model/UNI> <" + "z" * length + "> ?o }",
            "SELECT ?" + "v" * (length // 4) + " { }",
        ))  # fmt: skip

    # --- requests ---------------------------------------------------------------------------------------------

    def _head(self, method: str, target: str, *headers: str) -> bytes:
        """The line and headers of a request, some of them odd; the connection ends with its answer."""
        odd = [self._one(HEADERS) for _ in range(self.random.choice((0, 0, 1, 2, 6)))]
        if self.random.random() < 0.3:
            odd.append(f"Accept: {self._one(ACCEPTS)}")
        if self.random.random() < 0.01:
            odd += [f"X-{number}: {'h' * 90}" for number in range(2_000)]
        host = self._one(HOSTS) if self.random.random() < 0.1 else "127.0.0.1"
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *odd, *headers, "Connection: close", "", ""]
        return "\r\n".join(lines).encode("latin-1", "replace")

    def asked(self) -> Shot:
        """A query in one of the protocol's ways."""
        query = self.query().encode("utf-8", "surrogatepass")
        if self.random.random() < 0.05:
            query += self.random.choice((b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5"))
        options = self._maybe(f"&timeout={self._one(('0.2', '1e-9', 'nan', '-1', 'x', '9' * 400))}", 0.1)
        options += self._maybe(f"&format={self._one(('json', 'csv', 'turtle', 'html', '%00', 'x' * 999))}", 0.2)
        options += self._maybe(
            f"&{self._one(('default', 'named'))}-graph-uri={quote(self._one((*ODD[:40], 'urn:x')))}", 0.1
        )
        way = self.random.random()
        if way < 0.5:
            return Shot("query", (self._head("GET", f"/sparql?query={quote_from_bytes(query)}{options}"),))
        if way < 0.75:
            body, form = f"query={quote_from_bytes(query)}{options}".encode(), CONTENT_TYPES[1]
        else:
            body, form = query, CONTENT_TYPES[0]
        target = "/sparql" if way < 0.75 else f"/sparql?{options[1:]}"
        if self.random.random() < 0.15:
            form = self._one(CONTENT_TYPES)
        head = self._head("POST", target, f"Content-Type: {form}", f"Content-Length: {len(body)}")
        return Shot("query", (head + body,), "POST", is_whole=len(body) < AT_ONCE)

    def parameters(self) -> Shot:
        """Parameters that make little sense, of the endpoint or the graph store."""
        names = (
            "query",
            "update",
            "default-graph-uri",
            "named-graph-uri",
            "graph",
            "default",
            "format",
            "timeout",
            "x",
            "",
        )
        values = ("", "ASK {}", "urn:x", *(text for text in ODD if len(text) < 100))
        pairs = [f"{self._one(names)}={quote(self._one(values))}" for _ in range(self.random.randrange(8))]
        target = f"{self._one(('/sparql', '/rdf-graph-store'))}?{self._one(('&', ';', '&&')).join(pairs)}"
        method = self._one(("GET", "GET", "HEAD", "POST"))
        return Shot("parameters", (self._head(method, target, "Content-Length: 0"),), method)

    def fetched(self) -> Shot:
        """Any method on any path."""
        method = self._one(METHODS) if self.random.random() < 0.4 else "GET"
        path = self._one(PATHS)
        if self.random.random() < 0.2:
            path = "/" + quote(self._spoilt(path[1:]), safe=self._one(("", "/", "/%?&=")))
        body = b"x" * self.random.choice((0, 0, 0, 1, 5_000))
        head = self._head(method, path, f"Content-Length: {len(body)}")
        return Shot("path", (head + body,), method)

    def raw(self) -> Shot:
        """No request, half of one, several, or one that a proxy would read otherwise."""
        post = b"POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\n"
        get = b"GET /sparql?query=ASK%7B%7D HTTP/1.1\r\nHost: x\r\n"
        last = b"Connection: close\r\n\r\n"
        chunked = b"Transfer-Encoding: chunked\r\n"
        noise = self.random.randbytes(self.random.choice((1, 20, 3_000)))
        sizes = (b"-1\r\n", b"zz\r\n", b"f" * 30 + b"\r\n", b"5\r\nA\r\n")
        cut = self.random.randrange(1, len(get))
        wholes: tuple[tuple[str, tuple[bytes, ...]], ...] = (
            ("pipelined", (get + b"\r\n" + get + b"\r\n" + get + last,)),
            ("chunked", (post + chunked + last, b"3\r\nASK\r\n", b"3;x=y\r\n {}\r\n", b"0\r\nX: y\r\n\r\n")),
            ("by drops", tuple(bytes([byte]) for byte in get + last)),
            ("HTTP/1.0", (get.replace(b"1.1", b"1.0") + b"\r\n",)),
            ("HTTP/2", (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",)),
            ("HTTP/9.9", (get.replace(b"1.1", b"9.9") + last,)),
            ("line alone", (b"GET /\r\n\r\n",)),
            ("no host", (b"GET / HTTP/1.1\r\n" + last,)),
            ("two hosts", (get + b"Host: y\r\n" + last,)),
            ("bare line feeds", (get.replace(b"\r", b"") + last.replace(b"\r", b""),)),
            ("folded", (get + b"X: a\r\n b\r\n" + last,)),
            ("spaces", (b"GET  /  HTTP/1.1\r\nHost : x\r\n" + last,)),
            ("null", (get + b"X: \0\r\n" + last,)),
            ("CL.TE", (post + chunked + b"Content-Length: 6\r\n" + last + b"0\r\n\r\nGET /x HTTP/1.1\r\n",)),
            ("TE.TE", (post + chunked + b"Transfer-Encoding: x\r\n" + last + b"0\r\n\r\n",)),
            ("TE odd", (post + b"Transfer-Encoding: \x0bchunked\r\n" + last + b"0\r\n\r\n",)),
            ("CL.CL", (post + b"Content-Length: 6\r\nContent-Length: 7\r\n" + last + b"ASK {}x",)),
            ("CL minus", (post + b"Content-Length: -1\r\n" + last,)),
            ("CL plus", (post + b"Content-Length: +6\r\n" + last + b"ASK {}",)),
            ("CL huge", (post + b"Content-Length: " + b"9" * 30 + b"\r\n" + last,)),
            ("chunk sizes", (post + chunked + last, self.random.choice(sizes))),
            ("TLS", (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + noise + b"\r\n\r\n",)),
        )  # fmt: skip
        parts: tuple[tuple[str, tuple[bytes, ...]], ...] = (
            ("half a head", (get[:cut],)),
            ("half a body", (post + b"Content-Length: 99\r\n\r\nASK",)),
            ("nothing", ()),
            ("noise", (noise,)),
            ("gone", (get + b"\r\n",)),
            ("gone from a long one", (get.replace(b"ASK%7B%7D", b"SELECT*%7B?a?b?c.?d?e?f%7D") + b"\r\n",)),
        )
        if self.random.random() < 0.7:
            name, sent = self.random.choice(wholes)
            return Shot(name, sent, is_whole=name not in ("CL huge", "chunk sizes", "HTTP/2", "TLS"))
        name, sent = self.random.choice(parts)
        return Shot(name, sent, is_whole=False, leaves=True)
