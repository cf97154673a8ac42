/* The parser: http_parser 2.9 (Debian 12). */
#include "http/parser.h"

#include <errno.h>
#include <http_parser.h>
#include <pthread.h>
#include <stdlib.h>

#include "http/chunk.h"
#include "http/head.h"

struct bud_parser {
	http_parser parser;
	struct bud_head *head;     /* only while a head is parsed */
	struct bud_chunks *chunks; /* only while chunks are */
};

static int on_field_name(http_parser *parser, const char *at, size_t len)
{
	struct bud_head *head = ((struct bud_parser *)parser->data)->head;

	if (!head)
		return 0; /* a trailer; nobody reads it */
	if (head->n_fields == BUD_HEAD_FIELDS_MAX)
		return 1;
	head->fields[head->n_fields++] = (struct bud_header){{at, len}, {at + len, 0}};
	return 0;
}

static int on_field_value(http_parser *parser, const char *at, size_t len)
{
	struct bud_head *head = ((struct bud_parser *)parser->data)->head;

	if (head)
		head->fields[head->n_fields - 1].value = bud_span_trim((struct bud_span){at, len});
	return 0;
}

static int on_head(http_parser *parser)
{
	struct bud_head *head = ((struct bud_parser *)parser->data)->head;

	head->keep_alive = http_should_keep_alive(parser) != 0;
	head->chunked = (parser->flags & F_CHUNKED) != 0;
	head->content_length = 0;
	if (parser->flags & F_CONTENTLENGTH)
		head->content_length = parser->content_length;
	return 0;
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
	return bud_chunks_take(((struct bud_parser *)parser->data)->chunks, at, len) ? 0 : 1;
}

static int on_end(http_parser *parser)
{
	struct bud_parser *self = parser->data;

	if (self->chunks)
		self->chunks->done = true;
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings callbacks = {
	.on_header_field = on_field_name,
	.on_header_value = on_field_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_end,
};

/* The limit is the library's own global; ours in head.c is what decides. */
static void raise_head_limit(void)
{
	http_parser_set_max_header_size(2 * BUD_HEAD_BYTES_MAX);
}

struct bud_parser *bud_parser_create(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, raise_head_limit);
	return bud_new(struct bud_parser);
}

void bud_parser_destroy(struct bud_parser *parser)
{
	free(parser);
}

static bool is_fine(const struct bud_parser *parser)
{
	enum http_errno error = HTTP_PARSER_ERRNO(&parser->parser);

	return error == HPE_OK || error == HPE_PAUSED;
}

int bud_parser_head(struct bud_parser *parser, struct bud_span bytes, struct bud_head *out_head)
{
	http_parser_init(&parser->parser, HTTP_REQUEST);
	parser->parser.data = parser;
	parser->head = out_head;
	parser->chunks = NULL;
	out_head->n_fields = 0;
	size_t used = http_parser_execute(&parser->parser, &callbacks, bytes.at, bytes.len);
	parser->head = NULL;
	if (HTTP_PARSER_ERRNO(&parser->parser) == HPE_CB_header_field)
		return -E2BIG;
	return is_fine(parser) && used == bytes.len ? 0 : -EINVAL;
}

long bud_parser_chunks(struct bud_parser *parser, struct bud_chunks *chunks, struct bud_span bytes)
{
	parser->chunks = chunks;
	size_t used = http_parser_execute(&parser->parser, &callbacks, bytes.at, bytes.len);
	parser->chunks = NULL;
	if (!is_fine(parser) || (used != bytes.len && !chunks->done))
		return -EINVAL;
	bud_chunks_end(chunks, bytes.at + used);
	return chunks->bad ? -EINVAL : (long)used;
}
