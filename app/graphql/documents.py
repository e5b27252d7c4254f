"""Persisted documents: what clients may name instead of sending it, over HTTP and sockets alike.

The ids are those of GraphQL over HTTP, appendix A (`sha256:` and the hash of the document, or an id of one's own), and
automatic persisted queries are Apollo's. docs/documents.md tells both.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import orjson
from graphql import GraphQLError

ID = re.compile(r"[A-Za-z0-9._~-]+|sha256:[0-9a-f]{64}|x-[A-Za-z0-9._~-]+:[A-Za-z0-9._~-]+")
"""An id as the appendix writes it: of one's own, by hash, or with a prefix of one's own."""

LONGEST = 16_384
"""The longest document that a client may leave, in characters: what is kept must not grow with what strangers send."""

ONLY = "Only documents that the server was given are run: send a `documentId`."


class ManifestError(Exception):
    """What ORDERWIRE_DOCUMENTS names cannot be used."""


class Documents:
    """The documents of one process: those it was given, and those that clients leave with it, where that is allowed."""

    def __init__(self, given: Mapping[str, str], *, only: bool = False, automatic: int = 0) -> None:
        """`given` are documents by id; with `only`, no other is run.

        At most `automatic` documents are kept of those that clients leave; with 0 they cannot leave any.
        """
        self._given, self._only, self._most = given, only, automatic
        self._left: OrderedDict[str, str] = OrderedDict()

    def resolve(self, query: str | None, document_id: str | None, extensions: Mapping[str, Any] | None) -> str:
        """The document that is to be run.

        Raises:
            GraphQLError: with the code PERSISTED_DOCUMENT_NOT_FOUND, PERSISTED_DOCUMENTS_ONLY,
                PERSISTED_QUERY_NOT_FOUND, PERSISTED_QUERY_NOT_SUPPORTED or BAD_REQUEST.
        """
        if document_id is not None:
            return self._named(document_id)
        if extensions and "persistedQuery" in extensions:
            return self._automatic(query, extensions["persistedQuery"])
        if self._only:
            raise _refused("PERSISTED_DOCUMENTS_ONLY", ONLY)
        return query or ""

    def _named(self, document_id: str) -> str:
        document = self._given.get(document_id)
        if document is None:
            raise _refused("PERSISTED_DOCUMENT_NOT_FOUND", "No document has this `documentId`.")
        return document

    def _automatic(self, query: str | None, persisted: Any) -> str:
        """Apollo's protocol: the hash alone first, and where it is not known, once more with the document."""
        match persisted:
            case {"version": 1, "sha256Hash": str(digest)}:
                pass
            case _:
                message = "`extensions.persistedQuery` is not a map with `version` 1 and `sha256Hash`."
                raise _refused("BAD_REQUEST", message)
        known = self._given.get(f"sha256:{digest}") or self._given.get(digest) or self._recalled(digest)
        if known is not None:
            return known
        if query is None:
            # Clients compare these two messages, and not the codes.
            if self._most:
                raise _refused("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
            raise _refused("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
        if self._only:
            raise _refused("PERSISTED_DOCUMENTS_ONLY", ONLY)
        if self._most:
            self._keep(digest, query)
        return query

    def _recalled(self, digest: str) -> str | None:
        document = self._left.get(digest)
        if document is not None:
            self._left.move_to_end(digest)
        return document

    def _keep(self, digest: str, query: str) -> None:
        if _digest(query) != digest:
            # Else one client could have others run what they never sent.
            raise _refused("BAD_REQUEST", "`extensions.persistedQuery.sha256Hash` is not the hash of `query`.")
        if len(query) <= LONGEST:
            self._left[digest] = query
        if len(self._left) > self._most:
            self._left.popitem(last=False)


def read_documents(place: Path | None) -> dict[str, str]:
    """The documents by id of a manifest, or of a directory of manifests and documents; none without a place.

    Every document has the id `sha256:…` of its text. One of a manifest also has the id that it has there, and one of a
    file of its own (`*.graphql`) the name of that file.

    Raises:
        ManifestError: a file cannot be read, or two documents have the same id.
    """
    documents: dict[str, str] = {}
    if place is None:
        return documents
    if not place.exists():
        raise ManifestError(f"ORDERWIRE_DOCUMENTS: there is no {place}")
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    for file in files:
        for document_id, document in _in_file(file):
            if documents.setdefault(document_id, document) != document:
                raise ManifestError(f"ORDERWIRE_DOCUMENTS: {file}: {document_id} is the id of another document too")
    return documents


def _in_file(file: Path) -> Iterator[tuple[str, str]]:
    if file.suffix not in {".graphql", ".json"} or not file.is_file():
        return
    try:
        text = file.read_bytes().decode()
        found = _in_manifest(orjson.loads(text)) if file.suffix == ".json" else [(file.stem, text)]
        for document_id, document in found:
            digest = f"sha256:{_digest(document)}"
            if ID.fullmatch(document_id) is None or (document_id.startswith("sha256:") and document_id != digest):
                raise ValueError(f"{document_id} is no id of a document, or not the hash of this one")  # noqa: TRY301
            yield document_id, document
            yield digest, document
    except (OSError, ValueError) as error:
        raise ManifestError(f"ORDERWIRE_DOCUMENTS: {file}: {error}") from error


def _in_manifest(manifest: Any) -> list[tuple[str, str]]:
    """What a manifest of Apollo's holds, or a map of ids as Relay and GraphQL Code Generator write it."""
    match manifest:
        case {"format": "apollo-persisted-query-manifest", "operations": [*operations]}:
            return [_operation(each) for each in operations]
        case dict():
            pairs = cast("dict[str, Any]", manifest).items()
            return [_operation({"id": document_id, "body": document}) for document_id, document in pairs]
        case _:
            raise ValueError("it is no manifest of documents")


def _operation(given: Any) -> tuple[str, str]:
    match given:
        case {"id": str(document_id), "body": str(document)}:
            return document_id, document
        case _:
            raise ValueError("an id or a document in it is not a string")


def _digest(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()


def _refused(code: str, message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})
