/*
 * terminal.c - the screen of top: plain ANSI sequences that any VT knows, no library. The terminal is given back however the
 * program ends, short of SIGKILL.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "tool.h"

#define ENTER "\033[?1049h\033[?25l\033[H\033[2J" /* another screen, no cursor */
#define LEAVE "\033[?25h\033[?1049l"

static struct {
    bool taken;
    int signals;
    struct termios before;
} terminal = {.signals = -1};

static void send_text(const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, text, length);
        if (written < 0 && errno != EINTR)
            return; /* a terminal that is gone: the hang-up follows */
        if (written > 0) {
            text += written;
            length -= (size_t)written;
        }
    }
}

static void take(void)
{
    struct termios raw = terminal.before;
    raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO); /* keys at once and unseen; Ctrl-C stays a signal */
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    send_text(ENTER, strlen(ENTER));
    terminal.taken = true;
}

void terminal_stop(void)
{
    if (!terminal.taken)
        return;
    terminal.taken = false;
    send_text(LEAVE, strlen(LEAVE));
    tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before);
}

bool terminal_start(struct tv_error *error)
{
    static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
    sigset_t mask;
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &terminal.before) != 0)
        return tv_fail(error, 500, NULL,
                       "top wants a terminal; for a file or a pipe there are --once and --json");
    sigemptyset(&mask);
    for (size_t i = 0; i < TV_COUNT(taken); i++)
        sigaddset(&mask, taken[i]);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    terminal.signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (terminal.signals < 0)
        return tv_fail(error, 500, NULL, "signalfd: %s", strerror(errno));
    atexit(terminal_stop);
    take();
    return true;
}

void terminal_size(size_t *lines, size_t *columns)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
    *lines = known ? size.ws_row : 24;
    *columns = known ? size.ws_col : 80;
}

/* Line for line over what is there, which flickers less than clearing first. The last line gets no end: it would scroll. */
void terminal_draw(struct tv_slice text)
{
    static const char home[] = "\033[H", rest[] = "\033[J";
    size_t end = strlen(TERMINAL_LINE), length = text.length;
    if (length >= end && memcmp(text.data + length - end, TERMINAL_LINE, end) == 0)
        length -= strlen("\r\n");
    send_text(home, strlen(home));
    send_text(text.data, length);
    send_text(rest, strlen(rest));
}

/* Ctrl-Z: the shell gets its terminal, and on return we take it again. */
static void suspend(void)
{
    terminal_stop();
    kill(getpid(), SIGSTOP);
    take();
}

static enum terminal_event take_signal(void)
{
    struct signalfd_siginfo info;
    enum terminal_event event = TERMINAL_REDRAW;
    while (read(terminal.signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGTSTP)
            suspend();
        else if (info.ssi_signo != SIGWINCH)
            event = TERMINAL_QUIT;
    }
    return event;
}

static enum terminal_event take_keys(void)
{
    char keys[64];
    ssize_t length = read(STDIN_FILENO, keys, sizeof keys);
    for (ssize_t i = 0; i < length; i++)
        if (keys[i] == 'q' || keys[i] == 'Q')
            return TERMINAL_QUIT;
    return length > 0 ? TERMINAL_REDRAW : TERMINAL_QUIT;
}

enum terminal_event terminal_wait(int64_t deadline_ms)
{
    struct pollfd watched[2] = {{.fd = terminal.signals, .events = POLLIN},
                                {.fd = STDIN_FILENO, .events = POLLIN}};
    int64_t left = deadline_ms - tv_clock_ms();
    int ready = poll(watched, 2, left > 0 ? (int)left : 0);
    if (ready > 0 && watched[0].revents)
        return take_signal();
    if (ready > 0 && watched[1].revents)
        return take_keys();
    return TERMINAL_TICK;
}
