"""A spawner as a platform has it: settings, hooks, a form and an environment of its own, like SWAN's."""

import errno
import os

from jupyterhub.spawner import SimpleLocalProcessSpawner
from jupyterhub.utils import maybe_future
from traitlets import Callable, Integer, Unicode


def called(name, spawner):
    with open(os.environ["TEST_CALLS"], "a") as file:
        print(name, spawner.user.name, file=file)


class PlatformSpawner(SimpleLocalProcessSpawner):
    """Needs what the platform's authenticator has set, and does some things of its own at every step."""

    lcg_view_path = Unicode("/cvmfs", config=True)
    local_home = Unicode("", config=True)
    extended_timeout = Integer(120, config=True)
    modify_pod_hook = Callable(None, allow_none=True, config=True)
    user_uid = None

    def get_env(self):
        called("get_env", self)
        env = super().get_env()
        if not self.user_uid:
            raise ValueError("the hook of the authenticator was not called")
        env |= {"ROOT_LCG_VIEW_PATH": self.lcg_view_path, "USER_ID": str(self.user_uid)}
        return env

    def options_from_form(self, form):
        return {"cores": int(form["cores"][0]), "memory": form["memory"][0] + "G"}

    async def start(self):
        called("start", self)
        if self.user.name == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        started = await maybe_future(super().start())
        pod = await maybe_future(self.modify_pod_hook(self, {}))
        assert pod == {"theirs": True}
        return started

    async def stop(self, now=False):
        called("stop", self)
        # As theirs does: without the argument.
        await super().stop()

    async def poll(self):
        called("poll", self)
        return await super().poll()
