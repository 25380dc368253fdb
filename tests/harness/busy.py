"""busy.py: keeps Redis, and the worker of /kv that asks it, busy for a while."""

# The wall clock stands still for scripts of newer servers, which have the CPU's clock instead; older ones lack that.
SCRIPT = ("local known, clock = pcall(function() return os.clock end) "
          "if not known then clock = function() local t = redis.call('TIME') return t[1] + t[2] / 1000000 end end "
          "local finish = clock() + %g while clock() < finish do end return '%s'")


def busy(seconds, result="done"):
    """The command: a script that runs so long in Redis and gives `result`, as blocking commands are refused. What the caller adds
    to it are arguments of the script."""
    return ["EVAL", SCRIPT % (seconds, result), "0"]
