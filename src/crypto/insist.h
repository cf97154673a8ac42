/* Insisting that OpenSSL does what cannot fail: only when memory is out, or when OpenSSL was built
 * without an algorithm we need, it does not. Then the process ends, as by core/alloc.h. */
#pragma once

#define bud_insist(ok) bud_insist_on((ok) > 0, #ok)

/* Ends the process, with `what` in the log, unless `ok`. */
void bud_insist_on(int ok, const char *what);
