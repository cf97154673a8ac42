/* Patches. */
#include "subscription/patch.h"

#include <jansson.h>

#include "core/text.h"
#include "subscription/body.h"
#include "subscription/subscription.h"

/* What was given and may be shown, so that a default stays one. */
struct json_t *bud_patch_base(const struct bud_subscription *subscription)
{
	struct bud_buffer written = {0};
	json_t *root;

	bud_subscription_write_given(subscription, &written);
	root = json_loadb(written.at, written.len, 0, NULL);
	bud_buffer_finish(&written);
	return root;
}

/* A merge drops what is null; where a secret is hidden, null still says something: put it back. */
static void keep_null(json_t *root, const json_t *patch, const char *const *path)
{
	for (; path[1] && json_is_object(patch); path++) {
		patch = json_object_get(patch, path[0]);
		root = json_object_get(root, path[0]);
	}
	if (json_is_null(json_object_get(patch, path[0])))
		json_object_set_new(root, path[0], json_null());
}

void bud_patch_merge(struct json_t *root, const struct json_t *patch)
{
	static const char *const nulls[][4] = {{"sinkcredential", NULL},
		{"sinkcredential", "secret", NULL}, {"sinkcredential", "accesstoken", NULL},
		{"sinkcredential", "refreshtoken", NULL}, {"config", "signing", "secret", NULL},
		{"config", "tls", "key", NULL}};
	const json_t *type =
		json_object_get(json_object_get(patch, "sinkcredential"), "credentialtype");
	const json_t *old =
		json_object_get(json_object_get(root, "sinkcredential"), "credentialtype");

	/* One of another type has nothing of the old one. */
	if (type && old && !json_equal(type, old))
		json_object_del(root, "sinkcredential");
	bud_body_merge(root, patch);
	for (size_t i = 0; i < sizeof(nulls) / sizeof(*nulls); i++)
		keep_null(root, patch, nulls[i]);
}
