"""End a request quietly whose browser left the page before the response was complete."""

from typing import Any

NOTHING_SENT = "No response returned."
"""What starlette.middleware.base says of an app that ends without a response, as a file's does once nobody wants it."""


class Leaving:
    """Stands around a whole ASGI application, so that a page that is left prints no traceback."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on. An error remains one unless the browser has left and nothing was to be sent."""
        left = False

        async def watch() -> Any:
            nonlocal left
            message = await receive()
            left = left or message["type"] == "http.disconnect"
            return message

        try:
            await self._app(scope, watch, send)
        except RuntimeError as error:
            if not (left and str(error) == NOTHING_SENT):
                raise
