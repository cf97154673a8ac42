/* A patch: how the body of a PATCH becomes that of a PUT (RFC 7396). */
#pragma once

struct bud_subscription; /* subscription/subscription.h */
struct json_t;           /* jansson */

/* What a patch is merged into: what was given and may be shown. The caller json_decref()s it. */
struct json_t *bud_patch_base(const struct bud_subscription *subscription);
/* Changes `root`. Unlike bud_body_merge() it leaves a null where a hidden secret may be cleared by
 * one, so that the reader sees it. */
void bud_patch_merge(struct json_t *root, const struct json_t *patch);
