/*
 * top.c - trivet-ops top: two frames in turn, each drawn with what happened since the other.
 */
#include <poll.h>
#include <stdlib.h>

#include "tool.h"

#define FRAME_BYTES (4 << 20)
#define FIRST_MS    500 /* the first rates come soon; later ones are as of the interval */

static void print(struct tv_buffer *out)
{
    if (!tv_buffer_failed(out))
        fwrite(out->data, 1, out->length, stdout);
    fflush(stdout);
    tv_buffer_reset(out, FRAME_BYTES);
}

static void draw(const struct frame *frame, struct tv_buffer *out)
{
    size_t lines, columns;
    terminal_size(&lines, &columns);
    frame_write_text(frame, out, lines, columns, TERMINAL_LINE);
    if (!tv_buffer_failed(out))
        terminal_draw(tv_buffer_view(out));
    tv_buffer_reset(out, FRAME_BYTES);
}

/* Draws until someone wants to leave. */
static int watch(struct frame *frames, const char *directory, int64_t interval_ms, struct tv_buffer *out)
{
    struct tv_error error;
    enum terminal_event event;
    int64_t wait = interval_ms < FIRST_MS ? interval_ms : FIRST_MS;
    if (!terminal_start(&error)) {
        tool_fail(&error);
        return TOOL_USAGE;
    }
    for (int now = 1;; now = !now, wait = interval_ms) {
        int64_t due = tv_clock_ms() + wait;
        draw(&frames[!now], out);
        while ((event = terminal_wait(due)) == TERMINAL_REDRAW)
            draw(&frames[!now], out);
        if (event == TERMINAL_QUIT)
            break;
        if (!frame_take(&frames[now], &frames[!now], directory, &error)) {
            terminal_stop();
            return tool_fail(&error);
        }
    }
    terminal_stop();
    return TOOL_DONE;
}

/* Prints a frame after each interval: one, or (as JSON only) without end. */
static int print_frames(struct frame *frames, const char *directory, const struct tool *tool,
                        struct tv_buffer *out)
{
    struct tv_error error;
    for (int now = 1;; now = !now) {
        poll(NULL, 0, (int)tool->interval_ms);
        if (!frame_take(&frames[now], &frames[!now], directory, &error))
            return tool_fail(&error);
        if (tool->json)
            frame_write_json(&frames[now], out);
        else
            frame_write_text(&frames[now], out, 0, 0, "\n");
        print(out);
        if (tool->once || ferror(stdout))
            return TOOL_DONE;
    }
}

int command_top(struct tool *tool)
{
    struct tv_error error;
    struct tv_buffer out;
    const char *directory = tool_directory(tool, &error);
    struct frame *frames = calloc(2, sizeof *frames);
    int status = TOOL_REFUSED;
    tv_buffer_init(&out, FRAME_BYTES);
    if (!frames)
        tv_fail(&error, 500, NULL, "no memory");
    if (!frames || !directory || !frame_take(&frames[0], NULL, directory, &error))
        tool_fail(&error);
    else if (tool->once || tool->json)
        status = print_frames(frames, directory, tool, &out);
    else
        status = watch(frames, directory, tool->interval_ms, &out);
    tv_buffer_free(&out);
    free(frames);
    return status;
}
