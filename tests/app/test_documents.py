"""Persisted documents: manifests, ids, the mode that refuses all else, and Apollo's automatic ones."""

import hashlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from support.processes import run
from support.server import Server, serving
from support.sockets import signed_in

from app.graphql.documents import LONGEST, Documents, ManifestError, read_documents
from app.settings import Settings

ME = "query Me { me { id } }\n"
TYPE = "{ __typename }"
PRODUCTS = "query Products($n: Int!) { products(first: $n) { totalCount } }"


def digest(document: str) -> str:
    return hashlib.sha256(document.encode()).hexdigest()


def sha256(document: str) -> str:
    return f"sha256:{digest(document)}"


def persisted(document: str, **more: Any) -> dict[str, Any]:
    """What clients of Apollo's automatic persisted queries send."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(document)}}, **more}


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a document in a file, a manifest as Relay writes it, and one as Apollo does."""
    place = tmp_path_factory.mktemp("documents")
    (place / "pages").mkdir()
    (place / "pages" / "me.graphql").write_text(ME)
    (place / "relay.json").write_bytes(orjson.dumps({"0cc175b9c0f1b6a831c399e269772661": PRODUCTS}))
    operation = {"id": digest(TYPE), "name": "", "type": "query", "body": TYPE}
    apollo = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [operation]}
    (place / "apollo.json").write_bytes(orjson.dumps(apollo))
    (place / "README.md").write_text("not a document")
    return place


def test_a_directory_holds_documents_and_manifests(manifests: Path):
    assert read_documents(manifests) == {
        "me": ME,
        sha256(ME): ME,
        "0cc175b9c0f1b6a831c399e269772661": PRODUCTS,
        sha256(PRODUCTS): PRODUCTS,
        digest(TYPE): TYPE,
        sha256(TYPE): TYPE,
    }
    assert read_documents(manifests / "relay.json").keys() == {"0cc175b9c0f1b6a831c399e269772661", sha256(PRODUCTS)}
    assert read_documents(None) == {}


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.json", b"{", "unexpected end of data"),
        ("a.json", b"[]", "it is no manifest of documents"),
        ("a.json", b'{"a": 1}', "an id or a document in it is not a string"),
        ("a.json", b'{"a b": "{ me { id } }"}', "a b is no id of a document"),
        ("a.json", b'{"sha256:00": "{ me { id } }"}', "sha256:00 is no id of a document, or not the hash of this one"),
        (
            "a.json",
            b'{"me": "{ me { id } }", "sha256:%b": "{ me { id } }"}' % (b"0" * 64),
            "or not the hash of this one",
        ),
        ("a.graphql", b"\xff", "'utf-8' codec can't decode"),
        ("a b.graphql", b"{ me { id } }", "a b is no id of a document"),
    ],
)
def test_what_is_no_manifest_is_named(tmp_path: Path, name: str, content: bytes, problem: str):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ManifestError) as refused:
        read_documents(tmp_path)

    assert str(refused.value).startswith(f"ORDERWIRE_DOCUMENTS: {tmp_path / name}: ")
    assert problem in str(refused.value)


def test_two_documents_with_one_id_are_refused(tmp_path: Path):
    for folder, document in (("a", ME), ("b", TYPE)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.graphql").write_text(document)

    with pytest.raises(ManifestError, match="same is the id of another document too"):
        read_documents(tmp_path)


def test_a_server_does_not_start_with_documents_that_cannot_be_read(tmp_path: Path):
    missing = run(tmp_path, "serve", documents=tmp_path / "nothing")

    assert (missing.returncode, missing.stderr) == (2, f"ORDERWIRE_DOCUMENTS: there is no {tmp_path / 'nothing'}\n")


def test_settings_that_leave_nothing_to_run_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="ORDERWIRE_DOCUMENTS_ONLY: nothing could be run"):
        Settings(documents_only=True)
    with pytest.raises(ValueError, match="ORDERWIRE_AUTOMATIC_DOCUMENTS: with ORDERWIRE_DOCUMENTS_ONLY"):
        Settings(documents=tmp_path, documents_only=True, automatic_documents=5)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def given(lasting: Server, manifests: Path) -> AsyncGenerator[Server]:
    """A server that was given documents, and takes others."""
    async with serving(lasting.process.settings.model_copy(update={"documents": manifests})) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def only(lasting: Server, manifests: Path) -> AsyncGenerator[Server]:
    """A server that takes no others."""
    only = {"documents": manifests, "documents_only": True}
    async with serving(lasting.process.settings.model_copy(update=only)) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def automatic(lasting: Server) -> AsyncGenerator[Server]:
    """A server with which clients leave their documents, two of them."""
    async with serving(lasting.process.settings.model_copy(update={"automatic_documents": 2})) as server:
        yield server


async def ask(server: Server, body: dict[str, Any], accept: str = "application/json") -> Any:
    """The data, or the code of the error, of what is posted."""
    response = await server.http.post("/graphql", json=body, headers={"Accept": accept})
    answer = response.json()
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else answer["data"]


in_one_loop = pytest.mark.asyncio(loop_scope="module")


@in_one_loop
@pytest.mark.parametrize("document_id", ["me", sha256(ME)])
async def test_a_document_is_run_by_its_id_over_every_transport(given: Server, document_id: str):
    named = {"documentId": document_id}
    by_post = await ask(given, named)
    by_get = (await given.http.get("/graphql", params=named)).json()
    streamed = await given.http.get("/graphql", params=named, headers={"Accept": "text/event-stream"})
    async with signed_in(given) as client:
        await client.send(type="subscribe", id="1", payload=named)
        over_socket = (await client.receive())["payload"]

    assert by_post == by_get["data"] == over_socket["data"] == {"me": None}
    assert 'data: {"data":{"me":null}' in streamed.text


@in_one_loop
async def test_a_document_takes_variables_and_the_name_of_an_operation(given: Server):
    body = {"documentId": sha256(PRODUCTS), "variables": {"n": 1}, "operationName": "Products"}

    assert await ask(given, body) == {"products": {"totalCount": 0}}
    assert await ask(given, {**body, "operationName": "Others"}) == "BAD_REQUEST"


@in_one_loop
async def test_a_browser_that_names_a_document_gets_its_answer(given: Server):
    response = await given.http.get("/graphql", params={"documentId": "me"}, headers={"Accept": "text/html,*/*;q=0.8"})

    assert response.json()["data"] == {"me": None}


@in_one_loop
async def test_an_unknown_document_is_told_over_every_transport(given: Server):
    named = {"documentId": "nothing"}
    code = "PERSISTED_DOCUMENT_NOT_FOUND"
    async with signed_in(given) as client:
        await client.send(type="subscribe", id="1", payload=named)
        refused = await client.receive()

    assert await ask(given, named) == await ask(given, named, "application/graphql-response+json") == code
    assert (refused["type"], refused["payload"][0]["extensions"]) == ("error", {"code": code})


@in_one_loop
async def test_others_are_run_too_unless_only_these_are(given: Server, only: Server):
    for server, expected in ((given, {"__typename": "Query"}), (only, {"__typename": "Query"})):
        assert await ask(server, {"documentId": sha256(TYPE)}) == expected
    assert await ask(given, {"query": "{ me { id } }"}) == {"me": None}
    for body in ({"query": "{ me { id } }"}, {"query": TYPE}, {"query": "{ __schema { queryType { name } } }"}):
        assert await ask(only, body) == "PERSISTED_DOCUMENTS_ONLY"
    by_get = await only.http.get(
        "/graphql", params={"query": TYPE}, headers={"Accept": "application/graphql-response+json"}
    )
    assert by_get.status_code == 400
    async with signed_in(only) as client:
        await client.start(TYPE)
        assert (await client.receive())["payload"][0]["extensions"] == {"code": "PERSISTED_DOCUMENTS_ONLY"}


@in_one_loop
async def test_the_hash_that_clients_of_apollo_send_finds_documents_as_well(only: Server):
    assert await ask(only, persisted(ME)) == {"me": None}
    assert await ask(only, persisted(ME, query=ME)) == {"me": None}
    assert await ask(only, persisted("{ me { id } }")) == "PERSISTED_QUERY_NOT_SUPPORTED"
    assert await ask(only, persisted("{ me { id } }", query="{ me { id } }")) == "PERSISTED_DOCUMENTS_ONLY"


@in_one_loop
async def test_without_the_setting_clients_leave_nothing(lasting: Server):
    response = await lasting.http.post("/graphql", json=persisted(TYPE))

    # Clients compare the message.
    error = {"message": "PersistedQueryNotSupported", "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"}}
    assert response.json() == {"errors": [error]}
    assert await ask(lasting, persisted(TYPE, query=TYPE)) == {"__typename": "Query"}
    assert await ask(lasting, persisted(TYPE)) == "PERSISTED_QUERY_NOT_SUPPORTED"


@in_one_loop
async def test_with_it_a_hash_is_enough_from_the_second_time_on(automatic: Server):
    first = await automatic.http.post("/graphql", json=persisted(TYPE))
    kept = await ask(automatic, persisted(TYPE, query=TYPE))
    again = await ask(automatic, persisted(TYPE))
    extensions = orjson.dumps(persisted(TYPE)["extensions"]).decode()
    by_get = await automatic.http.get("/graphql", params={"extensions": extensions})

    error = {"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}
    assert first.json() == {"errors": [error]}
    assert kept == again == by_get.json()["data"] == {"__typename": "Query"}


@in_one_loop
@pytest.mark.parametrize(
    "extension",
    [None, 1, "x", [], {}, {"version": 2, "sha256Hash": "x"}, {"version": 1}, {"version": 1, "sha256Hash": 5}],
)
async def test_another_version_of_it_is_refused(automatic: Server, extension: Any):
    assert await ask(automatic, {"query": TYPE, "extensions": {"persistedQuery": extension}}) == "BAD_REQUEST"


@in_one_loop
async def test_nobody_leaves_a_document_under_the_hash_of_another(automatic: Server):
    mine = {**persisted("{ mine: __typename }"), "query": "{ yours: __typename }"}

    assert await ask(automatic, mine) == "BAD_REQUEST"
    assert await ask(automatic, persisted("{ mine: __typename }")) == "PERSISTED_QUERY_NOT_FOUND"


def kept(documents: Documents, *left: str) -> list[bool]:
    """Whether each of some documents is still known by its hash."""
    found = []
    for document in left:
        try:
            found.append(documents.resolve(None, None, persisted(document)["extensions"]) == document)
        except Exception:
            found.append(False)
    return found


def test_the_oldest_and_the_longest_are_not_kept():
    documents = Documents({}, automatic=2)
    long = "{ __typename }" + " " * LONGEST
    for document in ("a", "b", "c", long):
        assert documents.resolve(document, None, persisted(document)["extensions"]) == document

    assert kept(documents, "a", "b", "c", long) == [False, True, True, False]

    # What was used last stays.
    assert kept(documents, "b") == [True]
    documents.resolve("d", None, persisted("d")["extensions"])
    assert kept(documents, "b", "c", "d") == [True, False, True]


def test_nothing_is_kept_by_itself():
    assert Settings(database_url="postgresql://x").automatic_documents == 0
