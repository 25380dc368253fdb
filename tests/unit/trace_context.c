/*
 * trace_context.c - tests of W3C Trace Context's header, and of the samplers that go by its ids.
 */
#include "watch/trace_context.h"

#include "exact.h"
#include "tap.h"
#include "watch/sampler.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"

/* In memory of exactly its length, so that a read beyond it is seen. */
static bool reads(const char *text, struct tv_trace_context *out)
{
    struct tv_slice exact = exact_copy(text, strlen(text));
    bool read = tv_traceparent_read(exact, out);
    exact_free(exact);
    return read;
}

static void reading(void)
{
    static const struct {
        const char *text;
        bool good;
        int flags;
    } vectors[] = {
        {"00-" TRACE "-" SPAN "-01", true, 1},
        {"00-" TRACE "-" SPAN "-00", true, 0},
        {"00-" TRACE "-" SPAN "-03", true, 3},
        {"00-" TRACE "-" SPAN "-ff", true, 3}, /* what nobody has defined is left out */
        {"01-" TRACE "-" SPAN "-01", true, 1},
        {"cc-" TRACE "-" SPAN "-01-what-the-future-brings", true, 1},
        {"cc-" TRACE "-" SPAN "-01.what-the-future-brings", false, 0},
        {"00-" TRACE "-" SPAN "-01-", false, 0},
        {"00-" TRACE "-" SPAN "-01-more", false, 0},
        {"ff-" TRACE "-" SPAN "-01", false, 0},
        {"FF-" TRACE "-" SPAN "-01", false, 0},
        {"0-" TRACE "-" SPAN "-01", false, 0},
        {"00-0AF7651916cd43dd8448eb211c80319c-" SPAN "-01", false, 0},
        {"00-" TRACE "-B7ad6b7169203331-01", false, 0},
        {"00-" TRACE "-" SPAN "-0A", false, 0},
        {"00-00000000000000000000000000000000-" SPAN "-01", false, 0},
        {"00-" TRACE "-0000000000000000-01", false, 0},
        {"00-" TRACE "-" SPAN "-1", false, 0},
        {"00-" TRACE "-" SPAN, false, 0},
        {"00_" TRACE "-" SPAN "-01", false, 0},
        {"00-" TRACE "_" SPAN "-01", false, 0},
        {"00-" TRACE "-" SPAN "_01", false, 0},
        {" 00-" TRACE "-" SPAN "-01", false, 0},
        {"00-" TRACE "x" SPAN "-01", false, 0},
        {"", false, 0},
        {"00", false, 0},
    };
    struct tv_trace_context context;
    for (size_t i = 0; i < TV_COUNT(vectors); i++) {
        bool good = reads(vectors[i].text, &context);
        ok(good == vectors[i].good && (!good || context.flags == vectors[i].flags), "\"%s\" is %s",
           vectors[i].text, vectors[i].good ? "one" : "none");
    }
}

static void writing(void)
{
    struct tv_trace_context context;
    char text[TV_TRACEPARENT + 1], id[TV_TRACE_ID_TEXT];
    ok(reads("00-" TRACE "-" SPAN "-03", &context), "what was read");
    tv_traceparent_write(&context, text);
    is_text(text, "00-" TRACE "-" SPAN "-03", "is written the same");
    tv_trace_id_write(context.trace, id);
    is_slice(id, sizeof id, TRACE, "and its id too");
}

static void sampling(void)
{
    static const struct {
        const char *name, *ratio;
        bool good, follows, low, high;
    } samplers[] = {
        {"always_on", "", true, false, true, true},
        {"always_off", "", true, false, false, false},
        {"parentbased_always_on", "", true, true, true, true},
        {"parentbased_always_off", "0.5", true, true, false, false},
        {"traceidratio", "0.5", true, false, false, true},
        {"traceidratio", "", true, false, true, true},
        {"traceidratio", "0", true, false, false, false},
        {"parentbased_traceidratio", "1", true, true, true, true},
        {"traceidratio", "1.5", false, false, false, false},
        {"traceidratio", "-0.1", false, false, false, false},
        {"traceidratio", "nan", false, false, false, false},
        {"traceidratio", "half", false, false, false, false},
        {"parentbased_jaeger_remote", "", false, false, false, false},
        {"", "", false, false, false, false},
    };
    /* the first byte of the second half is not one of the random ones */
    static const uint64_t low[2] = {~UINT64_C(0), UINT64_C(0xff00000000000001)},
                          high[2] = {0, UINT64_C(0x00ffffffffffffff)};
    struct tv_sampler sampler;
    struct tv_error error;
    for (size_t i = 0; i < TV_COUNT(samplers); i++) {
        bool good = tv_sampler_read(samplers[i].name, samplers[i].ratio, &sampler, &error);
        ok(good == samplers[i].good &&
               (!good || (tv_sampler_takes(&sampler, low, false, false) == samplers[i].low &&
                          tv_sampler_takes(&sampler, high, false, false) == samplers[i].high)),
           "%s of %s", samplers[i].name, samplers[i].ratio);
        if (!good)
            continue;
        ok(tv_sampler_takes(&sampler, low, true, true) == (samplers[i].follows || samplers[i].low) &&
               tv_sampler_takes(&sampler, high, true, false) == (!samplers[i].follows && samplers[i].high),
           "with a parent that has decided");
    }
}

int main(void)
{
    reading();
    writing();
    sampling();
    return done_testing();
}
