"""no_values.py: no value and no secret is in anything that is pushed or waits to be, whatever the dialect and wherever it stood."""

import os

from harness import check, test
from pushed import parent, pushed, whole

NEEDS = ("sql", "doc", "kv", "ops")
MARK = "zq7marker"
DOC = {"dataSource": "mongodb-atlas", "database": "shop", "collection": "reviews"}


def everything(world):
    """One request of each kind, a mark wherever a value may stand. Gives their traces."""
    ask, traces = world.http.request, []

    def do(*words, **more):
        given, trace, _ = parent()
        traces.append(trace)
        given = {**given, "Authorization": "Bearer %s-token" % MARK, "Cookie": "session=%s" % MARK, "X-Secret": MARK}
        return ask(*words, headers={**given, **more.pop("headers", {})}, **more)

    do("GET", "/sql/product?name=eq.%s&_token=%s" % (MARK, MARK))
    do("GET", "/sql/product?name=in.(%s,b)&select=id&order=id.desc" % MARK)
    do("POST", "/sql/product", json={"name": MARK + " walnut", "price": 1.5})
    do("GET", "/sql/%s" % MARK)                                     # a table that is not there
    do("POST", "/sql/product", json={"id": 1, "name": MARK})         # a duplicate key, whose error quotes
    do("POST", "/sql/product", json={"name": MARK, "price": MARK})   # a value that does not fit
    do("POST", "/doc/action/findOne", json={**DOC, "filter": {"title": MARK}})
    do("POST", "/doc/action/find", json={**DOC, "filter": {"$or": [{"stars": 1}, {"title": {"$regex": MARK}}]}})
    do("POST", "/doc/action/insertOne", json={**DOC, "document": {"_id": MARK, "text": MARK}})
    do("POST", "/doc/action/insertOne", json={**DOC, "document": {"_id": MARK, "text": MARK}})
    do("GET", "/kv/set/%s-key/%s-value" % (MARK, MARK))
    do("GET", "/kv/%s/%s" % (MARK, MARK))                            # no command of Redis'
    do("POST", "/kv", json=["EVAL", "return redis.error_reply('%s')" % MARK, "0"])
    do("POST", "/kv/pipeline", json=[["SET", MARK, MARK], ["GET", MARK], [MARK, "x"]])
    return traces


@test("marks that stood in paths, queries, headers, bodies and errors are nowhere")
def marks(stage):
    # Everything counts as slow, so that the longest lines are written.
    env = {"TRIVET_LOG_SLOW": "1ms", "OTEL_EXPORTER_OTLP_HEADERS": "authorization=" + MARK}
    with pushed(stage, ("sql", "doc", "kv"), env) as world:
        traces = everything(world)
        for trace in traces:
            whole(world, trace)
        for trace in traces:
            check(len([span for span in world.receiver.trace(trace) if span["kind"] == 2]) == 1, "each has arrived")
        sent = b"".join(world.receiver.raw)
        check(len(sent) > 5000, "much was sent", len(sent))
        check(MARK.encode() not in sent, "no mark was sent", [one for one in world.receiver.spans if MARK in repr(one)][:2])
        watch = os.path.join(world.directory, "run", "watch")
        files = [name for name in os.listdir(watch) if name.endswith(".spans")]
        check(len(files) >= 3, "the rings are there", files)
        for name in files:
            with open(os.path.join(watch, name), "rb") as file:
                check(MARK.encode() not in file.read(), "nor does one wait in " + name)
        check(MARK not in world.pusher.text(), "nor stand in the log of trivet-push", world.pusher.text()[-500:])
        statements = [span["attributes"].get("db.query.text", "") for span in world.receiver.spans]
        check(any("product" in text for text in statements), "statements are there all the same", statements[:5])
