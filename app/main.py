"""The ASGI application."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from app.graphql_http import PLAYGROUND, GraphQLEndpoint
from app.health import health, ready
from app.logs import configure_logs
from app.parent import ending_with_parent
from app.requests import HEADER, BodyLimit, RequestId
from app.settings import Execution, Settings
from app.wiring import running
from graph.schema import build_schema


def create_app(settings: Settings | None = None, playground: Path = PLAYGROUND) -> Starlette:
    """The application, for uvicorn or a test; it connects when its lifespan starts."""
    settings = settings or Settings()
    configure_logs(settings.log_level)
    schema = build_schema(is_compiled=settings.execution is Execution.COMPILED)
    endpoint = GraphQLEndpoint(schema, settings.origins, playground)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        with ending_with_parent():
            async with running(settings) as process:
                app.state.process = process
                yield

    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", HEADER],
        expose_headers=[HEADER],
    )
    app = Starlette(
        lifespan=lifespan,
        middleware=[Middleware(RequestId), cors, Middleware(BodyLimit, most=settings.max_body_bytes)],
        routes=[
            Route("/", RedirectResponse("/graphql")),
            Route("/graphql", endpoint),
            WebSocketRoute("/graphql", endpoint, name="socket"),
            Route("/health", health),
            Route("/ready", ready),
            Mount("/playground", _Assets(directory=playground, check_dir=False)),
        ],
    )
    # The redirect would name whatever host the request claims.
    app.router.redirect_slashes = False
    return app


class _Assets(StaticFiles):
    """Files of a directory that may not be there yet: the playground can be built while the server runs."""

    async def check_config(self) -> None:
        """Nothing: what is not there is not found."""
