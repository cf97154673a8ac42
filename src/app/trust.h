/* Who is believed: what the configuration says about authentication, made ready for all threads. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"

struct bud_app; /* app/app.h */

/* Reads the issuers' file, if one is set, and fills app->scope_rules and trust. Negative with
 * `error` filled: the setting or the file is wrong. */
BUD_MUST_CHECK int bud_app_trust_open(struct bud_app *app, struct bud_error *error);
/* By the main thread: reads the issuers' file again. One that is
 * wrong changes nothing and is said to be. */
void bud_app_trust_reload(struct bud_app *app);
/* After all threads. */
void bud_app_trust_close(struct bud_app *app);
