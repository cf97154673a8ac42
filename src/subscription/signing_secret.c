/* Signing secrets. */
#include "subscription/signing_secret.h"

#include "crypto/secret.h"

#define MEMBER "config.signing.secret"

int bud_signing_secret_make(struct bud_span text, char **out_secret, struct bud_error *error)
{
	bud_auto(secret) struct bud_secret secret = {.len = 0};
	struct bud_buffer written = {0};
	struct bud_error fault;

	if (text.at && bud_secret_parse(text, &secret, &fault) < 0)
		return bud_error_set(error, MEMBER, MEMBER ": %s", fault.text);
	if (!text.at)
		bud_secret_generate(&secret);
	bud_buffer_reserve(&written, BUD_SECRET_TEXT_BYTES); /* so that it is never moved */
	bud_secret_write(&secret, &written);
	*out_secret = bud_strndup(written.at, written.len);
	explicit_bzero(written.at, written.len);
	bud_buffer_finish(&written);
	return 0;
}
