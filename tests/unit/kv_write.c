/*
 * kv_write.c - tests of replies on their way out: JSON, base64, RESP2. The replies are parsed by hiredis from bytes.
 */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "../../fcgi-app/kv/kv.h"
#include "serve/response_send.h"

#include "tap.h"

static const struct tv_serve_settings limits = {.response = 16 << 20, .flow = 8 << 20};
static const _Atomic bool draining;

static redisReply *parse(const char *bytes, size_t length)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    if (redisReaderFeed(reader, bytes, length) != REDIS_OK || redisReaderGetReply(reader, &reply) != REDIS_OK)
        reply = NULL;
    redisReaderFree(reader);
    return reply;
}

static void check_bytes(const char *resp, size_t length, enum kv_format format, const char *want,
                        const char *name)
{
    struct tv_response response;
    tv_response_init(&response, &limits, &draining, NULL, NULL);
    tv_response_begin(&response, -1, 1, false, tv_clock_ms() + 60000);
    struct kv_out out = {.response = &response, .format = format};
    redisReply *reply = parse(resp, length);
    tv_json_start(&out.json, tv_response_body(&response));
    if (!ok(reply != NULL, "%s: the reply parses", name))
        return;
    if (format == KV_RESP2)
        kv_resp2_reply(&out, reply);
    else
        kv_json_reply(&out, reply);
    struct tv_slice body = tv_buffer_view(tv_response_body(&response));
    ok(!tv_buffer_failed(tv_response_body(&response)), "%s: nothing failed", name);
    ok(format == KV_RESP2 || tv_json_complete(&out.json), "%s: the JSON is complete", name);
    is_slice(body.data, body.length, want, name);
    freeReplyObject(reply);
    tv_response_free(&response);
}

static void check(const char *resp, enum kv_format format, const char *want, const char *name)
{
    check_bytes(resp, strlen(resp), format, want, name);
}

/* Every length around the chunk's end, against a decoder that is written another way. */
static void check_large_base64(size_t length)
{
    char *resp = malloc(length + 64), *want = malloc(length * 2 + 64);
    if (!ok(resp && want, "memory for %zu bytes", length))
        return;
    int head = sprintf(resp, "$%zu\r\n", length);
    for (size_t i = 0; i < length; i++)
        resp[(size_t)head + i] = (char)(i * 31 + i / 256);
    memcpy(resp + head + length, "\r\n", 2);

    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    int at = sprintf(want, "{\"result\":\"");
    unsigned bits = 0, have = 0;
    for (size_t i = 0; i < length; i++) {
        bits = bits << 8 | (unsigned char)resp[(size_t)head + i];
        for (have += 8; have >= 6; have -= 6)
            want[at++] = digits[bits >> (have - 6) & 63];
        bits &= 63;
    }
    if (have > 0)
        want[at++] = digits[bits << (6 - have) & 63];
    while (length % 3 && (at - 11) % 4)
        want[at++] = '=';
    sprintf(want + at, "\"}");
    char name[64];
    snprintf(name, sizeof name, "base64 of %zu bytes", length);
    check_bytes(resp, (size_t)head + length + 2, KV_JSON_BASE64, want, name);
    free(resp);
    free(want);
}

/* Bytes that are not UTF-8 are looked at once each, however many stand in a row. */
static void check_broken_bytes(void)
{
    enum { LENGTH = 2 << 20 };
    char *resp = malloc(LENGTH + 64), *want = malloc((size_t)3 * LENGTH + 64);
    if (!ok(resp && want, "memory for %d bytes", LENGTH))
        return;
    int head = sprintf(resp, "$%d\r\n", LENGTH);
    memset(resp + head, 0xff, LENGTH);
    memcpy(resp + head + LENGTH, "\r\n", 2);
    int at = sprintf(want, "{\"result\":\"");
    for (int i = 0; i < LENGTH; i++, at += 3)
        memcpy(want + at, "\xEF\xBF\xBD", 3);
    memcpy(want + at, "\"}", 3);
    int64_t started = tv_clock_ms();
    check_bytes(resp, (size_t)head + LENGTH + 2, KV_JSON, want, "two million bytes that are not UTF-8");
    ok(tv_clock_ms() - started < 5000, "in %d ms", (int)(tv_clock_ms() - started));
    free(resp);
    free(want);
}

int main(void)
{
    check("+OK\r\n", KV_JSON, "{\"result\":\"OK\"}", "status");
    check("$3\r\nbar\r\n", KV_JSON, "{\"result\":\"bar\"}", "string");
    check("$-1\r\n", KV_JSON, "{\"result\":null}", "null string");
    check("*-1\r\n", KV_JSON, "{\"result\":null}", "null array");
    check(":-9223372036854775808\r\n", KV_JSON, "{\"result\":-9223372036854775808}", "integer");
    check("*0\r\n", KV_JSON, "{\"result\":[]}", "empty array");
    check("*3\r\n$1\r\na\r\n:1\r\n*2\r\n$-1\r\n+OK\r\n", KV_JSON, "{\"result\":[\"a\",1,[null,\"OK\"]]}",
          "nested");
    check("-ERR no \"way\"\r\n", KV_JSON, "{\"error\":\"ERR no \\\"way\\\"\"}", "error");
    check("*1\r\n-ERR inner\r\n", KV_JSON, "{\"result\":[\"ERR inner\"]}", "error within an array");
    check_bytes("$3\r\na\0b\r\n", 9, KV_JSON, "{\"result\":\"a\\u0000b\"}", "NUL byte");
    check("$3\r\na\xff"
          "b\r\n",
          KV_JSON,
          "{\"result\":\"a\xEF\xBF\xBD"
          "b\"}",
          "a byte that is not UTF-8");
    check("$4\r\n\xf0\x9f\x9a\x80\r\n", KV_JSON, "{\"result\":\"\xf0\x9f\x9a\x80\"}", "UTF-8");

    check("+OK\r\n", KV_JSON_BASE64, "{\"result\":\"OK\"}", "base64: OK as a whole stays");
    check("+PONG\r\n", KV_JSON_BASE64, "{\"result\":\"UE9ORw==\"}", "base64: another status does not");
    check("$2\r\nOK\r\n", KV_JSON_BASE64, "{\"result\":\"T0s=\"}", "base64: nor does a value OK");
    check("*2\r\n+OK\r\n$2\r\nOK\r\n", KV_JSON_BASE64, "{\"result\":[\"T0s=\",\"T0s=\"]}",
          "base64: nor OK within");
    check("$0\r\n\r\n", KV_JSON_BASE64, "{\"result\":\"\"}", "base64: empty");
    check("$1\r\nf\r\n", KV_JSON_BASE64, "{\"result\":\"Zg==\"}", "base64: f");
    check("$2\r\nfo\r\n", KV_JSON_BASE64, "{\"result\":\"Zm8=\"}", "base64: fo");
    check("$3\r\nfoo\r\n", KV_JSON_BASE64, "{\"result\":\"Zm9v\"}", "base64: foo");
    check("$3\r\n\xff\xfe\xfd\r\n", KV_JSON_BASE64, "{\"result\":\"//79\"}", "base64: bytes");
    check("*3\r\n:1\r\n$-1\r\n*1\r\n$1\r\na\r\n", KV_JSON_BASE64, "{\"result\":[1,null,[\"YQ==\"]]}",
          "base64: deep");
    check("-ERR x\r\n", KV_JSON_BASE64, "{\"error\":\"ERR x\"}", "base64: errors stay");
    for (size_t around = 0; around < 5; around++)
        check_large_base64(48 * 1024 - 2 + around);
    check_large_base64(1 << 20);
    check_broken_bytes();

    static const char *const same[] = {"+OK\r\n",
                                       "$3\r\nbar\r\n",
                                       "$0\r\n\r\n",
                                       "$-1\r\n",
                                       ":42\r\n",
                                       ":-1\r\n",
                                       "-ERR x\r\n",
                                       "*0\r\n",
                                       "*2\r\n:1\r\n*1\r\n$1\r\na\r\n",
                                       "*2\r\n-ERR a\r\n+b\r\n"};
    for (size_t i = 0; i < TV_COUNT(same); i++)
        check(same[i], KV_RESP2, same[i], "RESP2: as it came");
    check("*-1\r\n", KV_RESP2, "$-1\r\n", "RESP2: a null array becomes a null string");
    return done_testing();
}
