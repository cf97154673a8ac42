/* Altinn's filters. */
#include "subscription/altinn_filters.h"

#include <jansson.h>

#include "subscription/subscription.h"

#define BEGIN "[{\"altinn\":{"

bool bud_altinn_filters_are(const struct bud_subscription *subscription)
{
	json_auto_t *root = NULL;

	if (!subscription->filters || subscription->source || subscription->n_types > 0 ||
		!bud_span_starts(bud_span(subscription->filters), bud_span(BEGIN)))
		return false;
	root = json_loads(subscription->filters, 0, NULL);
	return json_array_size(root) == 1;
}

void bud_altinn_filters_read(
	const struct bud_subscription *subscription, struct bud_altinn_filters *out_filters)
{
	json_t *root = json_loads(subscription->filters, 0, NULL);
	const json_t *members = json_object_get(json_array_get(root, 0), "altinn");
	const char *unit = json_string_value(json_object_get(members, "unit"));

	*out_filters = (struct bud_altinn_filters){
		.resource = json_string_value(json_object_get(members, "resource")),
		.type = json_string_value(json_object_get(members, "type")),
		.subject = unit ? unit : json_string_value(json_object_get(members, "subject")),
		.source = json_string_value(json_object_get(members, "source")),
		.includes_subunits = unit != NULL,
		.root = root,
	};
}

void bud_altinn_filters_finish(struct bud_altinn_filters *filters)
{
	json_decref(filters->root);
	filters->root = NULL;
}

void bud_altinn_filters_write(const struct bud_altinn_filters *filters, struct bud_buffer *out)
{
	bud_buffer_text(out, BEGIN);
	bud_buffer_member_text(out, "resource", filters->resource);
	bud_buffer_member_text(out, "type", filters->type);
	bud_buffer_member_text(
		out, filters->includes_subunits ? "unit" : "subject", filters->subject);
	bud_buffer_member_text(out, "source", filters->source);
	bud_buffer_text(out, "}}]");
}
