/*
 * lane.c - attempts, and when to make them again.
 */
#include "config.h"

#include "lane.h"

#include <string.h>
#include <strings.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#define BODY_MAX      (16 << 20) /* OTLP's receivers take 20 MiB */
#define BODY_KEPT     (1 << 20)
#define ANSWER_MAX    65536
#define DELAY_FIRST   500
#define DELAY_LAST    15000
#define RETRY_FOR_MS  60000
#define COMPLAIN_EACH 30000 /* a target that is away is logged this often */

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    struct tv_buffer *answer = context;
    if (!tv_buffer_failed(answer)) /* what is too long is not read, but must be taken */
        tv_buffer_append(answer, data, size * count);
    return size * count;
}

static bool add_header(struct lane *lane, const char *line)
{
    struct curl_slist *longer = curl_slist_append(lane->headers, line);
    if (longer)
        lane->headers = longer;
    return longer != NULL;
}

/* "key=value,key=value", percent-encoded; never logged, since keys of APMs stand there. */
static bool add_given_headers(struct lane *lane, const char *list, struct tv_error *error)
{
    struct tv_slice rest = tv_slice_of(list);
    struct tv_arena arena;
    bool good = true;
    tv_arena_init(&arena, 65536);
    while (good && rest.length > 0) {
        size_t end = tv_slice_find(rest, ',');
        struct tv_slice pair = tv_slice_trim(tv_slice_cut(rest, 0, end)), value;
        rest = tv_slice_cut(rest, end + 1, rest.length);
        if (pair.length == 0)
            continue;
        size_t equals = tv_slice_find(pair, '=');
        struct tv_slice key = tv_slice_trim(tv_slice_cut(pair, 0, equals));
        good = equals < pair.length && key.length > 0 &&
               tv_url_decode(&arena, tv_slice_trim(tv_slice_cut(pair, equals + 1, pair.length)), TV_URL_PATH,
                             &value, error) &&
               tv_slice_find(value, '\n') == value.length && tv_slice_find(value, '\r') == value.length;
        char *line = good ? tv_arena_printf(&arena, "%.*s: %.*s", (int)key.length, key.data,
                                            (int)value.length, value.length ? value.data : "")
                          : NULL;
        good = line && add_header(lane, line);
    }
    tv_arena_free(&arena);
    return good ||
           tv_fail(error, 500, NULL, "OTEL_EXPORTER_OTLP_HEADERS (or the one for %s) is no list of key=value",
                   lane->target->name);
}

static void set_up(struct lane *lane)
{
    const struct target *target = lane->target;
    CURL *easy = lane->easy;
    curl_easy_setopt(easy, CURLOPT_URL, target->url);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lane->headers);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)target->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &lane->answer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, lane);
    if (target->certificate)
        curl_easy_setopt(easy, CURLOPT_CAINFO, target->certificate);
    if (target->client_certificate)
        curl_easy_setopt(easy, CURLOPT_SSLCERT, target->client_certificate);
    if (target->client_key)
        curl_easy_setopt(easy, CURLOPT_SSLKEY, target->client_key);
}

bool lane_init(struct lane *lane, const struct target *target, CURLM *multi, struct tv_push_state *state_file,
               struct tv_error *error)
{
    *lane = (struct lane){.target = target, .multi = multi, .state_file = state_file};
    tv_buffer_init(&lane->body, BODY_MAX);
    tv_buffer_init(&lane->packed, BODY_MAX);
    tv_buffer_init(&lane->answer, ANSWER_MAX);
    lane->easy = curl_easy_init();
    if (!lane->easy ||
        !add_header(lane, target->writing == OTLP_JSON ? "Content-Type: application/json"
                                                       : "Content-Type: application/x-protobuf") ||
        !add_header(lane, "Expect:") || !add_header(lane, "User-Agent: trivet-push") ||
        (target->gzip && !add_header(lane, "Content-Encoding: gzip"))) {
        lane_free(lane);
        return tv_fail(error, 500, NULL, "no memory");
    }
    if (target->headers && !add_given_headers(lane, target->headers, error)) {
        lane_free(lane);
        return false;
    }
    set_up(lane);
    return true;
}

void lane_free(struct lane *lane)
{
    lane_abort(lane);
    if (lane->easy)
        curl_easy_cleanup(lane->easy);
    curl_slist_free_all(lane->headers);
    tv_buffer_free(&lane->body);
    tv_buffer_free(&lane->packed);
    tv_buffer_free(&lane->answer);
    lane->easy = NULL;
    lane->headers = NULL;
}

/* --- an attempt ------------------------------------------------------------------------------------------------------- */

#ifdef HAVE_ZLIB
static bool pack(const struct tv_buffer *body, struct tv_buffer *out)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16 /* gzip's head */, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return false;
    size_t most = deflateBound(&stream, body->length);
    char *room = tv_buffer_reserve(out, most);
    bool done = false;
    if (room) {
        stream.next_in = (unsigned char *)body->data;
        stream.avail_in = (unsigned)body->length;
        stream.next_out = (unsigned char *)room;
        stream.avail_out = (unsigned)most;
        done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
        if (done)
            tv_buffer_commit(out, most - stream.avail_out);
    }
    deflateEnd(&stream);
    return done;
}
#else
static bool pack(const struct tv_buffer *body, struct tv_buffer *out)
{
    (void)body;
    (void)out;
    return false; /* target_read has seen to it that nobody asks */
}
#endif

static void count(struct lane *lane, enum tv_push_outcome outcome)
{
    tv_word_add(&lane->state_file->batches[lane->target->signal][outcome], 1);
}

static void make_free(struct lane *lane)
{
    tv_buffer_reset(&lane->body, BODY_KEPT);
    tv_buffer_reset(&lane->packed, BODY_KEPT);
    lane->state = LANE_FREE;
}

static void attempt(struct lane *lane)
{
    const struct tv_buffer *sent = lane->target->gzip ? &lane->packed : &lane->body;
    tv_buffer_reset(&lane->answer, ANSWER_MAX);
    curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDS, sent->data);
    curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)sent->length);
    curl_multi_add_handle(lane->multi, lane->easy);
    lane->state = LANE_SENDING;
}

void lane_send(struct lane *lane)
{
    lane->first_ms = tv_clock_ms();
    lane->delay_ms = DELAY_FIRST;
    if (lane->target->gzip && !pack(&lane->body, &lane->packed)) {
        tv_log(TV_LOG_ERROR, "push.compress", "%s: a batch could not be compressed", lane->target->name);
        lane->again_ms = lane->first_ms; /* given up at the next turn */
        lane->first_ms -= RETRY_FOR_MS;
        lane->state = LANE_WAITING;
        return;
    }
    attempt(lane);
}

/* --- what came of it -------------------------------------------------------------------------------------------------- */

/* Protobuf: ExportTraceServiceResponse{1: partial_success{1: rejected}}; the metrics' is the same. */
static bool read_varint(struct tv_slice *rest, uint64_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < 10 && i < rest->length; i++) {
        unsigned char byte = (unsigned char)rest->data[i];
        *out |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80) {
            *rest = tv_slice_cut(*rest, i + 1, rest->length);
            return true;
        }
    }
    return false;
}

static uint64_t rejected_of_protobuf(struct tv_slice answer)
{
    uint64_t tag, value;
    if (!read_varint(&answer, &tag) || tag != (1 << 3 | 2) || !read_varint(&answer, &value) ||
        value > answer.length)
        return 0;
    return read_varint(&answer, &tag) && tag == 1 << 3 && read_varint(&answer, &value) ? value : 0;
}

static uint64_t rejected_of_json(struct tv_slice answer, enum tv_push_signal signal)
{
    struct tv_arena arena;
    struct tv_json_value *whole;
    struct tv_error error;
    int64_t rejected = 0;
    tv_arena_init(&arena, 1 << 20);
    if (tv_json_read(&arena, answer, 16, &whole, &error)) {
        const struct tv_json_value *partial = tv_json_member(whole, "partialSuccess");
        const struct tv_json_value *number =
            partial
                ? tv_json_member(partial, signal == TV_PUSH_TRACES ? "rejectedSpans" : "rejectedDataPoints")
                : NULL;
        if (number && !tv_slice_integer(number->text, &rejected))
            rejected = 0;
    }
    tv_arena_free(&arena);
    return rejected > 0 ? (uint64_t)rejected : 0;
}

static enum lane_event delivered(struct lane *lane)
{
    struct tv_slice answer = tv_buffer_view(&lane->answer);
    uint64_t rejected = lane->target->writing == OTLP_JSON ? rejected_of_json(answer, lane->target->signal)
                                                           : rejected_of_protobuf(answer);
    if (rejected > 0)
        tv_log(TV_LOG_WARN, "push.partial", "%s: %llu of a batch were rejected", lane->target->name,
               (unsigned long long)rejected);
    if (lane->complained_ms)
        tv_log(TV_LOG_INFO, "push.back", "%s: batches are accepted again", lane->target->name);
    lane->complained_ms = 0;
    count(lane, TV_PUSH_SENT);
    make_free(lane);
    return LANE_DELIVERED;
}

static enum lane_event give_up(struct lane *lane, const char *why)
{
    tv_log(TV_LOG_ERROR, "push.dropped", "%s: a batch is given up: %s", lane->target->name, why);
    count(lane, TV_PUSH_DROPPED);
    make_free(lane);
    return LANE_GIVEN_UP;
}

static bool may_help(CURLcode result, long status)
{
    if (result != CURLE_OK)
        return result != CURLE_URL_MALFORMAT && result != CURLE_UNSUPPORTED_PROTOCOL;
    return status == 429 || status == 502 || status == 503 || status == 504;
}

static void complain(struct lane *lane, const char *why)
{
    int64_t now = tv_clock_ms();
    if (lane->complained_ms && now - lane->complained_ms < COMPLAIN_EACH)
        return;
    lane->complained_ms = now;
    tv_log(TV_LOG_WARN, "push.away", "%s: %s; it is tried again", lane->target->name, why);
}

enum lane_event lane_finish(struct lane *lane, CURLcode result)
{
    long status = 0;
    curl_off_t after = 0;
    char why[64];
    curl_easy_getinfo(lane->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(lane->easy, CURLINFO_RETRY_AFTER, &after);
    curl_multi_remove_handle(lane->multi, lane->easy);
    if (result == CURLE_OK && status >= 200 && status < 300)
        return delivered(lane);
    if (result != CURLE_OK)
        snprintf(why, sizeof why, "%.60s", curl_easy_strerror(result));
    else
        snprintf(why, sizeof why, "status %ld", status);
    if (!may_help(result, status))
        return give_up(lane, why);
    int64_t now = tv_clock_ms(), delay = lane->delay_ms / 2 + tv_clock_us() % (lane->delay_ms / 2 + 1);
    if (after > 0 && after * 1000 > delay)
        delay = after * 1000;
    if (now + delay - lane->first_ms > RETRY_FOR_MS)
        return give_up(lane, why);
    count(lane, TV_PUSH_FAILED);
    complain(lane, why);
    lane->again_ms = now + delay;
    lane->delay_ms = lane->delay_ms * 2 < DELAY_LAST ? lane->delay_ms * 2 : DELAY_LAST;
    lane->state = LANE_WAITING;
    return LANE_NOTHING;
}

void lane_turn(struct lane *lane)
{
    if (lane->state == LANE_WAITING && tv_clock_ms() >= lane->again_ms)
        attempt(lane);
}

void lane_abort(struct lane *lane)
{
    if (lane->state == LANE_SENDING)
        curl_multi_remove_handle(lane->multi, lane->easy);
    if (lane->easy)
        make_free(lane);
}
