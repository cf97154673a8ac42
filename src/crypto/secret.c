/* A signing secret. */
#include "crypto/secret.h"

#include <openssl/crypto.h>

#include "core/random.h"
#include "crypto/base64.h"

static const char prefix[] = "whsec_";

int bud_secret_parse(struct bud_span text, struct bud_secret *out_secret, struct bud_error *error)
{
	struct bud_secret secret = {0};
	struct bud_span encoded = text;
	int r;

	if (!bud_span_starts(text, bud_span(prefix)))
		return bud_error_set(error, NULL,
			"a signing secret is \"%s\" followed by %d to %d random bytes in base64",
			prefix, BUD_SECRET_BYTES_MIN, BUD_SECRET_BYTES_MAX);
	encoded.at += strlen(prefix);
	encoded.len -= strlen(prefix);
	r = bud_base64_decode(
		encoded, BUD_BASE64_UNPADDED, secret.bytes, sizeof(secret.bytes), &secret.len);
	if (r == 0 && secret.len >= BUD_SECRET_BYTES_MIN) {
		*out_secret = secret;
		bud_secret_finish(&secret);
		return 0;
	}
	bud_secret_finish(&secret);
	if (r < 0 && encoded.len <= BUD_BASE64_LEN(BUD_SECRET_BYTES_MAX))
		return bud_error_set(error, NULL,
			"what follows \"%s\" is not base64 in the "
			"standard alphabet (A-Z a-z 0-9 + /)",
			prefix);
	return bud_error_set(error, NULL,
		"what follows \"%s\" must be %d to %d bytes in base64, that is %d to %d characters",
		prefix, BUD_SECRET_BYTES_MIN, BUD_SECRET_BYTES_MAX,
		BUD_BASE64_LEN(BUD_SECRET_BYTES_MIN), BUD_BASE64_LEN(BUD_SECRET_BYTES_MAX));
}

void bud_secret_generate(struct bud_secret *out_secret)
{
	*out_secret = (struct bud_secret){.len = BUD_SECRET_BYTES_MADE};
	bud_random_bytes(out_secret->bytes, out_secret->len);
}

void bud_secret_write(const struct bud_secret *secret, struct bud_buffer *out)
{
	bud_buffer_text(out, prefix);
	bud_base64_write((struct bud_span){(const char *)secret->bytes, secret->len}, out);
}

void bud_secret_finish(struct bud_secret *secret)
{
	if (secret)
		OPENSSL_cleanse(secret, sizeof(*secret));
}

void bud_secret_auto(struct bud_secret *secret)
{
	bud_secret_finish(secret);
}
