/*
 * wire.c - speaks FastCGI to running pools as no web server should. tests/wire/run starts the pools and then this.
 */
#include "tests.h"

#include <signal.h>

#include "pools.h"

#include "tap.h"

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (!pools_find()) {
        puts("Bail out! start this with tests/wire/run");
        return 1;
    }
    pools_are_well("the start");
    test_malformed();
    test_protocol();
    test_crowd();
    return done_testing();
}
