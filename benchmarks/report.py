"""The results as JSON, as a table on the terminal, and between two marks of docs/performance.md."""

from __future__ import annotations

import json
import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "loopback.json"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- written by make bench -->\n", "<!-- end -->\n"
PACKAGES = ("jupyter-server", "tornado", "aiohttp", "grpcio", "protobuf", "nbformat")


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": model[1].strip() if model else platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def remember(group: str, rows: list[dict[str, Any]], rounds: int, load: float) -> None:
    """Replace the rows of one group in the results, and write the table of the page again."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"groups": {}}
    results["machine"] = machine()
    results["groups"][group] = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "rounds": rounds,
        "load_before": round(load, 1),
        "rows": rows,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}{table(results)}{END}{after}")


def figure(value: float | None, unit: str) -> str:
    """A number as people read it."""
    if value is None:
        return ""
    text = f"{value:.0f}" if value >= 100 or not unit else f"{value:.1f}"
    return f"{text} {unit}".strip()


def verdict(row: dict[str, Any]) -> str:
    """Whether the goal is met, in a word."""
    return {True: "met", False: "**missed**", None: ""}[row["met"]]


def processors(row: dict[str, Any]) -> str:
    """CPU time by process."""
    used = row["facts"].get("cpu_ms", {})
    return ", ".join(f"{name} {milliseconds:.0f}" for name, milliseconds in used.items())


def table(results: dict[str, Any]) -> str:
    """The results in Markdown."""
    facts = results["machine"]
    packages = ", ".join(f"{name} {number}" for name, number in facts["packages"].items())
    lines = [
        f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}, Python {facts['python']}, {packages}.\n",
        "| measure | ours | compared with | ratio | goal | | CPU time, ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for group in results["groups"].values():
        for row in group["rows"]:
            ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f} x"
            lines.append(
                f"| {row['name']} | {figure(row['ours'], row['unit'])} | {figure(row['theirs'], row['unit'])} "
                f"| {ratio} | {row['goal']} | {verdict(row)} | {processors(row)} |"
            )
    lines.append("")
    for name, group in results["groups"].items():
        lines.append(
            f"- {name}: {group['date']}, medians of {group['rounds']}, load of the machine before {group['load_before']}"
        )
    return "\n".join(lines) + "\n"


def line(row: dict[str, Any]) -> str:
    """A row for the terminal."""
    ratio = "" if row["ratio"] is None else f"{row['ratio']:6.2f} x"
    ours, theirs = figure(row["ours"], row["unit"]), figure(row["theirs"], row["unit"])
    met = {True: "met", False: "MISSED", None: ""}[row["met"]]
    return f"{row['name']:<62}{ours:>16}{theirs:>13}{ratio:>10}  {row['goal']:<9}{met}"
