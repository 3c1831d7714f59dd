#!/usr/bin/env bash
# FastAPI 0.165.0 with Pydantic 2.14.3: a header with default_factory=list has the signature of
# `list` inspected on every request that leaves the header out, and nowhere is the result kept.
#
# One would have guessed that a factory is looked at once, when the route is declared, as Pydantic
# does in its own models: there a hundred objects inspect nothing. For a builtin such as `list`
# Python compiles the text of the signature each time, a quarter of a millisecond, which was a
# quarter of what a small request costs. `= None` in the function's own default costs nothing.
#
# Seen:
#   model, 100 objects: 0 signatures inspected
#   route, 100 requests with default None: 0 signatures inspected
#   route, 100 requests with default_factory=list: 100 signatures inspected
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q fastapi==0.165.0 pydantic==2.14.3 starlette==1.10.0 httpx2==2.13.0
cat > "$folder/try.py" <<'PYTHON'
import inspect
import sys
from typing import Annotated

from fastapi import FastAPI, Header
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field

inspected = 0
original = inspect.signature


def counted(*arguments, **options):
    global inspected
    inspected += arguments[0] is list
    return original(*arguments, **options)


app = FastAPI()


@app.get("/none")
async def none(tags: Annotated[list[str] | None, Header()] = None) -> int:
    return len(tags or [])


@app.get("/factory")
async def factory(tags: Annotated[list[str], Header(default_factory=list)]) -> int:
    return len(tags)


class Model(BaseModel):
    tags: list[str] = Field(default_factory=list)


def count(name, call):
    global inspected
    call()
    inspected = 0
    for _ in range(100):
        call()
    print(f"{name}: {inspected} signatures inspected")


inspect.signature = counted
for module in list(sys.modules.values()):
    if getattr(module, "signature", None) is original:
        module.signature = counted
client = TestClient(app)
count("model, 100 objects", Model)
count("route, 100 requests with default None", lambda: client.get("/none"))
count("route, 100 requests with default_factory=list", lambda: client.get("/factory"))
PYTHON
seen=$("$folder/venv/bin/python" "$folder/try.py")
echo "$seen"
[ "$seen" = "model, 100 objects: 0 signatures inspected
route, 100 requests with default None: 0 signatures inspected
route, 100 requests with default_factory=list: 100 signatures inspected" ]
