"""Baton's own paths, under `/v1`."""

from collections.abc import Sequence

from fastapi import APIRouter

routers: Sequence[APIRouter] = ()
