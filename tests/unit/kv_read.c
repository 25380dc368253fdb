/*
 * kv_read.c - tests of requests on their way in: path style, JSON bodies, argument types, what is not understood.
 */
#include "../../fcgi-app/kv/kv.h"

#include "tap.h"

static struct tv_arena arena;

/* The words as "a|b|c". */
static const char *joined(const struct kv_command *command)
{
    static char text[512];
    size_t used = 0;
    for (size_t i = 0; i < command->count && used < sizeof text - 1; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s", i ? "|" : "",
                                 (int)command->words[i].length, command->words[i].data);
    return text;
}

static struct tv_request request_of(enum tv_method method, const char *path, const char *query,
                                    const char *body)
{
    tv_arena_reset(&arena);
    return (struct tv_request){.method = method,
                               .path = tv_slice_of(path),
                               .query = tv_slice_of(query),
                               .body = tv_slice_of(body),
                               .arena = &arena};
}

static void path_is(enum tv_method method, const char *path, const char *query, const char *body,
                    const char *want)
{
    struct tv_error error = {0};
    struct kv_command command;
    struct tv_request request = request_of(method, path, query, body);
    if (ok(kv_read_path(&request, &command, &error), "%s?%s is read", path, query))
        is_text(joined(&command), want, "  into its words");
}

static void path_fails(const char *path, const char *query)
{
    struct tv_error error = {0};
    struct kv_command command;
    struct tv_request request = request_of(TV_METHOD_GET, path, query, "");
    ok(!kv_read_path(&request, &command, &error) && error.status == 400, "%s?%s is refused with %d", path,
       query, error.status);
}

static void body_is(const char *body, const char *want)
{
    struct tv_error error = {0};
    struct kv_command command;
    struct tv_request request = request_of(TV_METHOD_POST, "/", "", body);
    if (ok(kv_read_command(&request, &command, &error), "%s is read", body))
        is_text(joined(&command), want, "  into its words");
}

static void body_fails(const char *body, const char *message)
{
    struct tv_error error = {0};
    struct kv_command command;
    struct tv_request request = request_of(TV_METHOD_POST, "/", "", body);
    ok(!kv_read_command(&request, &command, &error) && error.status == 400, "%s is refused with %d", body,
       error.status);
    is_text(error.message, message, "  in the vendor's words");
}

static void body_refuses(const char *body, const char *message)
{
    struct tv_error error = {0};
    struct kv_command command;
    struct tv_request request = request_of(TV_METHOD_POST, "/", "", body);
    if (ok(kv_read_command(&request, &command, &error), "%s is read", body))
        is_text(command.refusal, message, "  but answered with an error");
}

/* The script's text after it was made one that Redis takes. */
static void script_is(const char *name, const char *script, const char *want)
{
    struct tv_error error = {0};
    struct tv_slice words[] = {tv_slice_of(name), tv_slice_of(script), tv_slice_of("0")};
    struct kv_command command = {.words = words, .count = 3};
    tv_arena_reset(&arena);
    if (ok(kv_adapt_script(&arena, &command, &error), "%s %s", name, script))
        is_slice(command.words[1].data, command.words[1].length, want, "  becomes what Redis takes");
}

static void scripts(void)
{
    script_is("EVAL", "#!lua flags=allow-key-locking\nreturn 1", "#!lua flags=\nreturn 1");
    script_is("eval_ro", "#!lua flags=no-writes,allow-key-locking\nreturn 1",
              "#!lua flags=no-writes\nreturn 1");
    script_is("EVAL", "#!lua flags=allow-key-locking,no-writes\nreturn 1", "#!lua flags=no-writes\nreturn 1");
    script_is("EVAL", "#!lua flags=a,allow-key-locking,b name=c\n", "#!lua flags=a,b name=c\n");
    script_is("EVAL", "#!lua flags=allow-key-locking", "#!lua flags=");
    script_is("EVAL", "#!lua flags=allow-key-locking-not\n", "#!lua flags=allow-key-locking-not\n");
    script_is("EVAL", "#!lua name=xallow-key-locking\n", "#!lua name=xallow-key-locking\n");
    script_is("EVAL", "return 1 -- flags=allow-key-locking", "return 1 -- flags=allow-key-locking");
    script_is("EVAL", "#!lua\n--=allow-key-locking", "#!lua\n--=allow-key-locking");
    script_is("EVAL", "", "");
    script_is("SET", "#!lua flags=allow-key-locking\n", "#!lua flags=allow-key-locking\n");
}

static void pipelines(void)
{
    struct tv_error error = {0};
    struct kv_asked asked = {.count = 0};
    struct tv_request request = request_of(TV_METHOD_POST, "/pipeline", "",
                                           "[[\"SET\",\"a\",1], [], [\"GET\",\"a\"], [\"GET\",null]]");
    if (ok(kv_read_commands(&request, 10, &asked, &error), "a pipeline is read") &&
        is_number(asked.count, 4, "  with all its commands")) {
        is_text(joined(&asked.commands[0]), "SET|a|1", "  the first");
        is_text(asked.commands[1].refusal, "ERR empty pipeline command", "  an empty one");
        is_text(joined(&asked.commands[2]), "GET|a", "  the third");
        ok(asked.commands[3].refusal != NULL, "  one with null");
    }
    request = request_of(TV_METHOD_POST, "/pipeline", "", "[]");
    ok(!kv_read_commands(&request, 10, &asked, &error), "an empty pipeline is refused");
    is_text(error.message, "ERR empty pipeline request", "  in the vendor's words");
    request = request_of(TV_METHOD_POST, "/pipeline", "", "[\"GET\",\"k\"]");
    ok(!kv_read_commands(&request, 10, &asked, &error), "a command in a pipeline's place is refused");
    is_text(error.message, "ERR failed to parse pipeline request", "  in the vendor's words");
    request = request_of(TV_METHOD_POST, "/pipeline", "", "[[\"A\"],[\"B\"],[\"C\"]]");
    ok(kv_read_commands(&request, 3, &asked, &error), "as many commands as allowed");
    ok(!kv_read_commands(&request, 2, &asked, &error) && error.status == 413, "one more is refused with %d",
       error.status);
}

int main(void)
{
    tv_arena_init(&arena, 1 << 20);

    path_is(TV_METHOD_GET, "/get/k", "", "", "get|k");
    path_is(TV_METHOD_GET, "/PING", "", "", "PING");
    path_is(TV_METHOD_GET, "/set/sp%20ace/a%2Fb%3Fc%23d", "", "", "set|sp ace|a/b?c#d");
    path_is(TV_METHOD_GET, "/set/a+b/c", "", "", "set|a+b|c");
    path_is(TV_METHOD_GET, "/set/emp//", "", "", "set|emp||");
    path_is(TV_METHOD_GET, "//x", "", "", "|x");
    path_is(TV_METHOD_POST, "/set/foo", "EX=100", "bar", "set|foo|bar|EX|100");
    path_is(TV_METHOD_PUT, "/set/foo", "NX&EX=100", "{\"a\": 1}", "set|foo|{\"a\": 1}|NX|EX|100");
    path_is(TV_METHOD_POST, "/set/foo", "EX=", "bar", "set|foo|bar|EX|");
    path_is(TV_METHOD_POST, "/get/foo", "", "", "get|foo");
    path_is(TV_METHOD_GET, "/get/foo", "_token=secret", "", "get|foo");
    path_is(TV_METHOD_GET, "/set/foo/bar", "EX=1&_token=secret&NX", "", "set|foo|bar|EX|1|NX");
    path_is(TV_METHOD_GET, "/get/foo", "", "ignored", "get|foo");
    path_fails("/get/%", "");
    path_fails("/get/%4", "");
    path_fails("/get/%zz", "");
    path_fails("/get/a%00b", "");
    path_fails("/get/%C0%AF", "");
    path_fails("/get/%FF", "");
    path_fails("/get/k", "EX=%");

    body_is("[\"SET\",\"k\",\"v\"]", "SET|k|v");
    body_is(" [ \"set\" , \"k\" , \"v\" , \"ex\" , 100 ] ", "set|k|v|ex|100");
    body_is("[\"SET\",\"n\",9007199254740993]", "SET|n|9007199254740993");
    body_is("[\"SET\",\"n\",123456789012345678901234567890]", "SET|n|123456789012345678901234567890");
    body_is("[\"SET\",\"n\",1.50]", "SET|n|1.50");
    body_is("[\"SET\",\"n\",-1E+21]", "SET|n|-1E+21");
    body_is("[\"SET\",\"b\",true,false]", "SET|b|true|false");
    body_is("[\"SET\",\"o\",{\"a\" : [ 1, \"x y\\\" z\" ] }]", "SET|o|{\"a\":[1,\"x y\\\" z\"]}");
    body_is("[\"SET\",\"o\",[ ]]", "SET|o|[]");
    body_is("[1,2]", "1|2");
    body_fails("", "ERR failed to parse command");
    body_fails("{\"a\":1}", "ERR failed to parse command");
    body_fails("[\"GET\",", "ERR failed to parse command");
    body_fails("[\"GET\"] x", "ERR failed to parse command");
    body_fails("\"GET\"", "ERR failed to parse command");
    body_fails("null", "ERR failed to parse command");
    body_fails("[\"\xff\"]", "ERR failed to parse command");
    body_fails("[\"\xc0\xaf\"]", "ERR failed to parse command");
    body_refuses("[]", "ERR empty command");
    body_refuses("[\"GET\",null]", "ERR null cannot be an argument");

    struct tv_error error = {0};
    struct kv_command command;
    struct tv_request request = request_of(TV_METHOD_POST, "/", "", "[\"SET\",\"nul\",\"a\\u0000b\"]");
    if (ok(kv_read_command(&request, &command, &error), "a NUL byte in a string is read"))
        is_bytes(command.words[2].data, command.words[2].length, "a\0b", 3, "  and kept");

    char deep[512] = "[\"SET\",\"d\",";
    memset(deep + strlen(deep), '[', 100);
    request = request_of(TV_METHOD_POST, "/", "", deep);
    ok(!kv_read_command(&request, &command, &error), "nesting without end is refused");
    ok(strstr(error.details, "column"), "  and says where: %s", error.details);

    pipelines();
    scripts();
    tv_arena_free(&arena);
    return done_testing();
}
