"""A server ends when it is told to."""

import subprocess
import sys

PROGRAM = """
import asyncio
from anyio import to_thread
from jupyter_mesh.server.ending import end_workers_with_main

async def forever():
    await to_thread.run_sync(int)
    loop.call_soon(loop.stop)
    await asyncio.Event().wait()

end_workers_with_main()
end_workers_with_main()
loop = asyncio.new_event_loop()
task = loop.create_task(forever())
loop.run_forever()
print("done", flush=True)
"""


def test_a_thread_that_works_with_files_does_not_keep_the_server():
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"done\n"
        assert process.wait(20) == 0
