/* Insisting. */
#include "crypto/insist.h"

#include <stdio.h>
#include <stdlib.h>

void bud_insist_on(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "level=error msg=\"OpenSSL failed\" call=\"%s\"\n", what);
	abort();
}
