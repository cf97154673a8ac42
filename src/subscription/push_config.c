/* Push configs. */
#include "subscription/push_config.h"

#include <stdlib.h>
#include <string.h>

#include "subscription/credential.h"
#include "subscription/pool.h"

const struct bud_push_config bud_push_config_default = {
	.retry.jitter_percent = -1,
	.batch_events = 100,
	.batch_bytes = 256u << 10,
	.batch_wait_ms = 1000,
	.signatures = BUD_SIGNATURE_V1,
};

void bud_push_config_destroy(const struct bud_push_config *config)
{
	struct bud_credential credential;

	if (!config || config == &bud_push_config_default)
		return;
	if (config->shared) {
		bud_pool_return_config(config);
		return;
	}
	credential = config->credential; /* by value: the config is const, what it owns goes */
	for (size_t i = 0; i < config->previous_n; i++)
		bud_free_secret(config->previous[i].secret);
	bud_credential_finish(&credential);
	free(config->ca_pem);
	free(config->certificate_pem);
	bud_free_secret(config->key_pem);
	free((void *)config);
}
