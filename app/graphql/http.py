"""GraphQL over HTTP and server-sent events, and the playground, all at /graphql."""

from pathlib import Path
from urllib.parse import parse_qsl

from graphql import GraphQLError
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import Receive, Scope, Send
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from app.access.callers import actor_of, origin_of
from app.graphql.answer import answer, error_response, refusal
from app.graphql.documents import Documents
from app.graphql.request import (
    EVENT_STREAM,
    MEDIA_TYPES,
    PARAMETERS,
    PARAMETERS_MAX,
    BadRequest,
    Head,
    Parameters,
    read_request,
    wanted_type,
)
from app.graphql.sse import EventStream, Listeners, telling
from app.settings import Settings
from app.shadows import Shadows
from app.wiring import Process
from domain.refusals import Refused
from graph.context import Context
from graph.schema import ShopSchema

PLAYGROUND = Path(__file__).parents[2] / "playground" / "dist"

PLAYGROUND_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:;"
        " connect-src 'self' ws: wss:; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-cache",
}
"""The page may load what lies beside it, and nothing else."""

WITHOUT_PLAYGROUND = """<!doctype html><title>Orderwire</title>
<h1>The playground is not installed</h1>
<p>Its assets are built by npm. Install Node.js 20 or newer with npm, run <code>make setup</code> and reload this page.
The API itself is running: send <code>POST</code> requests to this address.</p>"""

BY_METHOD = {
    "GET": frozenset({OperationType.QUERY, OperationType.SUBSCRIPTION}),
    "POST": frozenset(OperationType),
}
"""What each method may run: GET changes nothing."""


class GraphQLEndpoint:
    """The endpoint: reads a request, runs it as its caller, and answers in the form that is wanted."""

    def __init__(self, schema: ShopSchema, documents: Documents, settings: Settings, playground: Path) -> None:
        self._schema, self._documents, self._playground = schema, documents, playground
        self._listeners = Listeners(settings.max_streams)
        self._heartbeat = settings.live_heartbeat_seconds
        self.shadows = Shadows(schema, settings.shadow_share)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = Head(scope)
        accept = head.get(b"accept")
        media_type = wanted_type(accept)
        try:
            if _wants_the_playground(head, accept):
                response = self._page()
            else:
                response = await self._respond(head, media_type, scope, receive)
        except BadRequest as refused:
            response = refusal(refused, media_type)
        except Refused as refused:
            response = error_response(401, refused.refusals[0].code, str(refused), media_type)
            response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        await response(scope, receive, send)

    async def _respond(self, head: Head, media_type: str | None, scope: Scope, receive: Receive) -> Response:
        process: Process = scope["app"].state.process
        viewer = actor_of(process.services.issuer, head.get(b"authorization"))
        context = Context(process.services, viewer, origin_of(scope), takes_json=True)
        parameters = await read_request(head, receive)
        if media_type is None:
            raise BadRequest(f"Answers are {', '.join(MEDIA_TYPES)}; Accept allows none of them.", 406)
        try:
            query = self._documents.resolve(parameters.query, parameters.document_id, parameters.extensions)
        except GraphQLError as error:
            failed = PreExecutionError(data=None, errors=[error])
            return answer(failed, media_type) if media_type != EVENT_STREAM else telling(failed)
        if media_type == EVENT_STREAM:
            return await self._stream(head.method, query, parameters, context)
        result = await self._execute(head.method, query, parameters, context)
        response = answer(result, media_type)
        if self.shadows.choose(result):
            given = (query, parameters.operation_name, parameters.variables, context, result)
            response.background = BackgroundTask(self.shadows.begin, *given)
        return response

    async def _execute(self, method: str, query: str, parameters: Parameters, context: Context) -> ExecutionResult:
        try:
            return await self._schema.execute(
                query,
                parameters.variables,
                context_value=context,
                operation_name=parameters.operation_name,
                operation_extensions=parameters.extensions,
                allowed_operation_types=BY_METHOD[method],
            )
        except CannotGetOperationTypeError as error:
            unknown = GraphQLError(error.as_http_error_reason(), extensions={"code": "BAD_REQUEST"})
            return PreExecutionError(data=None, errors=[unknown])
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.SUBSCRIPTION:
                raise BadRequest(f"A subscription is told as a stream: accept {EVENT_STREAM}.", 406) from None
            raise BadRequest("GET changes nothing: send a mutation by POST.", 405, Allow="POST") from None

    async def _stream(self, method: str, query: str, parameters: Parameters, context: Context) -> Response:
        subscriber = await self._schema.stream(
            query,
            parameters.variables,
            context_value=context,
            operation_name=parameters.operation_name,
            operation_extensions=parameters.extensions,
            allowed_operation_types=BY_METHOD[method],
        )
        place = self._listeners.place(context.caller)
        return EventStream(subscriber, self._heartbeat, place)

    def _page(self) -> Response:
        page = self._playground / "index.html"
        if not page.exists():
            return HTMLResponse(WITHOUT_PLAYGROUND, headers=PLAYGROUND_HEADERS)
        return FileResponse(page, headers=PLAYGROUND_HEADERS)


def _wants_the_playground(head: Head, accept: str) -> bool:
    """Whether a person looks at the address, with a browser."""
    if head.method != "GET" or "text/html" not in accept:
        return False
    try:
        given = parse_qsl(head.query_string.decode("latin-1"), keep_blank_values=True, max_num_fields=PARAMETERS_MAX)
    except ValueError:
        # There are too many, which is told as it is to everybody.
        return False
    return PARAMETERS.isdisjoint(name for name, _ in given)
