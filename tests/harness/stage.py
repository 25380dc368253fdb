"""stage.py: stores that stay, and worlds that come and go on them: for tests that stop, starve and kill what they look at."""

import contextlib

from .world import World


class Stage:
    """The fixture of such a suite. world(...) as a block gives a Trivet with its own settings and sees it stop in order."""

    def __init__(self, suite, scratch, stores):
        self.built = suite.options.pools.split(",")
        self.scratch, self.stores = scratch, stores
        self._count = 0
        self._open = []

    @contextlib.contextmanager
    def world(self, pools, env=None, **more):
        """pools: those that are wanted beside ops; the ones that are not built are left out."""
        self._count += 1
        chosen = [pool for pool in (*pools, "ops") if pool in self.built]
        with World(self.scratch, "w%d" % self._count, self.stores, chosen, env, **more) as world:
            self._open.append(world)
            try:
                yield world
                problems = world.stop()
                if problems:
                    raise AssertionError("\n".join(problems))
            except BaseException as error:
                # What the logs say is more than what the test saw.
                for problem in world.problems():
                    error.add_note(problem)
                raise
            finally:
                self._open.remove(world)

    def problems(self):
        return [problem for world in self._open for problem in world.problems()]

    def stop(self):
        return self.problems()
