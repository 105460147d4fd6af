"""Lists in pages, with AWS's sizes and with tokens that belong to one request only."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_aws.errors import AwsError
from local_aws.identity import digest


@dataclass(frozen=True, slots=True)
class Paging:
    """How one operation pages: its member names, its sizes, and the words for a bad size or token.

    `default` None means that AWS answers with everything when no size is asked for.
    """

    size_member: str
    token_member: str
    default: int | None
    least: int
    most: int
    bad_size: str
    bad_token: str

    def page(
        self, found: Sequence[Any], params: Mapping[str, Any], forced: int | None
    ) -> tuple[list[Any], dict[str, str]]:
        """Return one page and the token members of the answer; `forced` makes pages smaller than asked for."""
        asked = params.get(self.size_member)
        if asked is not None and not self.least <= asked <= self.most:
            sentence = f"{self.size_member} is {asked}. Expecting a value from {self.least} to {self.most}."
            raise AwsError(sentence, code=self.bad_size)
        sizes = [size for size in (asked or self.default, forced) if size is not None]
        start = self._start(params)
        end = start + min(sizes, default=len(found))
        token = {self.token_member: self._token(end, params)} if end < len(found) else {}
        return list(found[start:end]), token

    def _request(self, params: Mapping[str, Any]) -> str:
        rest = {key: value for key, value in params.items() if key not in {self.token_member, self.size_member}}
        return digest(json.dumps(rest, sort_keys=True, default=str))[:12]

    def _token(self, start: int, params: Mapping[str, Any]) -> str:
        return base64.urlsafe_b64encode(f"{start}:{self._request(params)}".encode()).decode()

    def _start(self, params: Mapping[str, Any]) -> int:
        token = params.get(self.token_member)
        if not token:
            return 0
        try:
            start, request = base64.urlsafe_b64decode(token).decode().split(":")
            position = int(start)
        except (ValueError, binascii.Error):
            request, position = "", 0
        if request != self._request(params):
            message = "The token is not valid for this request."
            raise AwsError(message, code=self.bad_token)
        return position
