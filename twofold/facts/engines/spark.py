"""Spark, on this machine or wherever its own settings lead: the manifest's files as views, asked there.

Owns the session. What Spark is told beside it (`SPARK_HOME`, `SPARK_CONF_DIR`, `SPARK_REMOTE`, spark-defaults) holds; without
a word it runs in this process's own Java with the memory that a question may have.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from twofold.errors import FactsError
from twofold.facts.engine import Ask
from twofold.facts.engines.dialect import in_steps
from twofold.facts.manifest import Manifest
from twofold.facts.shape import Table, Type


def asked(task: Ask, manifest: Manifest) -> Iterator[Sequence[Sequence[Any]]]:
    """The rows of each answer."""
    session = _session(task)
    try:
        for table in task.tables:
            paths = [str((Path(task.files) / path).absolute()) for path in manifest.paths(table.name)]
            _view(session, table, paths)
        for one in task.questions:
            steps, last = in_steps(one.question, one.parameters, "spark")
            for name, text in steps:
                _step(session, name, text)
            yield [[list(row) for row in session.sql(last).collect()]]
            for name, _ in steps:
                session.catalog.dropTempView(name)
    finally:
        session.stop()


def _session(task: Ask) -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise FactsError("the package pyspark is missing; install twofold[spark] and Java 17 or newer") from None
    builder = SparkSession.builder.appName("twofold")
    if not os.environ.get("SPARK_REMOTE") and not os.environ.get("MASTER"):
        builder = builder.master(f"local[{min(os.cpu_count() or 1, 4)}]")
    settings = {
        "spark.driver.memory": f"{task.memory_mb}m",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.variable.substitute": "false",  # a text that holds ${…} is a text
        "spark.sql.session.timeZone": "UTC",
        "spark.local.dir": task.spill,
        "spark.sql.warehouse.dir": task.spill,
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _view(session: Any, table: Table, paths: Sequence[str]) -> None:
    columns = ", ".join(f"`{c.name}` {_kind(c.type)}" for c in table.columns)
    frame = session.read.schema(columns).parquet(*paths) if paths else session.createDataFrame([], schema=columns)
    frame.createOrReplaceTempView(table.name)


def _step(session: Any, name: str, text: str) -> None:
    """A part of a question that is named more than once, worked out once.

    Spark writes a named part out wherever it is named, so that a question whose parts lie in each other becomes a plan of a
    thousand scans, which took more memory to make than the question itself.
    """
    session.sql(text).localCheckpoint().createOrReplaceTempView(name)


def _kind(kind: Type) -> str:
    return "string" if kind is Type.TEXT else str(kind)
