/*
 * otlp.c - tests of OpenTelemetry's two writings, byte by byte, and of a trace as spans.
 */
#include "../../fcgi-app/push/otlp.h"

#include "../../fcgi-app/push/exposition.h"
#include "../../fcgi-app/push/spans.h"
#include "tap.h"

static const struct otlp_field OUTER = {1, "outer"}, INNER = {2, "inner"}, TEXT = {3, "text"},
                               NUMBER = {4, "number"}, ID = {5, "id"}, LIST = {16, "list"},
                               FIXED = {7, "fixed"};

static void write_sample(struct otlp *otlp)
{
    static const uint64_t id[2] = {UINT64_C(0x0102030405060708), UINT64_C(0x090a0b0c0d0e0f10)};
    static const uint64_t counts[2] = {1, UINT64_C(0x100000000)};
    static const double bounds[1] = {0.5};
    otlp_open(otlp, &OUTER);
    otlp_text(otlp, &TEXT, TV_SLICE("a\"b"));
    otlp_list(otlp, &LIST);
    otlp_attribute_integer(otlp, "k", -1);
    otlp_attribute_boolean(otlp, "t", true);
    otlp_list_end(otlp);
    otlp_id(otlp, &ID, id, 2);
    otlp_close(otlp);
    otlp_small(otlp, &NUMBER, 300);
    otlp_fixed(otlp, &FIXED, 1795629600000000001);
    otlp_fixed_list(otlp, &INNER, counts, 2);
    otlp_double_list(otlp, &TEXT, bounds, 1);
}

static void pens(void)
{
    struct tv_buffer out;
    struct otlp otlp;
    tv_buffer_init(&out, 65536);
    otlp_start(&otlp, OTLP_JSON, &out);
    write_sample(&otlp);
    ok(otlp_end(&otlp), "JSON is complete");
    is_slice(out.data, out.length,
             "{\"outer\":{\"text\":\"a\\\"b\",\"list\":[{\"key\":\"k\",\"value\":{\"intValue\":\"-1\"}},"
             "{\"key\":\"t\",\"value\":{\"boolValue\":true}}],"
             "\"id\":\"0102030405060708090a0b0c0d0e0f10\"},\"number\":300,\"fixed\":\"1795629600000000001\","
             "\"inner\":[\"1\",\"4294967296\"],\"text\":[0.5]}",
             "with ids in hexadecimal and 64 bits as text");
    tv_buffer_reset(&out, 0);
    otlp_start(&otlp, OTLP_PROTOBUF, &out);
    write_sample(&otlp);
    ok(otlp_end(&otlp), "protobuf is complete");
    static const char golden[] = "\x0a\x34" /* outer, 52 bytes */
                                 "\x1a\x03"
                                 "a\"b" /* text */
                                 "\x82\x01\x10"
                                 "\x0a\x01k"
                                 "\x12\x0b"
                                 "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" /* list: k, -1 */
                                 "\x82\x01\x07"
                                 "\x0a\x01t"
                                 "\x12\x02"
                                 "\x10\x01" /* t, true */
                                 "\x2a\x10"
                                 "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"
                                 "\x20\xac\x02"                         /* 300 */
                                 "\x39\x01\x40\x2d\x88\x9b\x5b\xeb\x18" /* fixed64 */
                                 "\x12\x10"
                                 "\x01\0\0\0\0\0\0\0"
                                 "\0\0\0\0\x01\0\0\0"
                                 "\x1a\x08"
                                 "\0\0\0\0\0\0\xe0\x3f";
    is_bytes(out.data, out.length, golden, sizeof golden - 1, "as protobuf has it");
    tv_buffer_free(&out);
}

/* More than 127 bytes within a message: its length takes two bytes, for which room is made afterwards. */
static void long_messages(void)
{
    struct tv_buffer out;
    struct otlp otlp;
    char text[200];
    memset(text, 'x', sizeof text);
    tv_buffer_init(&out, 65536);
    otlp_start(&otlp, OTLP_PROTOBUF, &out);
    otlp_open(&otlp, &OUTER);
    otlp_open(&otlp, &INNER);
    otlp_text(&otlp, &TEXT, (struct tv_slice){text, sizeof text});
    otlp_close(&otlp);
    otlp_close(&otlp);
    ok(otlp_end(&otlp), "long messages");
    is_bytes(out.data, 9, "\x0a\xce\x01\x12\xcb\x01\x1a\xc8\x01", 9, "have their lengths");
    ok(out.length == 209 && out.data[9] == 'x' && out.data[208] == 'x', "before their content");
    tv_buffer_reset(&out, 0);
    otlp_start(&otlp, OTLP_PROTOBUF, &out);
    otlp_close(&otlp);
    ok(!otlp_end(&otlp), "what was not opened cannot be closed");
    tv_buffer_free(&out);
    tv_buffer_init(&out, 100);
    otlp_start(&otlp, OTLP_PROTOBUF, &out);
    otlp_open(&otlp, &OUTER);
    otlp_text(&otlp, &TEXT, (struct tv_slice){text, sizeof text});
    otlp_close(&otlp);
    ok(!otlp_end(&otlp), "what does not fit is told at the end");
    tv_buffer_free(&out);
    tv_buffer_init(&out, 1000);
    otlp_start(&otlp, OTLP_PROTOBUF, &out);
    otlp_text(&otlp, &TEXT, TV_SLICE("ab\xff\xfe"));
    ok(otlp_end(&otlp), "bytes that are no UTF-8");
    is_bytes(out.data, out.length,
             "\x1a\x02"
             "ab",
             4, "end the text");
    tv_buffer_free(&out);
}

static void a_trace(void)
{
    static const struct otlp_field SPANS = {2, "spans"};
    static const char text[] = "/kv/{command}GETGET";
    struct {
        struct tv_trace_record head;
        struct tv_span_record span;
        char text[24];
    } record = {.head = {.size = sizeof record,
                         .text = sizeof text - 1,
                         .spans = 1,
                         .status = 504,
                         .method = TV_METHOD_GET,
                         .flags = 1,
                         .remote = 1,
                         .trace = {1, 2},
                         .span = 3,
                         .parent = 4,
                         .began_us = 1000,
                         .took_us = 500,
                         .queue_us = -1,
                         .route = {0, 13}},
                .span = {.id = 5,
                         .start_us = 100,
                         .took_us = 300,
                         .kind = TV_SPAN_CALL,
                         .store = 2,
                         .failure = 504,
                         .verb = {13, 3},
                         .shape = {16, 3}}};
    memcpy(record.text, text, sizeof text - 1);
    struct tv_record_view view;
    struct tv_buffer out;
    struct otlp otlp;
    /* the text may end up to seven bytes before the record does */
    record.head.size = (uint32_t)(sizeof record.head + sizeof record.span + 24);
    if (!ok(tv_record_check(&record, record.head.size, &view), "a record"))
        return;
    tv_buffer_init(&out, 65536);
    otlp_start(&otlp, OTLP_JSON, &out);
    otlp_list(&otlp, &SPANS);
    spans_write(&otlp, &view, "kv");
    otlp_list_end(&otlp);
    ok(otlp_end(&otlp), "becomes spans");
    is_slice(out.data, out.length,
             "{\"spans\":[{\"traceId\":\"00000000000000010000000000000002\",\"spanId\":\"0000000000000003\","
             "\"parentSpanId\":\"0000000000000004\",\"flags\":769,\"startTimeUnixNano\":\"1000000\","
             "\"endTimeUnixNano\":\"1500000\",\"name\":\"GET /kv/{command}\",\"kind\":2,\"attributes\":["
             "{\"key\":\"http.request.method\",\"value\":{\"stringValue\":\"GET\"}},"
             "{\"key\":\"http.route\",\"value\":{\"stringValue\":\"/kv/{command}\"}},"
             "{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":\"504\"}},"
             "{\"key\":\"url.scheme\",\"value\":{\"stringValue\":\"http\"}},"
             "{\"key\":\"http.request.body.size\",\"value\":{\"intValue\":\"0\"}},"
             "{\"key\":\"http.response.body.size\",\"value\":{\"intValue\":\"0\"}},"
             "{\"key\":\"error.type\",\"value\":{\"stringValue\":\"504\"}},"
             "{\"key\":\"trivet.pool\",\"value\":{\"stringValue\":\"kv\"}},"
             "{\"key\":\"trivet.kept\",\"value\":{\"stringValue\":\"sampled\"}}],\"status\":{\"code\":2}},"
             "{\"traceId\":\"00000000000000010000000000000002\",\"spanId\":\"0000000000000005\","
             "\"parentSpanId\":\"0000000000000003\",\"flags\":257,\"startTimeUnixNano\":\"1100000\","
             "\"endTimeUnixNano\":\"1400000\",\"name\":\"GET\",\"kind\":3,\"attributes\":["
             "{\"key\":\"db.system.name\",\"value\":{\"stringValue\":\"redis\"}},"
             "{\"key\":\"db.operation.name\",\"value\":{\"stringValue\":\"GET\"}},"
             "{\"key\":\"db.query.text\",\"value\":{\"stringValue\":\"GET\"}},"
             "{\"key\":\"error.type\",\"value\":{\"stringValue\":\"timeout\"}}],\"status\":{\"code\":2}}]}",
             "by the semantic conventions");
    tv_buffer_free(&out);
}

static void text_format(void)
{
    struct exposition reader;
    exposition_start(&reader, TV_SLICE("# HELP trivet_a_total What it is.\n# TYPE trivet_a_total counter\n"
                                       "trivet_a_total{pool=\"kv\",route=\"/{table}\"} 12\n"
                                       "# HELP trivet_b Now.\n# TYPE trivet_b gauge\ntrivet_b{} 0.5\n"));
    ok(exposition_next(&reader) && tv_slice_is(reader.name, "trivet_a_total") &&
           tv_slice_is(reader.help, "What it is.") && reader.type == EXPOSITION_COUNTER &&
           tv_slice_is(reader.value, "12") && reader.label_count == 2,
       "a sample");
    ok(tv_slice_is(exposition_label(&reader, "route"), "/{table}"), "braces in a label are no end");
    ok(exposition_next(&reader) && tv_slice_is(reader.sample, "trivet_b") &&
           reader.type == EXPOSITION_GAUGE && tv_slice_is(reader.value, "0.5") && reader.label_count == 0,
       "one without labels");
    ok(!exposition_next(&reader), "and the end");
    exposition_start(&reader, TV_SLICE("trivet_a{x"));
    ok(!exposition_next(&reader), "a torn line is none");
}

int main(void)
{
    pens();
    long_messages();
    a_trace();
    text_format();
    return done_testing();
}
