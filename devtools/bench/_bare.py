"""The bare service that `./dev bench checkin` measures against: Flask, one INSERT, one COMMIT."""

import os
import threading
from typing import Any

import psycopg
from flask import Flask, request

TABLE = "CREATE TABLE bare (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), code text NOT NULL)"


def create_app() -> Flask:
    app = Flask("bare")
    kept = threading.local()

    @app.post("/api/v1/checkin/scans")
    def scan() -> dict[str, Any]:
        if not hasattr(kept, "connection"):
            kept.connection = psycopg.connect(os.environ["HUZHU_BENCH_DATABASE_URL"])
        body = request.get_json()
        with kept.connection.transaction():
            kept.connection.execute("INSERT INTO bare (code) VALUES (%s)", [body["code"]])
        return {"outcome": "ok"}

    @app.get("/health/ready")
    def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app
