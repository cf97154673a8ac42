/* Answers as Altinn gives them: absent members are left out. */
#include "api/altinn_answer.h"

#include <inttypes.h>

#include "access/refusal.h"
#include "config/config.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"
#include "http/reply.h"
#include "http/request.h"
#include "http/status.h"
#include "subscription/altinn_filters.h"
#include "subscription/subscription.h"

void bud_altinn_write_base(
	const struct bud_config *config, const struct bud_request *request, struct bud_buffer *out)
{
	if (config->delivery.callback_url[0] != '\0') {
		bud_buffer_text(out, config->delivery.callback_url);
		return;
	}
	bud_buffer_text(out, "http://");
	bud_buffer_span(out, bud_request_header(request, "Host"));
}

void bud_altinn_answer_text(struct bud_request *request, int status, const char *text)
{
	bud_auto(buffer) struct bud_buffer body = {0};

	bud_buffer_json(&body, bud_span(text));
	bud_reply(request, status, "application/json", bud_buffer_as_span(&body));
}

void bud_altinn_answer_problem(struct bud_request *request, int status, const char *detail)
{
	struct bud_error error;

	(void)bud_error_set(&error, NULL, "%s", detail);
	bud_reply_problem(
		request, status, bud_status_slug(status), bud_status_reason(status), &error);
}

void bud_altinn_answer_scope(struct bud_request *request, const char *scopes)
{
	struct bud_span rest = bud_span(scopes);
	struct bud_span first = bud_span_trim(bud_span_take_until(&rest, ','));
	bud_auto(buffer) struct bud_buffer scope = {0};
	struct bud_error error;

	bud_buffer_span(&scope, first);
	bud_buffer_text(&scope, "");
	(void)bud_error_set(&error, NULL, "the token lacks the scope %s", scope.at);
	bud_refusal_reply(request, scope.at, &error);
}

void bud_altinn_write_subscription(const struct bud_subscription *subscription,
	const char *alternative_subject, struct bud_buffer *out)
{
	struct bud_altinn_filters filters;
	char created[25];

	bud_altinn_filters_read(subscription, &filters);
	bud_clock_write(subscription->created_ms, created);
	bud_buffer_format(out, "{\"id\":%" PRIu64, subscription->serial);
	bud_buffer_member_text(out, "endPoint", subscription->sink);
	bud_buffer_member_text(out, "sourceFilter", filters.source);
	bud_buffer_member_text(out, "subjectFilter", filters.subject);
	bud_buffer_member_text(out, "resourceFilter", filters.resource);
	bud_buffer_member_text(out, "alternativeSubjectFilter", alternative_subject);
	bud_buffer_member_text(out, "typeFilter", filters.type);
	bud_buffer_member_text(out, "consumer", subscription->owner);
	bud_buffer_member_text(out, "createdBy", subscription->owner);
	bud_buffer_member_text(out, "created", created);
	bud_buffer_format(out, ",\"validated\":%s,\"includeSubunits\":%s}",
		subscription->status.granted_ms != 0 ? "true" : "false",
		filters.includes_subunits ? "true" : "false");
	bud_altinn_filters_finish(&filters);
}
