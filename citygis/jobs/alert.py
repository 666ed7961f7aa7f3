"""
Whom a run tells how it ended: a command of the City's own job file.
"""

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

from citygis.jobs.job import Job


def send_alert(job: Job, summary: Mapping[str, Any], exit_code: int) -> str | None:
    """
    Run the job's alert command, where it has one and it is to be told.

    Parameters
    ----------
    job : Job
    summary : mapping
        JSON on the command's standard input.
    exit_code : int
        Of the run; CITYGIS_EXIT beside CITYGIS_JOB in the command's environment.

    Returns
    -------
    str or None
        What went wrong: it cannot be started, takes too long, or ends with another code than 0. None when all is well.
    """
    alert = job.alert
    if alert is None or (alert.on == "trouble" and exit_code == 0):
        return None
    name = alert.command[0]
    try:
        done = subprocess.run(
            alert.command,
            input=json.dumps(summary, ensure_ascii=False).encode(),
            env=os.environ | {"CITYGIS_JOB": job.name, "CITYGIS_EXIT": str(exit_code)},
            cwd=job.folder,
            timeout=alert.timeout_s,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"The alert command {name} did not end within {alert.timeout_s:g} s and was stopped."
    except OSError as error:
        return f"The alert command {name} cannot be run: {error.strerror or error}."
    return None if done.returncode == 0 else f"The alert command {name} ended with code {done.returncode}."
