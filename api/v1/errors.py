"""The codes of errors, for whoever handles them by machine."""

from typing import Any

from fastapi import APIRouter

from api.error_codes import error_codes
from api.security import Right, needs

router = APIRouter(prefix="/v1/errors", tags=["errors"], dependencies=[needs(Right.READ)])


@router.get("")
async def list_codes() -> dict[str, Any]:
    """Every code an error may have, with its statuses, and what is said with it; `<name>` stands for what is filled
    in. Codes without a status stand in the `problems` of a definition, or in records."""
    return {"errors": error_codes()}
