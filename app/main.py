"""The ASGI application."""

import gc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from os import PathLike, stat_result
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.choices import Execution
from app.graphql.documents import Documents, read_documents
from app.graphql.http import PLAYGROUND, PLAYGROUND_HEADERS, GraphQLEndpoint
from app.graphql.shortcut import PATH, Shortcut
from app.graphql.socket import SocketEndpoint
from app.graphql.sockets import Sockets
from app.health import health, ready
from app.login.routes import Logins
from app.logs import configure_logs
from app.oauth.routes import ROUTES as OAUTH
from app.parent import ending_with_parent
from app.requests import HEADER, BodyLimit, RequestId, explain
from app.settings import Settings
from app.wiring import running
from graph.schema import ShopSchema, build_schema


def create_app(
    settings: Settings | None = None, playground: Path = PLAYGROUND, schema: ShopSchema | None = None
) -> Starlette:
    """The application; it connects when its lifespan starts. Without settings it reads them and owns the process.

    The schema is built as the settings want it, unless one is given: applications of one process may share it.
    """
    is_process = settings is None
    settings = settings or Settings()
    configure_logs(settings.log_level)
    schema = schema or build_schema(is_compiled=settings.execution is Execution.COMPILED)
    given = read_documents(settings.documents)
    documents = Documents(given, only=settings.documents_only, automatic=settings.automatic_documents)
    endpoint = GraphQLEndpoint(schema, documents, settings, playground)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        with ending_with_parent():
            async with running(settings) as process:
                app.state.process = process
                app.state.sockets = sockets = Sockets(schema, documents, process.services, settings)
                if is_process:
                    # What is there now stays, and the garbage collector begins: not with what was imported, 250,000
                    # objects of which it would free 3,500, and take 0.15 s of the start for it.
                    gc.freeze()
                    gc.enable()
                yield
                await sockets.stop()
                await endpoint.shadows.stop()

    app = Starlette(
        lifespan=lifespan,
        middleware=_middleware(settings),
        exception_handlers={HTTPException: explain},
        routes=[
            Route("/", RedirectResponse("/graphql")),
            Route(PATH, endpoint),
            WebSocketRoute(PATH, SocketEndpoint(settings.origins)),
            *Logins(settings).routes,
            Route("/health", health),
            Route("/ready", ready),
            *OAUTH,
            Mount("/playground", _Assets(directory=playground, check_dir=False)),
        ],
    )
    # The redirect would name whatever host the request claims.
    app.router.redirect_slashes = False
    if schema.direct:
        around = app.build_middleware_stack()
        app.middleware_stack = Shortcut(around, RequestId(endpoint), settings.max_body_bytes)
    app.state.schema = schema
    return app


def _middleware(settings: Settings) -> list[Middleware]:
    """What happens around requests, the outermost first."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", HEADER],
        expose_headers=[HEADER],
    )
    return [Middleware(RequestId), cors, Middleware(BodyLimit, most=settings.max_body_bytes)]


class _Assets(StaticFiles):
    """Files of a directory that may not be there yet: the playground can be built while the server runs."""

    async def check_config(self) -> None:
        """Nothing: what is not there is not found."""

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        # A worker obeys the policy that its own file comes with.
        response.headers.update(PLAYGROUND_HEADERS)
        return response
