/*
 * main.c - trivet-push: takes traces and metrics from shared memory and sends them by OTLP/HTTP. It has no socket and no part in
 * answering requests; when it is slow, away or killed, rings fill up and the workers count what finds no room.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "collect.h"
#include "lane.h"
#include "metrics_out.h"

#define LOOK_MS         1000
#define TICK_MS         100
#define PRESSURE        250 /* thousandths of a ring: do not wait for the usual time */
#define BATCH_DELAY_MS  5000
#define BATCH_SPANS     512
#define METRICS_EACH_MS 60000

struct push_settings {
    int64_t flush; /* milliseconds */
};

static struct push_settings settings;
static struct tv_watch_settings watch;

static const struct tv_option options[] = {
    {"push", "flush", TV_OPTION_DURATION, "5s", 0, 600000, offsetof(struct push_settings, flush), 0,
     "How long sending what is left may take when this program is told to stop."},
};

struct push {
    struct target targets[TV_PUSH_SIGNALS];
    struct lane traces, metrics;
    CURLM *multi;
    struct tv_push_state *state;
    struct collector collector;
    struct resource resource;
    int signals;
    /* how often */
    int64_t batch_delay_ms, metrics_each_ms;
    unsigned batch_spans;
    /* when */
    int64_t looked_ms, waiting_since_ms, metrics_due_ms;
    int64_t stop_by_ms; /* 0: nobody said so */
    bool last_metrics_sent;
};

static bool stopping(const struct push *push)
{
    return push->stop_by_ms != 0;
}

/* --- traces ----------------------------------------------------------------------------------------------------------- */

/* Whether what waits is to wait no longer. */
static bool traces_are_due(struct push *push, int64_t now)
{
    unsigned pressure = collector_pressure(&push->collector);
    if (pressure == 0) {
        push->waiting_since_ms = 0;
        return false;
    }
    if (push->waiting_since_ms == 0)
        push->waiting_since_ms = now;
    return stopping(push) || pressure >= PRESSURE || now - push->waiting_since_ms >= push->batch_delay_ms;
}

static void turn_traces(struct push *push, int64_t now)
{
    struct lane *lane = &push->traces;
    if (!lane->target->wanted)
        return;
    lane_turn(lane);
    if (lane->state != LANE_FREE || !traces_are_due(push, now))
        return;
    push->waiting_since_ms = 0;
    if (collector_take(&push->collector, &push->resource, lane->target->writing, push->batch_spans,
                       &lane->body)) {
        lane_send(lane);
    } else if (tv_buffer_failed(&lane->body)) {
        tv_log(TV_LOG_ERROR, "push.memory", "a batch of traces found no memory and is given up");
        tv_word_add(&push->state->batches[TV_PUSH_TRACES][TV_PUSH_DROPPED], 1);
        collector_release(&push->collector);
        lane_abort(lane);
    }
}

/* --- metrics ---------------------------------------------------------------------------------------------------------- */

static void turn_metrics(struct push *push, int64_t now)
{
    struct lane *lane = &push->metrics;
    struct tv_error error;
    if (!lane->target->wanted)
        return;
    lane_turn(lane);
    bool last = stopping(push) && !push->last_metrics_sent;
    if (lane->state != LANE_FREE || (!last && now < push->metrics_due_ms) || (stopping(push) && !last))
        return;
    push->metrics_due_ms = now + push->metrics_each_ms;
    push->last_metrics_sent = last;
    if (metrics_out(push->collector.directory, watch.pools, &push->resource, lane->target->writing, last,
                    &lane->body, &error)) {
        lane_send(lane);
    } else {
        tv_log(TV_LOG_DEBUG, "push.metrics", "%s", error.message);
        lane_abort(lane);
    }
}

/* --- the loop --------------------------------------------------------------------------------------------------------- */

static void take_results(struct push *push)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(push->multi, &left))) {
        struct lane *lane;
        CURLcode result = message->data.result; /* the message is gone once its handle is removed */
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&lane) != CURLE_OK)
            continue;
        enum lane_event event = lane_finish(lane, result);
        if (lane == &push->traces && event != LANE_NOTHING)
            collector_release(&push->collector);
    }
}

static void take_signal(struct push *push)
{
    struct signalfd_siginfo info;
    if (read(push->signals, &info, sizeof info) != sizeof info || tv_tool_log_signal((int)info.ssi_signo))
        return;
    /* a second one: now */
    push->stop_by_ms = tv_clock_ms() + (stopping(push) ? 0 : settings.flush);
}

static bool finished(struct push *push)
{
    if (!stopping(push))
        return false;
    bool idle = push->traces.state == LANE_FREE && push->metrics.state == LANE_FREE;
    bool sent = (!push->targets[TV_PUSH_TRACES].wanted || collector_pressure(&push->collector) == 0) &&
                (!push->targets[TV_PUSH_METRICS].wanted || push->last_metrics_sent);
    return (idle && sent) || tv_clock_ms() >= push->stop_by_ms;
}

static void turn(struct push *push)
{
    struct curl_waitfd signals = {.fd = push->signals, .events = CURL_WAIT_POLLIN};
    int64_t now = tv_clock_ms();
    int running, ready;
    if (now - push->looked_ms >= LOOK_MS ||
        (stopping(push) && push->looked_ms < push->stop_by_ms - settings.flush)) {
        push->looked_ms = now;
        collector_look(&push->collector);
    }
    turn_traces(push, now);
    turn_metrics(push, now);
    curl_multi_perform(push->multi, &running);
    take_results(push);
    curl_multi_poll(push->multi, &signals, 1, TICK_MS, &ready);
    if (signals.revents)
        take_signal(push);
}

/* USR1 and USR2 as well: whoever tells a machine's or a container's programs to open their logs anew does not ask which of them this
 * one is, and by default it would end of it, with what it has taken from the rings. */
static int open_signals(void)
{
    static const int taken[] = {SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2};
    sigset_t mask;
    sigemptyset(&mask);
    for (size_t i = 0; i < TV_COUNT(taken); i++)
        sigaddset(&mask, taken[i]);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool start(struct push *push, struct tv_error *error)
{
    push->signals = open_signals();
    /* first, so that who watches the file sees a program that cannot begin */
    push->state = tv_push_state_take(watch.directory, error);
    if (!push->state)
        return false;
    push->collector.directory = watch.directory;
    push->batch_delay_ms = target_milliseconds("OTEL_BSP_SCHEDULE_DELAY", BATCH_DELAY_MS);
    push->metrics_each_ms = target_milliseconds("OTEL_METRIC_EXPORT_INTERVAL", METRICS_EACH_MS);
    int64_t spans = target_milliseconds("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", BATCH_SPANS);
    push->batch_spans = spans > 0 ? (unsigned)spans : BATCH_SPANS;
    resource_read(&push->resource);
    for (int signal = 0; signal < TV_PUSH_SIGNALS; signal++)
        if (!target_read(&push->targets[signal], (enum tv_push_signal)signal, error))
            return false;
    if (push->signals < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
        !(push->multi = curl_multi_init()))
        return tv_fail(error, 500, NULL, "signals or curl: %s", strerror(errno));
    return lane_init(&push->traces, &push->targets[TV_PUSH_TRACES], push->multi, push->state, error) &&
           lane_init(&push->metrics, &push->targets[TV_PUSH_METRICS], push->multi, push->state, error);
}

/* as_told: it did what it was told to. One that fails leaves its mark in the file, and is missed. */
static void end(struct push *push, bool as_told)
{
    lane_free(&push->traces);
    lane_free(&push->metrics);
    collector_free(&push->collector);
    if (push->multi)
        curl_multi_cleanup(push->multi);
    curl_global_cleanup();
    if (push->state && as_told)
        atomic_store(&push->state->pid, 0);
}

/* The address without what may stand before its host: a password has no place in a log. */
static const char *shown(const struct target *target)
{
    const char *at = strrchr(target->url, '@');
    return !target->wanted ? "nowhere" : at ? at + 1 : target->url;
}

static int run(void)
{
    static struct push push;
    struct tv_error error;
    if (!start(&push, &error)) {
        tv_log(TV_LOG_ERROR, "push.start", "%s", error.message);
        end(&push, false);
        return 1;
    }
    if (!push.targets[TV_PUSH_TRACES].wanted && !push.targets[TV_PUSH_METRICS].wanted) {
        tv_log(TV_LOG_INFO, "push.idle",
               "OTEL_EXPORTER_OTLP_ENDPOINT and its siblings say nothing: there is nothing to do");
        end(&push, true);
        return 0;
    }
    tv_log(TV_LOG_INFO, "push.start", "trivet-push %s: traces to %s, metrics to %s", tv_version(),
           shown(&push.targets[TV_PUSH_TRACES]), shown(&push.targets[TV_PUSH_METRICS]));
    push.metrics_due_ms = tv_clock_ms() + (push.metrics_each_ms < 5000 ? push.metrics_each_ms : 5000);
    while (!finished(&push))
        turn(&push);
    bool left = push.targets[TV_PUSH_TRACES].wanted && collector_pressure(&push.collector) > 0;
    tv_log(left ? TV_LOG_WARN : TV_LOG_INFO, "push.stopped", "%s",
           left ? "the time to flush is over; traces stay in the rings" : "all was sent");
    end(&push, true);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct tv_tool tool = {
        .name = "push",
        .summary = "sends traces and metrics by OTLP/HTTP",
        .usage = "OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:4318 trivet-push [--config FILE]",
        .options = options,
        .option_count = TV_COUNT(options),
        .settings = &settings,
        .watch = &watch,
        .run = run,
    };
    return tv_tool_main(&tool, argc, argv);
}
