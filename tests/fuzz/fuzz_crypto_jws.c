/* A token: whatever it is, it is taken apart or refused; and of those that name the key of RFC
 * 7515, appendix A.3, only the one signed there verifies. */
#include <stdint.h>
#include <stdlib.h>
#include <jansson.h>

#include "crypto/jws.h"

#define HEADER "eyJhbGciOiJFUzI1NiJ9"
#define PAYLOAD                                                                                    \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290I"    \
	"jp0cnVlfQ"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char keys[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
				   "\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":"
				   "\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
	struct bud_span token = {(const char *)data, size};
	struct bud_jwk_set *set = NULL;
	const struct bud_jwk *key;
	struct bud_jws jws = {0};

	must(bud_jwk_set_parse(bud_span(keys), &set, NULL) == 0);
	if (bud_jws_parse(token, &jws, NULL) == 0) {
		must(json_is_object(jws.header) && json_is_object(jws.payload));
		must(size <= BUD_JWS_BYTES_MAX);
		if (bud_jwk_set_choose(set, jws.kid, jws.algorithm, &key) == BUD_JWK_FOUND &&
			bud_jws_is_signed_by(&jws, key))
			must(bud_span_is(jws.signed_bytes, HEADER "." PAYLOAD));
	}
	bud_jws_finish(&jws);
	bud_jwk_set_unref(set);
	return 0;
}
