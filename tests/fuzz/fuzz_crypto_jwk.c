/* A JWK set: whatever an issuer answers, there are usable keys in bounds, or it is refused. */
#include <stdint.h>
#include <stdlib.h>

#include "crypto/jwk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bud_jwk_set *set = NULL;
	const struct bud_jwk *key = NULL;

	if (bud_jwk_set_parse((struct bud_span){(const char *)data, size}, &set, NULL) < 0) {
		if (set)
			abort();
		return 0;
	}
	if (bud_jwk_set_count(set) == 0 || bud_jwk_set_count(set) > BUD_JWK_KEYS_MAX)
		abort();
	for (unsigned i = 0; i < BUD_JWS_ALGORITHMS; i++)
		(void)bud_jwk_set_choose(
			set, (struct bud_span){NULL, 0}, (enum bud_jws_algorithm)i, &key);
	bud_jwk_set_unref(set);
	return 0;
}
