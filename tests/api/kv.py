"""kv.py: Redis over HTTP, as Upstash's REST interface speaks it."""

import base64
import urllib.parse

from harness import check, equal, expect, test

NEEDS = ("kv",)


def command(world, *words, **more):
    return world.http.post("/kv", json=list(words), **more)


@test("a key that was set as JSON can be read by path")
def set_and_get(world):
    expect(command(world, "SET", "kv:k", "v"), 200, {"result": "OK"}, "application/json")
    expect(world.http.get("/kv/get/kv:k"), 200, {"result": "v"}, "application/json")


@test("a key that is not there is null")
def absent(world):
    expect(world.http.get("/kv/get/kv:absent"), 200, {"result": None})


@test("values by path, body and query")
def by_path(world):
    expect(world.http.get("/kv/set/kv:path/one"), 200, {"result": "OK"})
    expect(world.http.post("/kv/set/kv:path?EX=100", body=b"two"), 200, {"result": "OK"})
    expect(world.http.get("/kv/get/kv:path"), 200, {"result": "two"})
    left = expect(world.http.get("/kv/ttl/kv:path"), 200).json()["result"]
    check(90 < left <= 100, "the time to live", left)
    expect(world.http.request("PUT", "/kv/set/kv:path?NX", body=b"three"), 200, {"result": None})
    expect(world.http.get("/kv/get/kv:path"), 200, {"result": "two"})


@test("a path's segments are split before they are decoded")
def encoded_slash(world):
    expect(world.http.get("/kv/set/kv%3Aa%2Fb/c%20d%2Fe"), 200, {"result": "OK"})
    expect(command(world, "GET", "kv:a/b"), 200, {"result": "c d/e"})
    expect(world.http.get("/kv/echo/"), 200, {"result": ""})
    expect(world.http.get("/kv/echo/a+b"), 200, {"result": "a+b"})


@test("bytes of every kind pass in and out")
def bytes_pass(world):
    text = "\u0000\u0001\u001f\"\\/\u007f\u0080\u20ac\U0001f600\u2028"
    expect(command(world, "SET", "kv:text", text), 200)
    expect(command(world, "GET", "kv:text"), 200, {"result": text})
    raw = bytes(range(256))
    expect(world.http.post("/kv/set/kv:raw", body=raw), 200, {"result": "OK"})
    expect(command(world, "STRLEN", "kv:raw"), 200, {"result": 256})
    answer = expect(command(world, "GET", "kv:raw", headers={"Upstash-Encoding": "base64"}), 200).json()
    equal(base64.b64decode(answer["result"]), raw, "the bytes")
    # Without it what is no UTF-8 becomes U+FFFD, and the JSON stays valid.
    plain = expect(command(world, "GET", "kv:raw"), 200).json()["result"]
    check(plain.startswith(raw[:128].decode()) and set(plain[128:]) == {"\ufffd"}, "replaced", plain[120:])
    text = text.replace("\u0000", "")
    expect(world.http.get("/kv/echo/" + urllib.parse.quote(text, safe="")), 200, {"result": text})


@test("types: integers, lists, nested lists, null, status")
def types(world):
    command(world, "DEL", "kv:list", "kv:hash", "kv:n")
    expect(command(world, "RPUSH", "kv:list", "a", "b", "c"), 200, {"result": 3})
    expect(command(world, "LRANGE", "kv:list", 0, -1), 200, {"result": ["a", "b", "c"]})
    expect(command(world, "HSET", "kv:hash", "f", 1.5), 200, {"result": 1})
    expect(command(world, "HGETALL", "kv:hash"), 200, {"result": ["f", "1.5"]})
    expect(command(world, "HMGET", "kv:hash", "f", "g"), 200, {"result": ["1.5", None]})
    expect(command(world, "INCR", "kv:n"), 200, {"result": 1})
    expect(command(world, "EVAL", "return {1,{2,{'x'}}}", 0), 200, {"result": [1, [2, ["x"]]]})
    expect(command(world, "PING"), 200, {"result": "PONG"})


@test("large and long numbers keep every digit")
def numbers(world):
    for text in (b"12345678901234567890123", b"1.50", b"1e21", b"-0", b"9007199254740993"):
        expect(world.http.post("/kv", body=b'["ECHO",%s]' % text), 200, {"result": text.decode()})


@test("an error of Redis is 400 and Redis' own words")
def redis_error(world):
    command(world, "SET", "kv:string", "x")
    answer = expect(command(world, "LPUSH", "kv:string", "y"), 400, type="application/json")
    check(answer.json()["error"].startswith("WRONGTYPE "), "the message", answer)
    equal(set(answer.json()), {"error"}, "the keys of the body")
    answer = expect(world.http.get("/kv/get"), 400)
    equal(answer.json(), {"error": "ERR wrong number of arguments for 'get' command"}, "the body")


@test("a pipeline answers each command, in order, errors too")
def pipeline(world):
    commands = [["SET", "kv:p", "1"], ["INCR", "kv:p"], ["LPUSH", "kv:p", "x"], ["NOSUCH"], ["GET", "kv:p"]]
    answer = expect(world.http.post("/kv/pipeline", json=commands), 200).json()
    equal(len(answer), 5, "the answers")
    equal(answer[0], {"result": "OK"}, "SET")
    equal(answer[1], {"result": 2}, "INCR")
    check(answer[2]["error"].startswith("WRONGTYPE"), "LPUSH", answer[2])
    check(answer[3]["error"].startswith("ERR unknown command"), "NOSUCH", answer[3])
    equal(answer[4], {"result": "2"}, "GET")


@test("a pipeline of a thousand commands")
def long_pipeline(world):
    commands = [["SET", "kv:many:%d" % n, "x" * 1000] for n in range(500)] + [["GET", "kv:many:%d" % n] for n in range(500)]
    answer = expect(world.http.post("/kv/pipeline", json=commands), 200).json()
    equal(answer, [{"result": "OK"}] * 500 + [{"result": "x" * 1000}] * 500, "the answers")


@test("a transaction is answered as a whole or not at all")
def transaction(world):
    command(world, "DEL", "kv:t")
    answer = world.http.post("/kv/multi-exec", json=[["SET", "kv:t", "1"], ["INCR", "kv:t"]])
    expect(answer, 200, [{"result": "OK"}, {"result": 2}])
    answer = expect(world.http.post("/kv/multi-exec", json=[["SET", "kv:t", "9"], ["NOSUCH"]]), 400)
    check(answer.json()["error"].startswith("EXECABORT"), "the error", answer)
    expect(command(world, "GET", "kv:t"), 200, {"result": "2"})


@test("commands that would disturb others are refused and do not reach Redis")
def refused(world):
    for words in (["SUBSCRIBE", "x"], ["MULTI"], ["CLIENT", "REPLY", "OFF"], ["SELECT", "1"], ["MONITOR"],
                  ["BLPOP", "kv:none", "0"], ["CONFIG", "GET", "*"], ["SHUTDOWN"], ["DEBUG", "SLEEP", "0"],
                  ["XREAD", "BLOCK", "0", "STREAMS", "s", "$"]):
        answer = expect(command(world, *words), 400)
        check(answer.json()["error"].startswith("ERR Command is not available: '%s'" % words[0]), words[0], answer)
        expect(command(world, "ECHO", "still in step"), 200, {"result": "still in step"})


@test("a path's words do not become protocol")
def no_injection(world):
    command(world, "DEL", "kv:injected")
    nasty = urllib.parse.quote("x\r\nSET kv:injected 1\r\n*1\r\n$4\r\nPING\r\n", safe="")
    expect(world.http.get("/kv/echo/" + nasty), 200, {"result": urllib.parse.unquote(nasty)})
    expect(command(world, "ECHO", "x\r\nSET kv:injected 1\r\n"), 200)
    expect(command(world, "EXISTS", "kv:injected"), 200, {"result": 0})


@test("RESP2 is given raw when it is asked for")
def resp2(world):
    answer = command(world, "ECHO", "hi", headers={"Upstash-Response-Format": "resp2"})
    expect(answer, 200, type="application/octet-stream")
    equal(answer.body, b"$2\r\nhi\r\n", "the body")


@test("the sync token is another one after each request")
def sync_token(world):
    tokens = [command(world, "PING").header("Upstash-Sync-Token") for _ in range(20)]
    check(all(tokens), "a token each", tokens)
    equal(len(set(tokens)), 20, "different tokens")


@test("the sample's keys are there")
def sample(world):
    expect(world.http.get("/kv/get/shop:name"), 200, {"result": "The Trivet Shop"})
