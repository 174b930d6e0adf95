"""A script as people write them: twenty lines of shell that know nothing but exit codes, TSV and JSON lines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = r"""
printf '%s\n' '{"type":"noop","queue":"a"}' '{"type":"noop","queue":"a"}' \
  '{"type":"fail","queue":"b","payload":{"message":"invalid_job"},"max_attempts":1}' > jobs.jsonl
jobsched submit --batch jobs.jsonl -q > ids || exit 10
jobsched wait - --timeout 100ms < ids > /dev/null 2>&1; [ $? = 124 ] || exit 11
jobsched worker --burst 2> /dev/null || exit 12
jobsched wait - --timeout 60s < ids > ended.tsv; [ $? = 1 ] || exit 13
[ "$(cut -f2 ended.tsv | sort | uniq -c | tr -s ' \n' ' ')" = " 1 dead 2 succeeded " ] || exit 14
jobsched ls -f 'queue:a state:dead' --fail-if-any || exit 15
jobsched ls -f 'queue:b state:dead' --fail-if-any > dead.tsv; [ $? = 1 ] || exit 16
[ "$(jobsched ls --count --group-by queue,state | tr '\t\n' '  ')" = "a succeeded 2 b dead 1 " ] || exit 17
jobsched ls -f state:dead -o jsonl | pick 'job["attempt"] == 1' | jobsched retry - -q > again || exit 18
[ "$(cat again)" = "$(cut -f1 dead.tsv)" ] || exit 19
jobsched retry - < ids > results.tsv 2> /dev/null; [ $? = 5 ] || exit 20
[ "$(cut -f2 results.tsv | sort | uniq -c | tr -s ' \n' ' ')" = " 1 false 2 true " ] || exit 21
jobsched cancel -f 'queue:nowhere' 2> /dev/null; [ $? = 2 ] || exit 22
jobsched cancel -f 'queue:nowhere' --allow-empty || exit 23
jobsched cancel $(jobsched ls -q -f state:dead) 2> /dev/null; [ $? = 2 ] || exit 24
jobsched cancel @mine -f 'queue:a,b' -o jsonl | pick 'job["state"] == "cancelled"' | wc -l | grep -qx ' *3' || exit 25
jobsched show 999999 2> /dev/null; [ $? = 3 ] || exit 26
jobsched --database-url postgresql://nobody@127.0.0.1:1/x ls 2> /dev/null; [ $? = 69 ] || exit 27
"""
PICK = """
import json, sys
for line in sys.stdin:
    job = json.loads(line)
    if eval(sys.argv[1]):
        print(line, end="")
"""
"""What jq -c 'select(…)' does."""


@pytest.mark.timeout(300)  # some thirty processes, on machines that have other things to do
def test_a_script_can_trust_exit_codes_tsv_and_json_lines(shell_environ: dict[str, str], tmp_path: Path) -> None:
    """Submit in bulk, wait, find failures, retry some of them, cancel; each failure has its own code."""
    assert len(SCRIPT.strip().splitlines()) <= 21
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "pick.py").write_text(PICK)
    pick = tools / "pick"
    pick.write_text(f'#!/bin/sh\nexec {sys.executable} {tools / "pick.py"} "$1"\n')
    pick.chmod(0o755)
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), shell_environ["PATH"]])
    done = subprocess.run(
        ["sh", "-c", SCRIPT],
        env=shell_environ | {"PATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert (done.returncode, done.stderr) == (0, "")
