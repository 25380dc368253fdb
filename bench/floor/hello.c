/*
 * hello.c - the floor of an empty answer: nothing is asked of anyone. See floor.h.
 */
#include <fcgiapp.h>

#include "floor.h"

static void *open_thread(void)
{
    static char nothing;
    return &nothing;
}

/* As many bytes as trivet-hello sends when no store is configured. */
static bool answer(void *state, const FCGX_Request *request, struct floor_out *out)
{
    (void)state;
    (void)request;
    floor_text(out, "Content-Type: application/json\r\nVary: Accept\r\nCache-Control: no-store\r\n\r\n"
                    "{\"greeting\":\"Hello. This is Trivet: MySQL, MongoDB and Redis over HTTP.\","
                    "\"version\":\"0.0.0\",\"stores\":{\"mysql\":{\"state\":\"not configured\"},"
                    "\"mongo\":{\"state\":\"not configured\"},\"redis\":{\"state\":\"not configured\"}}}\n");
    return true;
}

int main(void)
{
    static const struct floor_program program = {open_thread, answer};
    return floor_run(&program);
}
