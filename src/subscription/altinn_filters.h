/* Altinn's filters: what a subscription of Altinn's Events API filters by, to and from the dialect
 * `altinn` of subscription/filter.h. */
#pragma once
#include <stdbool.h>
#include "core/text.h"

struct bud_subscription; /* subscription/subscription.h */
struct json_t;           /* jansson */

/* Texts, NULL where there is none. */
struct bud_altinn_filters {
	const char *resource;
	const char *type;
	const char *subject;
	const char *source; /* a base */
	bool includes_subunits;
	struct json_t *root; /* of what was read: owns the texts; else NULL */
};

/* Whether the subscription is one of these: its filters are one `altinn` and nothing else. */
bool bud_altinn_filters_are(const struct bud_subscription *subscription);
/* Reads those of such a one; bud_altinn_filters_finish() frees them. */
void bud_altinn_filters_read(
	const struct bud_subscription *subscription, struct bud_altinn_filters *out_filters);
void bud_altinn_filters_finish(struct bud_altinn_filters *filters);
/* Appends the value of `filters`; at least one text is there. */
void bud_altinn_filters_write(const struct bud_altinn_filters *filters, struct bud_buffer *out);
