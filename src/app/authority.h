/* The authority and the quotas as the configuration wants them, and the policy read again on
 * SIGHUP. */
#pragma once
#include "core/alloc.h"

struct bud_app;   /* app/app.h */
struct bud_error; /* core/error.h */

/* Makes app->authority and app->quota. -EINVAL or the file's errno: the policy cannot be used,
 * `error` says where.
 */
BUD_MUST_CHECK int bud_app_authority_make(struct bud_app *app, struct bud_error *error);
/* By the main thread. A policy that is wrong changes nothing and is said to be. */
void bud_app_authority_reload(struct bud_app *app);
/* No thread uses it any more. */
void bud_app_authority_close(struct bud_app *app);
