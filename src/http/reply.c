/* Replies: what a handler says, handed to the connection. */
#include "http/reply.h"

#include "core/error.h"
#include "http/connection.h"

#define PROBLEM_TYPE "https://budstikke.no/problems/"

static struct bud_exchange *exchange_of(struct bud_request *request)
{
	return bud_container(request, struct bud_exchange, request);
}

void bud_reply_header(struct bud_request *request, const char *name, const char *value)
{
	struct bud_buffer *fields = &exchange_of(request)->fields;

	bud_buffer_text(fields, name);
	bud_buffer_text(fields, ": ");
	for (const char *at = value; *at; at++) {
		bool is_control = (unsigned char)*at < 0x20 || *at == 0x7f;
		bud_buffer_byte(fields, is_control ? ' ' : *at);
	}
	bud_buffer_text(fields, "\r\n");
}

void bud_reply(
	struct bud_request *request, int status, const char *content_type, struct bud_span body)
{
	struct bud_exchange *exchange = exchange_of(request);
	struct bud_answer answer = {
		status, content_type, bud_buffer_as_span(&exchange->fields), body};

	bud_connection_answer(exchange, &answer);
}

/* An error's text may have been cut in the middle of a character. */
static void write_text(struct bud_buffer *out, const char *text)
{
	bud_auto(buffer) struct bud_buffer plain = {0};

	if (bud_utf8_is_valid(text, strlen(text))) {
		bud_buffer_json(out, bud_span(text));
		return;
	}
	for (const char *at = text; *at; at++)
		bud_buffer_byte(&plain, (unsigned char)*at < 0x80 ? *at : '?');
	bud_buffer_json(out, bud_buffer_as_span(&plain));
}

void bud_reply_write_problem(struct bud_buffer *out, int status, const char *slug,
	const char *title, const struct bud_error *error)
{
	bud_buffer_text(out, "{\"type\":\"" PROBLEM_TYPE);
	bud_buffer_text(out, slug);
	bud_buffer_text(out, "\",\"title\":");
	write_text(out, title);
	bud_buffer_format(out, ",\"status\":%d", status);
	if (error && error->text[0]) {
		bud_buffer_text(out, ",\"detail\":");
		write_text(out, error->text);
	}
	if (error && error->member[0]) {
		bud_buffer_text(out, ",\"member\":");
		write_text(out, error->member);
	}
	bud_buffer_byte(out, '}');
}

void bud_reply_problem(struct bud_request *request, int status, const char *slug, const char *title,
	const struct bud_error *error)
{
	bud_auto(buffer) struct bud_buffer body = {0};

	bud_reply_write_problem(&body, status, slug, title, error);
	bud_reply(request, status, "application/problem+json", bud_buffer_as_span(&body));
}

void bud_request_drop(struct bud_request *request)
{
	bud_connection_drop(exchange_of(request));
}
