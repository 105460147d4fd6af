"""The HTTP server of the local Slack: what slack-sdk talks to in tests and in the demo.

``POST /services/…`` is the webhook, ``POST /api/chat.postMessage`` the Web API, and ``POST /_local/<name>`` a control.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import override

from local_aws.slack_workspace import WEBHOOK, Answer, Workspace

CONTROL = "/_local/"


class SlackServer(ThreadingHTTPServer):
    """The listener. ``POST /_local/<name>`` with a JSON object calls a method of the workspace with it."""

    daemon_threads = True
    CONTROLS = (
        "messages",
        "fail",
        "free",
        "revoke",
        "rotate",
        "open_channel",
        "archive",
        "unarchive",
        "delete",
        "limit",
    )

    def __init__(self, workspace: Workspace, port: int = 0) -> None:
        """Bind to the loopback interface; port 0 takes a free one."""
        self.workspace = workspace
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """Return the server's address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def webhook_url(self) -> str:
        """Return the webhook's address: the secret."""
        return f"{self.url}{WEBHOOK}{self.workspace.webhook}"

    @property
    def api_url(self) -> str:
        """Return where the Web API is: ``api_url`` of the secret."""
        return f"{self.url}/api/"

    def secret(self, *, bot: bool) -> str:
        """Return the secret that lets the auditor in."""
        if not bot:
            return json.dumps({"webhook_url": self.webhook_url})
        workspace = self.workspace
        return json.dumps({"bot_token": workspace.token, "channel": workspace.channel, "api_url": self.api_url})

    def close(self) -> None:
        """Stop to listen, and let slow answers go."""
        self.workspace.free()
        self.shutdown()
        self.server_close()

    def command(self, name: str, body: bytes) -> Answer:
        """Call a method of the workspace."""
        if name not in self.CONTROLS:
            return Answer(404, json.dumps({"error": f"no control {name!r}; there are {', '.join(self.CONTROLS)}"}))
        try:
            result = getattr(self.workspace, name)(**json.loads(body or b"{}"))
        except (TypeError, ValueError) as error:
            return Answer(400, json.dumps({"error": f"{type(error).__name__}: {error}"}))
        return Answer(200, json.dumps({"result": result}), {"Content-Type": "application/json"})

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent about clients that hang up before they are answered."""


class _Handler(BaseHTTPRequestHandler):
    server: SlackServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith(CONTROL):
            answer = self.server.command(self.path.removeprefix(CONTROL), body)
        else:
            # The header object ignores case, as HTTP wants it.
            answer = self.server.workspace.answer(self.path, self.headers, body)  # type: ignore[arg-type]  # email.Message is a Mapping in all but name
        if not answer.status:
            self.close_connection = True
            return
        content = answer.body.encode()
        self.send_response_only(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: the workspace remembers."""
