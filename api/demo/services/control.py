"""`/_control`: what a test or the demo reads about the services, and what it switches on."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.demo.services.calls import Refused
from api.demo.services.faults import FaultBoard, FaultSettings
from api.demo.services.names import SERVICE_NAMES
from api.demo.services.store import Json, Store

After = Annotated[int, Query(ge=0, description="Only rows with a greater id: the last one seen")]
Limit = Annotated[int, Query(ge=1, le=1_000_000)]


class Control:
    """The control routes over one store and one fault board."""

    def __init__(self, store: Store, faults: FaultBoard) -> None:
        self._store = store
        self._faults = faults

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/_control", tags=["control"])
        router.add_api_route("/health", self.health, methods=["GET"])
        router.add_api_route("/effects", self.effects, methods=["GET"])
        router.add_api_route("/requests", self.requests, methods=["GET"])
        router.add_api_route("/faults", self.list_faults, methods=["GET"])
        router.add_api_route("/faults", self.clear_faults, methods=["DELETE"], status_code=204, response_class=Response)
        router.add_api_route("/faults/{service}", self.set_fault, methods=["PUT"])
        router.add_api_route(
            "/faults/{service}", self.clear_service, methods=["DELETE"], status_code=204, response_class=Response
        )
        router.add_api_route("/reset", self.reset, methods=["POST"], status_code=204, response_class=Response)
        return router

    # `async` throughout, though nothing is awaited: FastAPI runs plain functions in threads, the store has one.

    async def health(self) -> Json:
        return {"status": "ok", "services": list(SERVICE_NAMES)}

    async def effects(
        self,
        key: str | None = None,
        service: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        after: After = 0,
        limit: Limit = 100_000,
    ) -> Json:
        where = {"idempotency_key": key, "service": service, "action": action, "subject": subject}
        rows = self._store.rows("effects", where, after=after, limit=limit)
        return {"effects": rows, "count": len(rows)}

    async def requests(
        self,
        key: str | None = None,
        service: str | None = None,
        method: str | None = None,
        path: str | None = None,
        after: After = 0,
        limit: Limit = 100_000,
    ) -> Json:
        where = {"idempotency_key": key, "service": service, "method": method, "path": path}
        rows = self._store.rows("requests", where, after=after, limit=limit)
        told = [row | {"replayed": bool(row["replayed"])} for row in rows]
        return {"requests": told, "count": len(told)}

    async def list_faults(self) -> Json:
        return {"faults": self._faults.all()}

    async def set_fault(self, service: str, settings: FaultSettings) -> Json:
        return self._faults.set(_known(service), settings).as_dict(service)

    async def clear_service(self, service: str, route: str | None = None) -> None:
        self._faults.clear(_known(service), route)

    async def clear_faults(self) -> None:
        self._faults.clear()

    async def reset(self) -> None:
        """Empty everything, plant the beginnings again, and switch all faults off."""
        self._store.reset()

        self._faults.clear()


def _known(service: str) -> str:
    if service not in SERVICE_NAMES:
        raise Refused(404, "unknown_service", f"No service '{service}'. Known: {', '.join(SERVICE_NAMES)}.")
    return service
