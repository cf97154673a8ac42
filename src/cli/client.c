/* The commands that talk to a server do it here, so that all tell failures alike. */
#include "cli/client.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/printable.h"
#include "core/error.h"
#include "fetch/once.h"

static void print_failure(const char *url, int r, const struct bud_error *error)
{
	switch (r) {
	case -ECONNREFUSED:
		fprintf(stderr, "cannot connect (%s): is budstikke serve running at %s?\n",
			error->text, url);
		return;
	case -EINVAL:
		fprintf(stderr, "--url %s: %s; it looks like %s\n", url, error->text,
			BUD_CLIENT_URL);
		return;
	default:
		fprintf(stderr, "no answer from %s: %s\n", url, error->text);
	}
}

/* Those of the request, and the token. */
static size_t gather_headers(const struct bud_client_request *request, struct bud_buffer *token,
	const char *out[BUD_CLIENT_HEADERS + 1])
{
	const char *bearer = getenv(BUD_CLIENT_TOKEN);
	size_t n = 0;

	assert(request->headers_n <= BUD_CLIENT_HEADERS);
	for (; n < request->headers_n; n++)
		out[n] = request->headers[n];
	if (bearer && bearer[0]) {
		bud_buffer_format(token, "Authorization: Bearer %s", bearer);
		out[n++] = token->at;
	}
	return n;
}

int bud_client_send(
	const struct bud_client_request *request, int *out_status, struct bud_buffer *out_answer)
{
	bud_auto(buffer) struct bud_buffer url = {0};
	bud_auto(buffer) struct bud_buffer token = {0};
	const char *headers[BUD_CLIENT_HEADERS + 1];
	size_t headers_n = gather_headers(request, &token, headers);
	struct bud_error error;
	size_t len = strlen(request->url);

	while (len > 0 && request->url[len - 1] == '/')
		len--;
	bud_buffer_format(&url, "%.*s%s", (int)len, request->url, request->path);
	struct bud_fetch_once_request fetch = {.method = request->method ? request->method : "POST",
		.url = url.at,
		.headers = headers,
		.headers_n = headers_n,
		.body = request->body};
	int r = bud_fetch_once(&fetch, out_status, out_answer, NULL, &error);
	if (r < 0)
		print_failure(request->url, r, &error);
	return r;
}

static const char *text_of(const json_t *problem, const char *name)
{
	return json_string_value(json_object_get(problem, name));
}

void bud_client_print_refusal(const char *subject, int status, const struct bud_buffer *answer)
{
	bud_auto(buffer) struct bud_buffer line = {0};
	json_auto_t *problem = answer->len ? json_loadb(answer->at, answer->len, 0, NULL) : NULL;
	const char *detail = text_of(problem, "detail");
	const char *title = text_of(problem, "title");
	const char *member = text_of(problem, "member");

	if (!detail)
		detail = title ? title : "refused, and the answer does not say why";
	bud_buffer_format(&line, "%s: %d: %s", subject, status, detail);
	if (member && !strstr(detail, member))
		bud_buffer_format(&line, " (%s)", member);
	if (!title)
		bud_buffer_format(&line, "; is this the address of budstikke serve?");
	bud_printable_make(&line);
	fprintf(stderr, "%s\n", line.at);
}
