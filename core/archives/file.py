"""A file of archived jobs: gzipped JSON, made of lines that Postgres wrote.

`jsonl` is JSON Lines: a header, then a line for each row that was kept about the jobs.

    {"archive":{"format":1,"schema":"0001","store":"0b1f…","job":812,"number":1}}
    {"job":{"id":17,"queue":"emails","type":"email","payload":{…},…}}
    {"outcome":{"job_id":17,"state":"succeeded",…}}
    {"attempt_log":{…}}, {"job_output":{…}}, {"checkpoint":{…}}, {"dependency":{…}}, {"idempotency":{…}}

`json` is the same as one document: {"archive":{…},"rows":[{"job":{…}},…]}. The rows are in no order. Python passes
them on as they are: it neither reads nor writes a number in them. The same rows make the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import IO

from ..model.errors import ArchiveBroken

FORMAT = 1
CONTENT_TYPE = "application/gzip"
EXTENSIONS = {"jsonl": "jsonl.gz", "json": "json.gz"}
LEVEL = 6
MAX_LINE_BYTES = 64 << 20
"""More than any row can take: payloads and pieces of output are at most 1 MiB, before they are escaped."""
PIECE = 1 << 18
_TEXT = r'"((?:[^"\\]|\\.)*)"'
_JOB = re.compile(rf'\{{"job":\{{"id":(\d+),"queue":{_TEXT},"type":{_TEXT},')
_OUTCOME = re.compile(rf'\{{"outcome":\{{"job_id":(\d+),"state":{_TEXT},')
_FINISHED = re.compile(rf'"finished_at":{_TEXT}')


@dataclass(frozen=True, slots=True)
class Header:
    """Where a file is from. format: the version of this module's format. schema: of the store.
    store: what tells that store from every other one. job, number: which job wrote it, as which of its files."""

    format: int
    schema: str
    store: str
    job: int
    number: int


@dataclass(frozen=True, slots=True)
class Written:
    """A finished file. bytes, sha256: of the gzipped file. jobs: how many are in it."""

    bytes: int
    sha256: str
    jobs: int


def write(file: IO[bytes], format_: str, header: Header, lines: Iterable[str]) -> Written:
    """Write a whole file of either format, from the file's start; it stands at its start again afterwards."""
    jobs = 0
    first = json.dumps({"archive": asdict(header)}, separators=(",", ":"))
    between = "\n" if format_ == "jsonl" else ",\n"
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=file, mtime=0) as packed,
        io.BufferedWriter(packed, PIECE) as out,
    ):
        out.write(f"{first}".encode() if format_ == "jsonl" else f'{first[:-1]},"rows":['.encode())
        separator = "\n"
        for line in lines:
            out.write(f"{separator}{line}".encode())
            separator = between
            jobs += line.startswith('{"job":')
        out.write(b"\n" if format_ == "jsonl" else b"\n]}\n")
    size = file.tell()
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # a binary file
    file.seek(0)
    return Written(size, digest, jobs)


def read(pieces: Iterable[bytes], format_: str) -> tuple[Header, Iterator[str]]:
    """Return a file's header and its lines, as they were given to `write`; read as they are asked for.

    ArchiveBroken: it is no such file. Memory is that of the longest line, whatever the file expands to.
    """
    lines = _lines(_expand(pieces))
    header = _header(next(lines, ""), format_)
    return header, lines if format_ == "jsonl" else _rows(lines)


def check(pieces: Iterable[bytes], format_: str) -> Written:
    """Read a whole file and return what `write` returned of it. ArchiveBroken: it is none."""
    digest = hashlib.sha256()
    size = 0

    def seen() -> Iterator[bytes]:
        nonlocal size
        for piece in pieces:
            digest.update(piece)
            size += len(piece)
            yield piece

    _, lines = read(seen(), format_)
    jobs = sum(line.startswith('{"job":') for line in lines)
    return Written(size, digest.hexdigest(), jobs)


def job_facts(line: str) -> tuple[int, str, str] | None:
    """The id, queue and type of a job's line, whatever its payload; None for other lines."""
    found = _JOB.match(line)
    return (int(found[1]), json.loads(f'"{found[2]}"'), json.loads(f'"{found[3]}"')) if found else None


def outcome_facts(line: str) -> tuple[int, str, str] | None:
    """The job id, state and time of its end of an outcome's line; None for other lines."""
    found = _OUTCOME.match(line)
    finished = _FINISHED.search(line, found.end()) if found else None
    return (int(found[1]), found[2], finished[1]) if found and finished else None


def _expand(pieces: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for piece in pieces:
            rest = piece
            while rest and not unpacker.eof:
                yield unpacker.decompress(rest, PIECE)
                rest = unpacker.unconsumed_tail
            if unpacker.eof and (unpacker.unused_data or rest):
                raise ArchiveBroken("something follows the end of the gzipped data")
        while not unpacker.eof and (more := unpacker.decompress(unpacker.unconsumed_tail, PIECE)):
            yield more
    except zlib.error as error:
        raise ArchiveBroken(f"it is not gzipped data — {error}") from None
    if not unpacker.eof:
        raise ArchiveBroken("the gzipped data ends too early")


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    rest: list[bytes] = []
    held = 0
    for piece in pieces:
        *lines, last = piece.split(b"\n")
        for line in lines:
            yield _decode(b"".join([*rest, line]))
            rest, held = [], 0
        rest.append(last)
        held += len(last)
        if held > MAX_LINE_BYTES:
            raise ArchiveBroken(f"a line is longer than {MAX_LINE_BYTES:,} bytes")
    if held:
        raise ArchiveBroken("the last line has no end")


def _decode(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise ArchiveBroken("it is not UTF-8") from None


def _header(line: str, format_: str) -> Header:
    text = line if format_ == "jsonl" else line.removesuffix(',"rows":[') + "}"
    try:
        found = json.loads(text)["archive"]
        if found["format"] != FORMAT:
            raise ArchiveBroken(f"its format is {found['format']!r:.20}, and this program reads {FORMAT}")
        return Header(FORMAT, str(found["schema"]), str(found["store"]), int(found["job"]), int(found["number"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ArchiveBroken("it has no header of an archive") from None


def _rows(lines: Iterator[str]) -> Iterator[str]:
    """The lines of a document, without what stands between them."""
    for line in lines:
        if line == "]}":
            break
        yield line.removesuffix(",")
    else:
        raise ArchiveBroken("the document has no end")
    if next(lines, None) is not None:
        raise ArchiveBroken("something follows the end of the document")
