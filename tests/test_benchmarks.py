"""The commands that measure work: a few seconds of each, and they notice what they are there to notice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.people import Content
from benchmarks.soak import _leaks

ROOT = Path(__file__).parents[1]


@pytest.mark.timeout(180)
def test_a_short_soak_loses_nothing(tmp_path):
    kept = tmp_path / "soak.json"
    command = [sys.executable, "-m", "benchmarks.soak", "--minutes", "0.1", "--people", "2"]
    command += ["--kills", "1", "--pause", "1", "--keep", str(kept)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads(kept.read_text())
    assert facts["problems"] == []
    assert facts["files_at_the_end"] > 0


def test_another_content_is_noticed():
    content = Content("1.1", "txt")
    assert content.matches(content.raw())
    assert not content.matches(Content("1.2", "txt").raw())
    assert not content.matches(content.raw()[:-1])


def test_what_is_left_open_is_noticed():
    start = {"files": 20, "tasks": 4, "threads": 10}
    assert _leaks(start, start | {"files": 30}) == []
    assert len(_leaks(start, start | {"files": 120, "tasks": 20})) == 2


def test_the_table_of_the_page_is_that_of_the_results():
    results = json.loads(report.RESULTS.read_text())
    assert report.table(results) in report.PAGE.read_text(), "run: make bench"
