/* The decision point. It permits by the subject's name alone. */
#include "pdp.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "http/listener.h"
#include "http/reply.h"
#include "http/request.h"

static void on_request(void *context, struct bud_request *request);

static const struct bud_route routes[] = {{"POST", "/decide", on_request, 4u << 20, 0}};
static struct bud_route_table table = {routes, 1, NULL};

void pdp_open(struct pdp *pdp, uv_loop_t *loop)
{
	struct bud_listener_options options = {
		.host = "127.0.0.1", .tables = &table, .n_tables = 1};
	int err = 0;

	*pdp = (struct pdp){.permitted = ""};
	bud_list_init(&pdp->waiting);
	table.context = pdp;
	pdp->listener = bud_listener_open(loop, &options, &err);
	assert(pdp->listener);
	pdp->port = bud_listener_port(pdp->listener);
}

static void answer(struct bud_request *request, const char *text)
{
	bud_reply(request, 200, "application/json", bud_span(text));
}

void pdp_close(struct pdp *pdp)
{
	while (!bud_list_is_empty(&pdp->waiting)) {
		struct bud_request *request =
			bud_list_first(&pdp->waiting, struct bud_request, link);
		bud_list_remove(&request->link);
		answer(request, "{}");
	}
	bud_listener_close(pdp->listener, NULL, NULL);
}

void pdp_finish(struct pdp *pdp)
{
	bud_buffer_finish(&pdp->body);
	bud_buffer_finish(&pdp->field);
}

/* The value of the first attribute of the entry that has this id. */
static const char *subject_of(const json_t *subjects, const char *id)
{
	size_t i;
	json_t *entry;

	json_array_foreach(subjects, i, entry)
	{
		json_t *first = json_array_get(json_object_get(entry, "Attribute"), 0);
		if (strcmp(json_string_value(json_object_get(entry, "Id")), id) == 0)
			return json_string_value(json_object_get(first, "Value"));
	}
	return "";
}

static bool is_permitted(const struct pdp *pdp, const char *who)
{
	struct bud_span rest = bud_span(pdp->permitted);

	if (bud_span_is(rest, "*"))
		return true;
	while (rest.len > 0)
		if (bud_span_is(bud_span_take_until(&rest, ' '), who))
			return true;
	return false;
}

static void decide(struct pdp *pdp, struct bud_request *request)
{
	json_auto_t *root = json_loadb(request->body.at, request->body.len, 0, NULL);
	json_t *asked = json_object_get(root, "Request");
	json_t *references =
		json_object_get(json_object_get(asked, "MultiRequests"), "RequestReference");
	bud_auto(buffer) struct bud_buffer out = {0};
	size_t n = json_array_size(references) - (pdp->mode == PDP_ONE_SHORT);

	pdp->questions += json_array_size(references);
	bud_buffer_text(&out, "{\"Response\":[");
	for (size_t i = 0; i < n; i++) {
		json_t *ids = json_object_get(json_array_get(references, i), "ReferenceId");
		const char *who = subject_of(json_object_get(asked, "AccessSubject"),
			json_string_value(json_array_get(ids, 0)));
		bud_buffer_format(&out, "%s{\"Decision\":\"%s\"}", i > 0 ? "," : "",
			is_permitted(pdp, who) ? "Permit" : "Deny");
	}
	bud_buffer_text(&out, "]}");
	answer(request, out.at);
}

static void on_request(void *context, struct bud_request *request)
{
	struct pdp *pdp = context;
	bud_auto(buffer) struct bud_buffer huge = {0};

	pdp->calls++;
	bud_buffer_clear(&pdp->body);
	bud_buffer_span(&pdp->body, request->body);
	bud_buffer_clear(&pdp->field);
	bud_buffer_span(&pdp->field, bud_request_header(request, "X-Key"));
	switch (pdp->mode) {
	case PDP_ANSWERS:
	case PDP_ONE_SHORT:
		decide(pdp, request);
		break;
	case PDP_NO_JSON:
		answer(request, "<html>Permit</html>");
		break;
	case PDP_HUGE:
		for (int i = 0; i < 2 << 20; i++)
			bud_buffer_byte(&huge, ' ');
		answer(request, huge.at);
		break;
	case PDP_STATUS_500:
		bud_reply(request, 500, NULL, bud_span(""));
		break;
	case PDP_SILENT:
		bud_list_append(&pdp->waiting, &request->link);
		break;
	}
}
