"""tap.py: counts what the suite's parts find out, and says it."""

import traceback


class Tap:
    passed = failed = skipped = 0

    @classmethod
    def ok(cls, good, what, more=""):
        cls.passed, cls.failed = cls.passed + bool(good), cls.failed + (not good)
        print("%sok %d - %s" % ("" if good else "not ", cls.passed + cls.failed + cls.skipped, what), flush=True)
        if not good:
            for line in str(more).splitlines()[-40:]:
                print("# " + line)
        return bool(good)

    @classmethod
    def same(cls, found, wanted, what):
        return cls.ok(found == wanted, what, "found:  %r\nwanted: %r" % (found, wanted))

    @classmethod
    def skip(cls, what, why):
        cls.skipped += 1
        print("ok %d - %s # SKIP %s" % (cls.passed + cls.failed + cls.skipped, what, why), flush=True)

    @classmethod
    def part(cls, name, check):
        print("# part: " + name, flush=True)
        try:
            check()
        except Exception:
            cls.ok(False, "part %s runs to its end" % name, traceback.format_exc())

    @classmethod
    def close(cls):
        print("1..%d" % (cls.passed + cls.failed + cls.skipped))
        print("%d passed, %d failed%s" % (cls.passed, cls.failed, ", %d skipped" % cls.skipped if cls.skipped else ""))
        return 1 if cls.failed else 0
