/*
 * json_write.c - tests of JSON on its way out: whatever is put in, what comes out is JSON. That is asked twice: our own
 * reader reads everything back, and python3's json module, where there is one, judges the same bytes.
 */
#include "base/json_writer.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/json_reader.h"
#include "exact.h"
#include "tap.h"

static struct tv_buffer out;
static struct tv_json json;
static struct tv_arena arena;

static void begin(void)
{
    tv_buffer_reset(&out, 65536);
    tv_json_start(&json, &out);
}

static void wrote(const char *want, const char *name)
{
    ok(tv_json_complete(&json), "%s: complete", name);
    is_slice(out.length ? out.data : "", out.length, want, name);
}

/* --- python3 as a second judge: lines of "kind hex(input) hex(json)" on its stdin ------------------------------------ */

static FILE *judge;
static size_t judged;

static const char judge_program[] =
    "import json, struct, sys\n"
    "def no(x): raise ValueError(x)\n"
    "bad = 0\n"
    "for line in sys.stdin:\n"
    "    kind, given, text = line.split()\n"
    "    given, text = bytes.fromhex(given)[:-1], bytes.fromhex(text)\n"
    "    try:\n"
    "        got = json.loads(text.decode(), parse_constant=no)\n"
    "        if kind == \"s\":\n"
    "            want = given.decode(errors=\"replace\")\n"
    "            good = got.replace(chr(0xFFFD), \"\") == want.replace(chr(0xFFFD), \"\")\n"
    "            good = good and (chr(0xFFFD) in got) == (chr(0xFFFD) in want)\n"
    "        elif kind == \"d\":\n"
    "            good = struct.pack(\"<d\", got) == given\n"
    "        elif kind == \"f\":\n"
    "            good = struct.pack(\"<f\", got) == given\n"
    "        else:\n"
    "            good = True\n"
    "    except (ValueError, UnicodeDecodeError) as why:\n"
    "        good, got = False, why\n"
    "    if not good:\n"
    "        bad += 1\n"
    "        if bad < 10: print(\"#\", kind, given.hex(), text, repr(got), flush=True)\n"
    "sys.exit(bad > 0)\n";

static void judge_start(void)
{
    char command[sizeof judge_program + 64];
    if (system("python3 -c 'import json' >/dev/null 2>&1") != 0)
        return;
    fflush(stdout);
    snprintf(command, sizeof command, "python3 -c '%s'", judge_program);
    judge = popen(command, "w");
}

static void put_hex(const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        fprintf(judge, "%02x", ((const unsigned char *)bytes)[i]);
}

static void judge_line(char kind, const void *given, size_t length)
{
    if (!judge)
        return;
    fprintf(judge, "%c ", kind);
    put_hex(given, length);
    fputs("20 ", judge); /* a blank, so that no field is empty */
    put_hex(out.data, out.length);
    fputc('\n', judge);
    judged++;
}

static void judge_end(void)
{
    if (!judge)
        return skip("python3's json reads the same", "no python3");
    fflush(stdout);
    is_number(pclose(judge), 0, "python3's json reads the same from all of it");
    note("%zu documents", judged);
}

/* --- structure ------------------------------------------------------------------------------------------------------- */

static void structure(void)
{
    begin();
    tv_json_object(&json);
    tv_json_member_text(&json, "a", "x");
    tv_json_member_text(&json, "b", NULL);
    tv_json_member_integer(&json, "c", INT64_MIN);
    tv_json_member_boolean(&json, "d", true);
    tv_json_name(&json, "e");
    tv_json_array(&json);
    tv_json_boolean(&json, false);
    tv_json_null(&json);
    tv_json_unsigned(&json, UINT64_MAX);
    tv_json_raw(&json, TV_SLICE("1.50"));
    tv_json_printf(&json, "%d-%s", 5, "\"");
    tv_json_array(&json);
    tv_json_array_end(&json);
    tv_json_object(&json);
    tv_json_object_end(&json);
    tv_json_array_end(&json);
    tv_json_key(&json, (struct tv_slice){0});
    tv_json_string(&json, (struct tv_slice){0});
    tv_json_object_end(&json);
    wrote("{\"a\":\"x\",\"b\":null,\"c\":-9223372036854775808,\"d\":true,\"e\":[false,null,"
          "18446744073709551615,1.50,"
          "\"5-\\\"\",[],{}],\"\":\"\"}",
          "every kind of value");
    judge_line('x', "", 0);
    begin();
    tv_json_integer(&json, 1);
    wrote("1", "a value alone");
    begin();
    tv_json_array(&json);
    for (int i = 0; i < 3; i++) {
        tv_json_object(&json);
        tv_json_object_end(&json);
    }
    tv_json_array_end(&json);
    wrote("[{},{},{}]", "commas between containers");
}

/* Calls that do not fit, one letter each: { } [ ] k(ey) v(alue). */
static void call(char what)
{
    switch (what) {
    case '{': tv_json_object(&json); break;
    case '}': tv_json_object_end(&json); break;
    case '[': tv_json_array(&json); break;
    case ']': tv_json_array_end(&json); break;
    case 'k': tv_json_name(&json, "k"); break;
    default: tv_json_integer(&json, 1); break;
    }
}

/* Whether the calls make one whole document, told by a grammar that is written another way. */
static bool fits(const char *calls)
{
    char open[16];
    size_t depth = 0;
    bool value_due = true, done = false;
    for (const char *at = calls; *at; at++) {
        bool in_object = depth > 0 && open[depth - 1] == '{';
        if (*at == 'k') {
            if (done || !in_object || value_due)
                return false;
            value_due = true;
            continue;
        }
        if (*at == '}' || *at == ']') {
            if (depth == 0 || open[depth - 1] != (*at == '}' ? '{' : '[') || (in_object && value_due))
                return false;
            depth--;
        } else {
            if (done || (in_object && !value_due))
                return false;
            if (*at != 'v')
                open[depth++] = *at;
        }
        value_due = depth > 0 && open[depth - 1] == '[';
        done = depth == 0;
    }
    return done;
}

static void misuse(void)
{
    static const char letters[] = "{}[]kv";
    size_t right = 0, judged_right = 0, tried = 0;
    for (size_t length = 0; length <= 7; length++) {
        size_t combinations = 1;
        for (size_t i = 0; i < length; i++)
            combinations *= 6;
        for (size_t n = 0; n < combinations; n++) {
            char calls[8] = "";
            size_t rest = n;
            for (size_t i = 0; i < length; i++, rest /= 6)
                calls[i] = letters[rest % 6];
            begin();
            for (size_t i = 0; i < length; i++)
                call(calls[i]);
            bool complete = tv_json_complete(&json), expected = fits(calls);
            if (complete != expected)
                note("%s: %s", calls, complete ? "taken" : "refused");
            struct tv_json_value *root;
            struct tv_error error;
            tv_arena_reset(&arena);
            right += complete == expected;
            judged_right += !complete || tv_json_read(&arena, tv_buffer_view(&out), 8, &root, &error);
            tried++;
        }
    }
    is_number(right, tried, "of all orders of calls, those that make a document are taken, others fail");
    is_number(judged_right, tried, "and what was taken is JSON");
    begin();
    tv_json_object_end(&json);
    tv_json_integer(&json, 1);
    ok(tv_buffer_failed(&out) && !tv_json_complete(&json), "a misuse sticks");
}

static void depth(void)
{
    for (int more = 0; more < 2; more++) {
        begin();
        for (int i = 0; i < TV_JSON_DEPTH_MAX + more; i++) {
            tv_json_array(&json);
            tv_json_integer(&json, i);
        }
        for (int i = 0; i < TV_JSON_DEPTH_MAX + more; i++)
            tv_json_array_end(&json);
        struct tv_json_value *root;
        struct tv_error error;
        if (more) {
            ok(tv_buffer_failed(&out), "one level more than the deepest fails");
        } else {
            ok(tv_json_complete(&json), "the deepest nesting is written");
            tv_arena_reset(&arena);
            ok(tv_json_read(&arena, tv_buffer_view(&out), TV_JSON_DEPTH_MAX, &root, &error), "and read back");
        }
    }
    struct tv_buffer small;
    tv_buffer_init(&small, 10);
    tv_json_start(&json, &small);
    tv_json_text(&json, "longer than the buffer");
    ok(!tv_json_complete(&json), "a full buffer is no complete document");
    tv_buffer_free(&small);
}

/* --- texts ----------------------------------------------------------------------------------------------------------- */

static bool text_is_json(const void *bytes, size_t length)
{
    struct tv_json_value *root;
    struct tv_error error;
    struct tv_slice given = exact_copy(bytes, length);
    begin();
    tv_json_string(&json, given);
    tv_arena_reset(&arena);
    bool good = tv_json_complete(&json) && tv_json_read(&arena, tv_buffer_view(&out), 1, &root, &error) &&
                root->type == TV_JSON_STRING;
    if (good && tv_utf8_valid_prefix(given.data, length) == length)
        good = tv_slice_equal(root->text, given); /* what was valid comes back as it was */
    if (!good)
        tap_show("broken by ", bytes, length);
    judge_line('s', bytes, length);
    exact_free(given);
    return good;
}

static void texts(void)
{
    begin();
    tv_json_text(&json, "\"\\/\b\f\n\r\t\x01\x1f\x7f\xC3\xA9");
    wrote("\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\xC3\xA9\"", "what must be escaped is");
    begin();
    tv_json_text(&json, "a\xFF"
                        "b\xE2\x82"
                        "c\xC0\xAF"
                        "d\xED\xA0\x80");
    wrote("\"a\xEF\xBF\xBD"
          "b\xEF\xBF\xBD"
          "c\xEF\xBF\xBD"
          "d\xEF\xBF\xBD\"",
          "what is no character becomes U+FFFD");
    begin();
    tv_json_string(&json, (struct tv_slice){0});
    wrote("\"\"", "a text that is nowhere is empty");

    bool good = true;
    for (unsigned a = 0; a < 256; a++) {
        unsigned char one[1] = {(unsigned char)a};
        good = good && text_is_json(one, 1);
        for (unsigned b = 0; b < 256; b++) {
            unsigned char two[2] = {(unsigned char)a, (unsigned char)b};
            good = good && text_is_json(two, a >= 0x80 || b >= 0x80 || b < 0x20 ? 2 : 1);
        }
    }
    ok(good, "every text of one and two bytes");
    static const char around[] = {' ', '!', '#', '[', ']', '~'}; /* next to those that are escaped */
    for (size_t at = 0; at < 20; at++)
        for (unsigned a = 0; a < 256; a++) {
            unsigned char text[20];
            memset(text, around[(at + a) % sizeof around], sizeof text);
            text[at] = (unsigned char)a;
            good = good && text_is_json(text, sizeof text);
        }
    ok(good, "every byte at every place among others");
    static const unsigned char edges[] = {0x00, 0x22, 0x5C, 0x61, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0,
                                          0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEE, 0xEF,
                                          0xF0, 0xF1, 0xF4, 0xF5, 0xF8, 0xFC, 0xFE, 0xFF};
    for (size_t a = 0; a < sizeof edges; a++)
        for (size_t b = 0; b < sizeof edges; b++)
            for (size_t c = 0; c < sizeof edges; c++) {
                unsigned char three[3] = {edges[a], edges[b], edges[c]};
                good = good && text_is_json(three, 3);
            }
    ok(good, "of three bytes, all orders of those that matter");
    uint64_t random = 20260802;
    for (int i = 0; i < 20000; i++) {
        unsigned char text[40];
        size_t length = exact_random(&random) % sizeof text;
        for (size_t j = 0; j < length; j++) {
            uint64_t dice = exact_random(&random) >> 16;
            text[j] = dice % 4 == 0 ? (unsigned char)(dice >> 8) : edges[(dice >> 8) % sizeof edges];
        }
        good = good && text_is_json(text, length);
    }
    ok(good, "any mixture of bytes");
    begin();
    tv_json_object(&json);
    for (unsigned a = 0; a < 256; a++) {
        unsigned char name[2] = {(unsigned char)a, 0xE2};
        tv_json_key(&json, (struct tv_slice){(const char *)name, 2});
        tv_json_null(&json);
    }
    tv_json_object_end(&json);
    ok(tv_json_complete(&json), "names are texts like others");
    judge_line('x', "", 0);

    /* a long run of broken bytes costs no more than a long text */
    size_t length = 4 << 20;
    char *broken = malloc(length);
    if (!broken)
        abort();
    struct tv_buffer large;
    tv_buffer_init(&large, 4 * length);
    memset(broken, 0xFF, length);
    tv_json_start(&json, &large);
    tv_json_string(&json, (struct tv_slice){broken, length});
    ok(tv_json_complete(&json) && large.length == 3 * length + 2,
       "four million broken bytes are four million U+FFFD");
    tv_buffer_free(&large);
    free(broken);
}

/* --- numbers --------------------------------------------------------------------------------------------------------- */

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static bool real_is_json(double value, bool single)
{
    struct tv_json_value *root;
    struct tv_error error;
    float narrow = (float)value;
    begin();
    if (single)
        tv_json_float(&json, narrow);
    else
        tv_json_double(&json, value);
    tv_arena_reset(&arena);
    bool good = tv_json_complete(&json) && tv_json_read(&arena, tv_buffer_view(&out), 1, &root, &error) &&
                root->type == TV_JSON_NUMBER;
    if (good) {
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)out.length, out.data);
        good = single ? bits_of((double)strtof(text, NULL)) == bits_of((double)narrow)
                      : bits_of(strtod(text, NULL)) == bits_of(value);
        if (!good)
            note("%s is not %a", text, value);
    }
    if (single)
        judge_line('f', &narrow, sizeof narrow);
    else
        judge_line('d', &value, sizeof value);
    return good;
}

static void real_is(double value, bool single, const char *want)
{
    begin();
    if (single)
        tv_json_float(&json, (float)value);
    else
        tv_json_double(&json, value);
    wrote(want, want);
}

static void numbers(void)
{
    real_is(0.1, false, "0.1");
    real_is(1.0, false, "1");
    real_is(-0.0, false, "-0");
    real_is(0.1 + 0.2, false, "0.30000000000000004");
    real_is(1.0 / 3, false, "0.3333333333333333");
    real_is(123456789012345.0, false, "123456789012345");
    real_is(1e15, false, "1e+15");
    real_is(1e21, false, "1e+21");
    real_is(9007199254740993.0, false, "9007199254740992");
    real_is(DBL_MAX, false, "1.7976931348623157e+308");
    real_is(DBL_MIN, false, "2.2250738585072014e-308");
    real_is(4.9406564584124654e-324, false, "5e-324");
    real_is(1.5e-310, false, "1.5e-310");
    real_is((double)INFINITY, false, "null");
    real_is(-(double)INFINITY, false, "null");
    real_is((double)NAN, false, "null");
    real_is(0.1f, true, "0.1");
    real_is(16777216.0f, true, "16777216");
    real_is(1.1e10f, true, "1.1e+10");
    real_is(3.4028234e38f, true, "3.4028235e+38");
    real_is(1.4e-45f, true, "1e-45");
    real_is(-0.0f, true, "-0");
    real_is((double)INFINITY, true, "null");

    bool good = true;
    uint64_t random = 20260803;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = exact_random(&random);
        double value;
        memcpy(&value, &bits, sizeof value);
        good = good && (!isfinite(value) || real_is_json(value, false));
        uint32_t narrow_bits = (uint32_t)(bits >> 32);
        float narrow;
        memcpy(&narrow, &narrow_bits, sizeof narrow);
        good = good && (!isfinite(narrow) || real_is_json((double)narrow, true));
        double decimal = (double)(int64_t)(bits % 2000000) / 100.0; /* what prices look like */
        good = good && real_is_json(decimal, false);
    }
    ok(good, "any double and float comes back as it was");
    for (int exponent = -1074; exponent <= 1023; exponent++) {
        double power = ldexp(1.0, exponent);
        good = good && real_is_json(power, false) && real_is_json(-power, false) &&
               real_is_json(nextafter(power, 0.0), false) && real_is_json(nextafter(power, DBL_MAX), false);
        if (exponent >= -149 && exponent < 128)
            good = good && real_is_json(power, true) &&
                   real_is_json((double)nextafterf((float)power, 0.0f), true);
    }
    ok(good, "so does every power of two and its neighbours");
}

int main(void)
{
    tv_buffer_init(&out, 1 << 20);
    tv_arena_init(&arena, 1 << 20);
    judge_start();
    structure();
    misuse();
    depth();
    texts();
    numbers();
    judge_end();
    tv_buffer_free(&out);
    tv_arena_free(&arena);
    return done_testing();
}
