/* Answers as Altinn gives them. Within api/ only. */
#pragma once
#include <stdint.h>

struct bud_config;       /* config/config.h */
struct bud_request;      /* http/request.h */
struct bud_subscription; /* subscription/subscription.h */
struct bud_buffer;       /* core/text.h */

/* A text as JSON: how the subscriptions say what is wrong. */
void bud_altinn_answer_text(struct bud_request *request, int status, const char *text);
/* A problem whose detail is Altinn's message: how the events do. */
void bud_altinn_answer_problem(struct bud_request *request, int status, const char *detail);
/* 403: a scope is missing, which WWW-Authenticate names. */
void bud_altinn_answer_scope(struct bud_request *request, const char *scopes);
/* Appends where addresses in answers begin, which are absolute as Altinn's: what others know us by,
 * or what this request came by. */
void bud_altinn_write_base(
	const struct bud_config *config, const struct bud_request *request, struct bud_buffer *out);
/* Appends a subscription that bud_altinn_filters_are(). `alternative_subject` is what its creation
 * asked for, or NULL. */
void bud_altinn_write_subscription(const struct bud_subscription *subscription,
	const char *alternative_subject, struct bud_buffer *out);
