/* Random bytes and numbers. */
#include "core/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "core/text.h"

void bud_random_bytes(void *out, size_t len)
{
	char *at = out;

	while (len > 0) {
		ssize_t n = getrandom(at, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			abort();
		at += n;
		len -= (size_t)n;
	}
}

void bud_random_hex(char *out, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[16];

	while (len > 0) {
		size_t n = len < sizeof(bytes) ? len : sizeof(bytes);
		bud_random_bytes(bytes, n);
		for (size_t i = 0; i < n; i++) {
			*out++ = digits[bytes[i] >> 4];
			*out++ = digits[bytes[i] & 15];
		}
		len -= n;
	}
	*out = '\0';
}

/* xorshift64*, seeded once per thread. */
uint64_t bud_random_below(uint64_t below)
{
	static _Thread_local uint64_t state;

	while (state == 0)
		bud_random_bytes(&state, sizeof(state));
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return below ? (state * 0x2545F4914F6CDD1DULL >> 11) % below : 0;
}
