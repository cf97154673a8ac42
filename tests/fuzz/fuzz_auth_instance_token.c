/* An instance token from a stranger: whatever it is, it is refused with a reason, or it is whole.
 */
#include <stdint.h>
#include <stdlib.h>

#include "auth/instance_token.h"
#include "crypto/keyring.h"
#include "crypto/signing_key.h"

/* 32 bytes of zeros: the corpus has tokens by it. */
#define KEY    "whsk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define NOW_MS 1700000000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bud_signing_key *key;
	struct bud_span text = {(const char *)data, size};
	struct bud_instance_token token = {0};
	struct bud_error error = {0};
	struct bud_key_set set;

	must(key || bud_signing_key_parse(bud_span(KEY), &key, &error) == 0);
	set = (struct bud_key_set){.keys_n = 1, .signers_n = 1, .keys = {key}};
	(void)bud_instance_token_is(text);
	if (bud_instance_token_read(&set, text, NOW_MS, &token, &error) < 0) {
		must(error.text[0] != '\0' && !token.maker);
		return 0;
	}
	must(bud_instance_token_is(text));
	must(token.maker && token.instance && token.expires_s > NOW_MS / 1000);
	bud_instance_token_finish(&token);
	return 0;
}
