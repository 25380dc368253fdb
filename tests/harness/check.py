"""check.py: saying what is expected. A check that does not hold raises AssertionError with what was seen."""

ANYTHING = object()


def check(good, what, seen=None):
    if not good:
        raise AssertionError(what if seen is None else "%s; seen: %.1500r" % (what, seen))


def equal(got, want, what="the value"):
    if got != want:
        raise AssertionError("%s is %.1500r, expected %.1500r" % (what, got, want))


def expect(answer, status, json=ANYTHING, type=None, headers=None):
    """The answer's status, and what else is given: its body as JSON, its type (without parameters), headers by name (None:
    absent). Gives the answer."""
    if answer.status != status:
        raise AssertionError("%s: status %d, expected %d; body: %.1500r"
                             % (answer.asked, answer.status, status, answer.body))
    if json is not ANYTHING:
        equal(answer.json(), json, answer.asked + ": the body")
    if type is not None:
        equal((answer.header("content-type") or "").partition(";")[0].strip(), type, answer.asked + ": the type")
    for name, value in (headers or {}).items():
        equal(answer.header(name), value, "%s: the header %s" % (answer.asked, name))
    return answer
