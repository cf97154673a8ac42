/* Signers of sinks. Secrets are overwritten where they were copied. */
#include "access/sink_signer.h"

#include <assert.h>

#include "crypto/keyring.h"
#include "crypto/secret.h"
#include "crypto/signer.h"
#include "subscription/push_config.h"
#include "subscription/subscription.h"

bool bud_sink_needs_keys(const struct bud_subscription *subscription)
{
	return subscription->config->signatures & (BUD_SIGNATURE_V1A | BUD_SIGNATURE_RFC9421);
}

struct bud_signer *bud_sink_signer_create(const struct bud_subscription *subscription,
	const struct bud_key_set *set, int64_t now_ms, int64_t *out_until_ms)
{
	const struct bud_push_config *config = subscription->config;
	struct bud_secret secrets[BUD_SIGNER_SECRETS_MAX] = {{{0}, 0}};
	struct bud_signer_options options = {.secrets = secrets,
		.secrets_n = 1,
		.keys = set ? set->keys : NULL,
		.keys_n = set ? set->signers_n : 0,
		.v1 = (config->signatures & BUD_SIGNATURE_V1) != 0,
		.v1a = (config->signatures & BUD_SIGNATURE_V1A) != 0,
		.message = config->signatures & BUD_SIGNATURE_RFC9421
				   ? BUD_MESSAGE_SIGNATURE_ED25519
				   : BUD_MESSAGE_SIGNATURE_NONE,
		.by_authority = config->signs_authority};
	struct bud_signer *signer;
	struct bud_error error;
	int r;

	*out_until_ms = INT64_MAX;
	if (bud_sink_needs_keys(subscription) && options.keys_n == 0)
		return NULL;
	r = bud_secret_parse(bud_span(subscription->secret), &secrets[0], &error);
	for (size_t i = 0; r == 0 && i < config->previous_n; i++) {
		const struct bud_previous_secret *previous = &config->previous[i];
		if (now_ms >= previous->until_ms || options.secrets_n == BUD_SIGNER_SECRETS_MAX)
			continue;
		r = bud_secret_parse(
			bud_span(previous->secret), &secrets[options.secrets_n++], &error);
		if (previous->until_ms < *out_until_ms)
			*out_until_ms = previous->until_ms;
	}
	assert(r == 0); /* the API accepted none that could fail here */
	signer = bud_signer_create(&options);
	for (size_t i = 0; i < options.secrets_n; i++)
		bud_secret_finish(&secrets[i]);
	return signer;
}
