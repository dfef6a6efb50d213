"""A client of the Model Context Protocol server, as the tests need it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, TextContent, TextResourceContents

from hfm_kg.pipeline import Settings

from .conftest import SCRIPT

BASE = "https://w3id.org/hfm/"


class Agent:
    """A client that keeps what tools answer as plain data, and holds it against the tool's schema."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def raw(self, tool: str, **arguments: Any) -> CallToolResult:
        return await self.client.call_tool(tool, arguments)  # the client checks it against the output schema

    async def __call__(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self.raw(tool, **arguments)
        (text,) = result.content
        assert isinstance(text, TextContent)
        assert not result.is_error, text.text
        told = result.structured_content
        assert isinstance(told, dict)
        assert json.loads(text.text) == told
        return told

    async def refused(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = await self.raw(tool, **arguments)
        (text,) = result.content
        assert isinstance(text, TextContent)
        assert result.is_error
        assert result.structured_content is None
        told: dict[str, Any] = json.loads(text.text.removeprefix(f"Error executing tool {tool}: "))
        assert {"problem", "detail", "cure"} <= set(told)
        return told

    async def read(self, uri: str) -> TextResourceContents:
        (content,) = (await self.client.read_resource(uri)).contents
        assert isinstance(content, TextResourceContents)
        return content


Session = Callable[[Agent], Awaitable[None]]
Run = Callable[[Session], None]


def stdio(settings: Settings, *more: str) -> StdioServerParameters:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    command = ["mcp", "--output", str(settings.output), *more]
    return StdioServerParameters(command=SCRIPT, args=command, env=environment)


def hold(server: Any, session: Session) -> None:
    async def held() -> None:
        failure = None
        async with Client(server) as client:
            try:
                await session(Agent(client))
            except Exception as error:  # told outside of the client's tasks, which would bury it
                failure = error
        if failure is not None:
            raise failure

    asyncio.run(held())
