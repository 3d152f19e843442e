"""Annotators on a bad day: they send an answer again until somebody acknowledges it, and remember what they said."""

import asyncio
import random
from collections.abc import Mapping

import httpx2

from tests.serving import CLAIM, NOTHING_LEFT, AnnotatorClient

VERDICTS = ("first", "second", "equal")
RETRY_S = 0.05


class Writer(AnnotatorClient):
    """One annotator; `said` has what was acknowledged last for each claim."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.said: dict[str, str] = {}
        self.failures = 0
        self.chance = random.Random(self.token)

    async def work(self, study: str, stop: asyncio.Event) -> None:
        """Judge, now and then twice, now and then changing one's mind, until told to stop or nothing is left."""
        claim = self._next(await self._insist("GET", "/annotate", {"study": study}))
        while claim is not None and not stop.is_set():
            following = await self._say("/annotate", claim)
            if self.chance.random() < 0.2:
                await self._insist("POST", "/annotate", self._form(claim, self.chance.choice(VERDICTS)))
            if self.chance.random() < 0.3:
                following = await self._say("/annotate/revise", claim)
            claim = following

    async def _say(self, path: str, claim: str) -> str | None:
        verdict = self.chance.choice(VERDICTS)
        answer = await self._insist("POST", path, self._form(claim, verdict))
        self.said[claim] = verdict
        return self._next(answer)

    async def _insist(self, method: str, path: str, fields: Mapping[str, str]) -> httpx2.Response:
        """Ask until the answer is neither a broken line nor a server's error; then it has to be a good one."""
        sent = {"params": fields} if method == "GET" else {"data": fields}
        while True:
            try:
                response = await self.http.request(method, path, **sent)  # type: ignore[arg-type]
            except httpx2.TransportError:
                response = None
            if response is not None and response.status_code < 500:
                assert response.status_code == 200, f"{response.status_code} {response.text[:300]}"
                return response
            self.failures += 1
            await asyncio.sleep(RETRY_S)

    @staticmethod
    def _form(claim: str, verdict: str) -> dict[str, str]:
        return {"claim": claim, "verdict": verdict, "duration_ms": "1"}

    @staticmethod
    def _next(response: httpx2.Response) -> str | None:
        found = CLAIM.search(response.text)
        assert found or NOTHING_LEFT.search(response.text), response.text[:300]
        return found[1] if found else None
