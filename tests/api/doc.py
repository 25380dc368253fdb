"""doc.py: MongoDB over HTTP, in the Atlas Data API's dialect."""

import re

from harness import check, equal, expect, test

NEEDS = ("doc",)

REVIEWS = {"dataSource": "mongodb-atlas", "database": "shop", "collection": "reviews"}
SCRATCH = {"dataSource": "mongodb-atlas", "database": "shop", "collection": "doc_scratch"}
OID = re.compile(r"[0-9a-f]{24}")


def act(world, action, where, headers=None, **fields):
    return world.http.post("/doc/action/" + action, json={**where, **fields}, headers=headers)


@test("findOne gives one document, or null")
def find_one(world):
    answer = expect(act(world, "findOne", REVIEWS, filter={"_id": "review-001"}), 200, type="application/json").json()
    equal(set(answer), {"document"}, "the keys of the body")
    equal(answer["document"]["author"], "Bruno", "the author")
    equal(answer["document"]["at"], "2025-06-01T09:30:00.000Z", "the date")
    expect(act(world, "findOne", REVIEWS, filter={"_id": "no such"}), 200, {"document": None})


@test("find takes filter, sort, skip, limit and projection")
def find(world):
    answer = act(world, "find", REVIEWS, filter={"stars": {"$gte": 4}}, sort={"_id": 1}, skip=1, limit=3, projection={"stars": 1})
    documents = expect(answer, 200, type="application/json").json()["documents"]
    equal(len(documents), 3, "the number of documents")
    for document in documents:
        equal(set(document), {"_id", "stars"}, "the fields")
        check(document["stars"] >= 4, "the filter", document)
    equal([one["_id"] for one in documents], sorted(one["_id"] for one in documents), "the order")
    equal(len(expect(act(world, "find", REVIEWS), 200).json()["documents"]), 150, "all documents")
    expect(act(world, "find", REVIEWS, filter={"_id": "no such"}), 200, {"documents": []})


@test("the vendor's path is an alias")
def alias(world):
    for path in ("/app/data-abcde/endpoint/data/v1/action/findOne", "/app/x/endpoint/data/beta/action/findOne"):
        answer = world.http.post(path, json={**REVIEWS, "filter": {"_id": "review-002"}})
        equal(expect(answer, 200).json()["document"]["_id"], "review-002", "the document")


@test("insertOne answers 201 with the id and the document is there")
def insert(world):
    made = act(world, "insertOne", SCRATCH, document={"name": "Kettle \u20ac", "n": 1})
    number = expect(made, 201, type="application/json").json()
    equal(set(number), {"insertedId"}, "the keys of the body")
    check(OID.fullmatch(number["insertedId"]), "an id", number)
    found = act(world, "findOne", SCRATCH, filter={"_id": {"$oid": number["insertedId"]}})
    expect(found, 200, {"document": {"_id": number["insertedId"], "name": "Kettle \u20ac", "n": 1}})
    expect(act(world, "insertOne", SCRATCH, document={"_id": "mine:%s" % number["insertedId"], "n": 2}), 201)


@test("a duplicate key is the dialect's 400")
def duplicate(world):
    act(world, "insertOne", SCRATCH, document={"_id": "twice"})
    answer = expect(act(world, "insertOne", SCRATCH, document={"_id": "twice"}), 400, type="application/json").json()
    equal(answer["error_code"], "MongoDBError", "the code")
    check("insertedId" not in answer, "no result beside an error", answer)


VALUES = {"text": {"$numberLong": "5"}, "big": {"$numberLong": "9007199254740993"}, "double": {"$numberDouble": "1.5"},
          "date": {"$date": {"$numberLong": "1641954803067"}}, "oid": {"$oid": "0123456789abcdef01234567"},
          "binary": {"$binary": {"base64": "AAEC", "subType": "05"}}, "decimal": {"$numberDecimal": "9823.1297"},
          "list": [{"$numberInt": "1"}, None, True], "inner": {"a": {"b": "c"}}}


@test("EJSON goes in and comes out with every type kept")
def ejson(world):
    headers = {"Content-Type": "application/ejson", "Accept": "application/ejson"}
    act(world, "insertOne", SCRATCH, headers, document={"_id": "types", **VALUES})
    answer = act(world, "findOne", SCRATCH, headers, filter={"_id": "types"}, projection={"_id": 0})
    expect(answer, 200, {"document": VALUES}, "application/ejson")
    plain = expect(act(world, "findOne", SCRATCH, filter={"_id": "types"}), 200, type="application/json").json()["document"]
    equal(plain["date"], "2022-01-12T02:33:23.067Z", "the date in plain JSON")
    equal(plain["big"], 9007199254740993, "a large number in plain JSON")
    equal((plain["oid"], plain["decimal"]), ("0123456789abcdef01234567", "9823.1297"), "an id and a decimal in plain JSON")


@test("thousands of documents come in one answer")
def many(world):
    where = {**SCRATCH, "collection": "doc_many"}
    with world.http.kept() as kept:
        for number in range(1200):
            kept.post("/doc/action/insertOne", json={**where, "document": {"_id": number, "text": "x" * 1000}})
    equal(len(expect(act(world, "find", where), 200).json()["documents"]), 1000, "the default limit")
    documents = expect(act(world, "find", where, limit=5000, sort={"_id": 1}), 200).json()["documents"]
    equal([one["_id"] for one in documents], list(range(1200)), "all of them")


@test("a regular expression and a nested field filter as in MongoDB")
def operators(world):
    answer = act(world, "find", REVIEWS, filter={"author": {"$regex": "^A"}, "helpful.no": {"$lt": 2}}, limit=5)
    documents = expect(answer, 200).json()["documents"]
    check(documents and all(one["author"] == "Ada" and one["helpful"]["no"] < 2 for one in documents), "the filter", documents)


@test("an error of MongoDB is the dialect's 400")
def store_error(world):
    answer = expect(act(world, "find", REVIEWS, filter={"a": {"$nosuchoperator": 1}}), 400, type="application/json").json()
    equal(set(answer), {"error", "error_code", "link"}, "the keys of the body")
