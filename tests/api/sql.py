"""sql.py: MySQL and MariaDB over HTTP, in PostgREST's dialect."""

from harness import check, equal, expect, test

NEEDS = ("sql",)


def rows(world, query, status=200, path="/sql/product", **headers):
    answer = expect(world.http.get(path + ("?" + query if query else ""), headers), status, type="application/json")
    return answer.json()


@test("one row by a filter, with every type as it should be")
def one_row(world):
    row = rows(world, "id=eq.1")
    equal(len(row), 1, "the number of rows")
    row = row[0]
    equal(list(row), "id category_id name price stock active description attributes created_at".split(), "the columns")
    equal((row["id"], row["name"], row["price"], row["active"]), (1, "Oak Trivet", 4.90, True), "values")
    equal(row["attributes"], {"weight_g": 150, "colour": "black"}, "JSON is JSON, not text")
    check(row["created_at"].startswith("2025-01-06T09:00:00"), "a time", row["created_at"])


@test("the alias /rest/v1 is the same")
def alias(world):
    equal(rows(world, "id=eq.7", path="/rest/v1/product"), rows(world, "id=eq.7"), "the rows")


@test("select, order, limit and offset")
def select(world):
    equal(rows(world, "select=id,name&order=id&limit=3&offset=20"),
          [{"id": 21, "name": "Birch Spade"}, {"id": 22, "name": "Birch Rake"}, {"id": 23, "name": "Birch Pot"}], "the rows")
    equal([row["id"] for row in rows(world, "select=id&order=id.desc&limit=2")], [120, 119], "descending")
    equal(rows(world, "select=id&limit=0"), [], "no rows")
    equal(rows(world, "select=number:id&id=eq.5"), [{"number": 5}], "an alias")


@test("filters compare as they say")
def filters(world):
    for query, wanted in (("id=gt.117", [118, 119, 120]), ("id=gte.119", [119, 120]), ("id=lt.3", [1, 2]), ("id=lte.2", [1, 2]),
                          ("id=in.(3,1,999)", [1, 3]), ("id=neq.1&id=lt.4", [2, 3]), ("id=not.gt.2", [1, 2]),
                          ("description=is.null&id=lt.10", [4, 9]), ("name=eq.Oak%20Trivet", [1]), ("name=like.Oak*vet", [1]),
                          ("or=(id.eq.1,id.eq.120)", [1, 120])):
        equal([row["id"] for row in rows(world, "select=id&order=id&" + query)], wanted, query)


@test("text that is not ASCII comes out as UTF-8")
def utf8(world):
    equal(rows(world, "select=name&id=eq.97"), [{"name": "Caf\u00e9 Trivet"}], "the name")
    check(rows(world, "select=id&name=like.Caf%C3%A9*"), "a filter of that name")


@test("no row is an empty array")
def nothing(world):
    equal(rows(world, "id=eq.0"), [], "the rows")


@test("POST inserts a row, 201, and it can be read")
def insert(world):
    made = expect(world.http.post("/sql/category", json={"name": "made by a test"}), 201)
    equal(made.body, b"", "the body")
    try:
        found = rows(world, "select=name,parent_id&name=eq.made%20by%20a%20test", path="/sql/category")
        equal(found, [{"name": "made by a test", "parent_id": None}], "the row")
    finally:
        world.stores["mysql"].sql("DELETE FROM category WHERE name = 'made by a test'")


@test("POST gives the row back when it is asked to")
def insert_representation(world):
    answer = world.http.post("/sql/category", json={"name": "made and shown"}, headers={"Prefer": "return=representation"})
    try:
        row = expect(answer, 201, type="application/json").json()
        equal(row[0]["name"], "made and shown", "the row")
        check(row[0]["id"] > 8, "its number", row)
    finally:
        world.stores["mysql"].sql("DELETE FROM category WHERE name = 'made and shown'")


@test("several rows at once, all or none")
def insert_many(world):
    try:
        expect(world.http.post("/sql/category", json=[{"name": "many 1"}, {"name": "many 2"}]), 201)
        equal(len(rows(world, "name=like.many*", path="/sql/category")), 2, "the rows")
        expect(world.http.post("/sql/category", json=[{"name": "many 3"}, {"name": "many 1"}]), 409)
        equal(len(rows(world, "name=like.many*", path="/sql/category")), 2, "the rows")
    finally:
        world.stores["mysql"].sql("DELETE FROM category WHERE name LIKE 'many%'")


@test("errors of the store have its codes")
def store_errors(world):
    for body, status, code in (({"name": "Home"}, 409, "23505"), ({"name": None}, 400, "23502"),
                               ({"name": "x" * 61}, 400, "22001"), ({"name": "orphan", "parent_id": 999}, 409, "23503")):
        answer = expect(world.http.post("/sql/category", json=body), status, type="application/json").json()
        equal(set(answer), {"code", "message", "details", "hint"}, "the keys of the body")
        equal(answer["code"], code, "the code")
    for query in ("id=gt", "id=nosuch.1", "id=eq", "or=(", "select=id,,", "order=id.sideways"):
        equal(expect(world.http.get("/sql/product?" + query), 400).json()["code"], "PGRST100", query)


@test("Content-Range and count")
def count(world):
    answer = expect(world.http.get("/sql/product?select=id&order=id&limit=10&offset=20"), 200)
    equal(answer.header("Content-Range"), "20-29/*", "Content-Range")
    answer = expect(world.http.get("/sql/product?select=id&order=id&limit=10", {"Prefer": "count=exact"}), 206)
    equal(answer.header("Content-Range"), "0-9/120", "Content-Range")


@test("HEAD is GET without a body")
def head(world):
    answer = expect(world.http.request("HEAD", "/sql/product?id=eq.1"), 200, type="application/json")
    equal(answer.body, b"", "the body")


@test("a list of ten thousand numbers passes in the URL")
def long_list(world):
    numbers = ",".join(str(number) for number in range(1, 12000))[:60000].rpartition(",")[0]
    equal(len(rows(world, "select=id&id=in.(%s)" % numbers)), 120, "the rows")
