"""One writer at a time, and which failures are worth another try."""

import errno
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.defs.transient import SECONDS_BETWEEN_TRIES, TRIES, retrying_transient_failures
from pipelines.lock import AnotherRunIsWriting, check_warehouse_is_free, single_writer
from pipelines.settings import PROJECT_ROOT, Settings

HOLDING = """
import sys, time
from pathlib import Path
from pipelines.lock import single_writer
from pipelines.settings import Settings

with single_writer(Settings(home=Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", inbox=tmp_path / "inbox", lock_wait_seconds=0.1)


@contextmanager
def held_elsewhere(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLDING, str(settings.home)]
    process = subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_second_process_is_refused_until_the_first_one_is_killed(settings):
    with held_elsewhere(settings) as holder:
        with (
            pytest.raises(AnotherRunIsWriting, match=r"Another run is writing in .*home"),
            single_writer(settings),
        ):
            pytest.fail("two processes hold the lock")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with single_writer(settings):
            assert (settings.home / "run.lock").exists()


@pytest.mark.parametrize("command", [["run"], ["withdraw", "L0000001", "--reason", "a test"]])
def test_a_command_that_writes_says_plainly_that_another_run_is_writing(settings, command):
    settings.inbox.mkdir()
    environment = {
        "QI_HOME": str(settings.home),
        "QI_INBOX": str(settings.inbox),
        "QI_LOCK_WAIT_SECONDS": "0.1",
    }
    with held_elsewhere(settings):
        started = time.monotonic()
        result = CliRunner(env=environment).invoke(main, command)
        assert time.monotonic() - started < 5
    assert result.exit_code == 1
    assert result.output.startswith("Error: Another run is writing in ")
    assert len(result.output.splitlines()) == 1


def test_the_lock_may_be_taken_again_inside_its_process(settings):
    with single_writer(settings):
        with single_writer(settings):
            assert is_refused_elsewhere(settings)
        assert is_refused_elsewhere(settings)
    assert not is_refused_elsewhere(settings)


def is_refused_elsewhere(settings: Settings) -> bool:
    """Whether another process cannot have the lock."""
    script = HOLDING.replace("time.sleep(60)", "pass").replace("[1]))", "[1]), lock_wait_seconds=0)")
    command = [sys.executable, "-c", script, str(settings.home)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert ("AnotherRunIsWriting" in done.stderr) == (done.returncode != 0), done.stderr
    return done.returncode != 0


def test_the_lock_is_free_after_a_run_that_failed(settings):
    with pytest.raises(ZeroDivisionError), single_writer(settings):
        raise ZeroDivisionError
    assert not is_refused_elsewhere(settings)


def test_two_homes_may_be_written_at_once(settings, tmp_path):
    other = settings.model_copy(update={"home": tmp_path / "other"})
    with held_elsewhere(settings), single_writer(other):
        assert (tmp_path / "other" / "run.lock").exists()


def test_a_warehouse_that_a_left_over_process_writes_is_not_free(settings):
    check_warehouse_is_free(settings)
    settings.build_path.mkdir(parents=True)
    duckdb.connect(str(settings.warehouse_file)).close()
    check_warehouse_is_free(settings)
    writing = (
        "import duckdb, sys, time; connection = duckdb.connect(sys.argv[1]); print('held', flush=True); "
        "time.sleep(60)"
    )
    command = [sys.executable, "-c", writing, str(settings.warehouse_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(AnotherRunIsWriting, match="open for writing"):
            check_warehouse_is_free(settings)
        process.kill()


@pytest.mark.parametrize(
    "fault",
    [
        AnotherRunIsWriting("wait"),
        OSError(errno.EAGAIN, "try again"),
        OSError(errno.EBUSY, "busy"),
        InterruptedError(errno.EINTR, "interrupted"),
        OSError(errno.ESTALE, "stale"),
        TimeoutError(errno.ETIMEDOUT, "timed out"),
    ],
    ids=repr,
)
def test_what_may_pass_by_itself_is_tried_again(fault):
    with pytest.raises(dg.RetryRequested) as asked, retrying_transient_failures():
        raise fault
    assert (asked.value.max_retries, asked.value.seconds_to_wait) == (TRIES, SECONDS_BETWEEN_TRIES)
    assert asked.value.__cause__ is fault


@pytest.mark.parametrize(
    "fault",
    [
        OSError(errno.ENOSPC, "disk full"),
        PermissionError(errno.EACCES, "not yours"),
        FileNotFoundError(errno.ENOENT, "not there"),
        OSError("without a number"),
        ValueError("the data are wrong"),
        dg.Failure("not published", allow_retries=False),
    ],
    ids=repr,
)
def test_what_will_not_pass_by_itself_is_not_tried_again(fault):
    with pytest.raises(type(fault)) as raised, retrying_transient_failures():
        raise fault
    assert raised.value is fault
