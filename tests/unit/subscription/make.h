/* Events and subscriptions for tests, from JSON with ' for ". */
#pragma once
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/alloc.h"
#include "core/text.h"
#include "event/event.h"
#include "subscription/subscription.h"

#define NOW_MS 1700000000000

/* The members of config.tls for a client certificate. */
#define MAKE_TLS                                                                                   \
	"'certificate':'-----BEGIN CERTIFICATE-----AA','key':'-----BEGIN PRIVATE KEY-----BB'"

/* free() it. */
static inline char *make_json(const char *text)
{
	char *json = bud_strdup(text);

	for (char *at = json; *at; at++)
		if (*at == '\'')
			*at = '"';
	return json;
}

/* `members` come after those that every event has: ",'subject':'s'". */
static inline struct bud_event *make_event(
	const char *type, const char *source, const char *members)
{
	struct bud_buffer text = {0};
	struct bud_event *event;
	char *json;

	bud_buffer_format(&text, "{'specversion':'1.0','id':'e1','type':'%s','source':'%s'%s}",
		type, source, members);
	json = make_json(text.at);
	event = bud_event_create(bud_span("local"), bud_span(json));
	assert_non_null(event);
	bud_buffer_finish(&text);
	free(json);
	return event;
}

static const struct bud_subscription_defaults make_defaults = {
	.owner = "local", .now_ms = NOW_MS, .timeout_ms = 15000};

/* `members` come after sink and protocol. */
static inline struct bud_subscription *make_subscription(
	const char *id, uint64_t serial, const char *members)
{
	struct bud_subscription_defaults defaults = make_defaults;
	struct bud_subscription *made = NULL;
	struct bud_buffer text = {0};
	struct bud_error error = {0};
	char *json;

	defaults.id = id;
	bud_buffer_format(
		&text, "{'sink':'https://example.com/hook','protocol':'HTTP'%s}", members);
	json = make_json(text.at);
	if (bud_subscription_parse(bud_span(json), &defaults, &made, &error) < 0)
		fail_msg("%s: %s", json, error.text);
	made->serial = serial;
	bud_buffer_finish(&text);
	free(json);
	return made;
}
