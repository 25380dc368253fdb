/*
 * order.c - tests of the lines by which a pool's master is told what to do.
 */
#include "serve/order.h"

#include "tap.h"

static struct tv_order order;
static struct tv_error error;

static bool reads(const char *line)
{
    return tv_order_read(tv_slice_of(line), &order, &error);
}

static void right_ones(void)
{
    ok(reads("processes +2") && order.verb == TV_ORDER_PROCESSES && order.sign == '+' && order.number == 2,
       "more processes");
    ok(reads("processes -1") && order.sign == '-' && order.number == 1, "fewer");
    ok(reads("processes =0") && order.sign == '=' && order.number == 0, "none: bounds are the master's");
    ok(reads("workers =64") && order.verb == TV_ORDER_WORKERS && order.number == 64, "workers");
    ok(reads("  workers \t =7 ") && order.number == 7, "blanks around");
    ok(reads("processes =1000000"), "the largest number");
    ok(reads("reload") && order.verb == TV_ORDER_RELOAD, "reload");
    ok(reads("drain ") && order.verb == TV_ORDER_DRAIN, "drain");
    if (ok(reads("level debug") && order.verb == TV_ORDER_LEVEL, "level"))
        is_text(order.level, "debug", "its name");
    ok(reads("level fifteen-letters"), "any short word is a level here: which there are, the log knows");
}

static void wrong_ones(void)
{
    static const char *const lines[] = {
        "",
        " ",
        "stop",
        "Reload",
        "reloa",
        "reloadd",
        "reload all",
        "drain now",
        "processes",
        "processes 2",
        "processes +",
        "processes +0",
        "processes -0",
        "processes + 2",
        "processes ++2",
        "processes =-2",
        "processes =2x",
        "processes =0x2",
        "processes =1000001",
        "processes =99999999999999999999",
        "workers",
        "level",
        "level sixteen-letters-",
    };
    for (size_t i = 0; i < TV_COUNT(lines); i++)
        ok(!reads(lines[i]) && error.status == 400, "refused: \"%s\": %s", lines[i], error.message);
    ok(!tv_order_read(TV_SLICE("processes \0002"), &order, &error), "a NUL byte for a sign");
    ok(!tv_order_read(TV_SLICE("reload\0"), &order, &error), "a NUL byte at the end");
    ok(!tv_order_read((struct tv_slice){NULL, 0}, &order, &error), "nothing at all");
}

static int64_t applied(const char *line, int64_t now)
{
    int64_t wanted = -1;
    return reads(line) && tv_order_apply(&order, "processes", now, 1, 32, &wanted, &error) ? wanted : -1;
}

static void bounds(void)
{
    is_number(applied("processes +2", 2), 4, "2 and 2 more");
    is_number(applied("processes -1", 2), 1, "one fewer");
    is_number(applied("processes =32", 2), 32, "the most");
    is_number(applied("processes =1", 32), 1, "the least");
    is_number(applied("processes -2", 2), -1, "not none");
    is_number(applied("processes +1", 32), -1, "not above the most");
    if (is_number(error.status, 409, "which is a conflict"))
        is_text(error.message, "33 processes: a pool has 1 to 32 (now 32)", "that says what is allowed");
}

int main(void)
{
    right_ones();
    wrong_ones();
    bounds();
    return done_testing();
}
