/* Refusals. A subject is a person or a party, so it is not repeated to anybody. */
#include "access/refusal.h"

#include "auth/question.h"
#include "core/alloc.h"
#include "core/error.h"
#include "http/reply.h"

void bud_refusal_text(const struct bud_question *question, const struct bud_ruling *ruling,
	struct bud_error *error)
{
	struct bud_span resource = question->resource;

	(void)bud_error_set(error, "resource", "%.*s may not %s %s%.*s: %s%s%s%s",
		(int)question->who.len, question->who.at, bud_action_word(question->action),
		resource.len > 0 ? "events of " : "these events", (int)resource.len,
		resource.len > 0 ? resource.at : "", ruling->rule,
		ruling->scope[0] ? " needs the scope " : "", ruling->scope,
		ruling->scope[0] && !resource.at
			? ", or a filter with an exact resource that it is not about"
			: "");
}

void bud_refusal_add_challenge(struct bud_request *request, const char *scope)
{
	bud_auto(buffer) struct bud_buffer field = {0};

	if (scope[0] == '\0')
		return;
	bud_buffer_format(&field, "Bearer error=\"insufficient_scope\", scope=\"%s\"", scope);
	bud_reply_header(request, "WWW-Authenticate", field.at);
}

void bud_refusal_reply(
	struct bud_request *request, const char *scope, const struct bud_error *error)
{
	bud_refusal_add_challenge(request, scope);
	bud_reply_problem(request, 403, "forbidden", "Not authorized", error);
}
