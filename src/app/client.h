/* The HTTP clients of all threads: whatever goes out obeys the same settings. */
#pragma once
#include "fetch/fetch.h"

struct bud_app; /* app/app.h */

/* Networks, own ports, source addresses and proxy of this node; borrows from the app. */
struct bud_fetch_options bud_client_options(const struct bud_app *app);
