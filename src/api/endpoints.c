/* The list of endpoints: page read -> rows as they come -> answered. */
#include "api/endpoints.h"

#include <stdlib.h>

#include "api/desk.h"
#include "api/failure.h"
#include "api/page.h"
#include "auth/identity.h"
#include "auth/need.h"
#include "core/error.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/endpoints.h"

static void handle_list(void *context, struct bud_request *request);
static void on_row(void *owner, int err, const struct bud_endpoint_row *row);

const struct bud_route bud_endpoints_routes[] = {
	{"GET", "/endpoints", handle_list, 0, BUD_NEED_SUBSCRIBE},
};
const size_t bud_endpoints_routes_n =
	sizeof(bud_endpoints_routes) / sizeof(bud_endpoints_routes[0]);

static const struct bud_page_rule rule = {"after", 50, BUD_ENDPOINT_PAGE_MAX, .is_by_id = true};

struct list {
	struct bud_request *request;
	struct bud_page page;
	struct bud_buffer body;
	size_t seen; /* of all owners */
	size_t n;
};

/* What a node published is an object; its name goes in front. */
static void write_node(const struct bud_endpoint_node *node, struct bud_buffer *out)
{
	bud_buffer_text(out, "{\"node\":");
	bud_buffer_json(out, node->node);
	if (node->json.len > 2 && node->json.at[0] == '{') {
		bud_buffer_byte(out, ',');
		bud_buffer_add(out, node->json.at + 1, node->json.len - 1);
	} else {
		bud_buffer_byte(out, '}');
	}
}

void bud_endpoints_write(const struct bud_endpoint_row *row, struct bud_buffer *out)
{
	bud_buffer_text(out, "{\"id\":");
	bud_buffer_json(out, row->id);
	bud_buffer_text(out, ",\"sink\":");
	bud_buffer_json(out, row->sink);
	bud_buffer_text(out, ",\"nodes\":[");
	for (size_t i = 0; i < row->nodes_n; i++) {
		if (i > 0)
			bud_buffer_byte(out, ',');
		write_node(&row->nodes[i], out);
	}
	bud_buffer_text(out, "]}");
}

static void end(struct list *list)
{
	bud_buffer_finish(&list->body);
	free(list);
}

static void handle_list(void *context, struct bud_request *request)
{
	struct bud_api_desk *desk = context;
	struct list *list = bud_new(struct list);
	struct bud_error error = {0};
	int r;

	list->request = request;
	if (bud_page_parse(request, &rule, &list->page, &error) < 0) {
		bud_reply_problem(request, 400, "bad-query", "Bad query", &error);
		end(list);
		return;
	}
	bud_buffer_byte(&list->body, '[');
	r = bud_endpoint_states_list(
		desk->store, bud_span(list->page.after), list->page.size, on_row, list);
	if (r == 0)
		return;
	bud_failure_reply(request, r);
	end(list);
}

static void finish(struct list *list, int err)
{
	if (err < 0) {
		bud_failure_reply(list->request, err);
		end(list);
		return;
	}
	bud_buffer_byte(&list->body, ']');
	if (list->seen > 0)
		bud_page_reply_next(list->request, &rule, &list->page, 0);
	bud_reply(list->request, 200, "application/json", bud_buffer_as_span(&list->body));
	end(list);
}

static void on_row(void *owner, int err, const struct bud_endpoint_row *row)
{
	struct list *list = owner;

	if (!row) {
		finish(list, err);
		return;
	}
	list->seen++;
	if (row->id.len < sizeof(list->page.after)) {
		memcpy(list->page.after, row->id.at, row->id.len);
		list->page.after[row->id.len] = '\0';
	}
	if (!bud_identity_owns(bud_request_identity(list->request), row->owner))
		return;
	if (list->n++ > 0)
		bud_buffer_byte(&list->body, ',');
	bud_endpoints_write(row, &list->body);
}
