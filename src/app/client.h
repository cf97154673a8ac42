/* The HTTP clients of all threads: whatever goes out obeys the same settings. */
#pragma once
#include "fetch/fetch.h"

struct bud_app; /* app/app.h */

/* Networks, own ports, source addresses and proxy of this node; borrows from the app. */
struct bud_fetch_options bud_client_options(const struct bud_app *app);
/* For those whom the configuration names: in any network, and over http: by auth.allow_http. The
 * networks are the caller's, until the client is open. */
struct bud_fetch_options bud_client_trusted_options(
	const struct bud_app *app, struct bud_networks *out_networks);
