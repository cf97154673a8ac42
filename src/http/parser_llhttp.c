/* The parser: llhttp 9 (Debian 13). */
#include "http/parser.h"

#include <errno.h>
#include <llhttp.h>
#include <stdlib.h>

#include "http/chunk.h"
#include "http/head.h"

struct bud_parser {
	llhttp_t parser;
	llhttp_settings_t callbacks; /* must live as long as `parser` */
	struct bud_head *head;       /* only while a head is parsed */
	struct bud_chunks *chunks;   /* only while chunks are */
	bool has_too_many_fields;
};

static int on_field_name(llhttp_t *parser, const char *at, size_t len)
{
	struct bud_parser *self = parser->data;
	struct bud_head *head = self->head;

	if (!head)
		return 0; /* a trailer; nobody reads it */
	if (head->n_fields == BUD_HEAD_FIELDS_MAX) {
		self->has_too_many_fields = true;
		return -1;
	}
	head->fields[head->n_fields++] = (struct bud_header){{at, len}, {at + len, 0}};
	return 0;
}

static int on_field_value(llhttp_t *parser, const char *at, size_t len)
{
	struct bud_head *head = ((struct bud_parser *)parser->data)->head;

	/* The library may give nothing for the rest of a value it has given already. */
	if (head && len > 0)
		head->fields[head->n_fields - 1].value = bud_span_trim((struct bud_span){at, len});
	return 0;
}

static int on_head(llhttp_t *parser)
{
	struct bud_head *head = ((struct bud_parser *)parser->data)->head;

	head->keep_alive = llhttp_should_keep_alive(parser) != 0;
	head->chunked = (parser->flags & F_CHUNKED) != 0;
	head->content_length = 0;
	if (parser->flags & F_CONTENT_LENGTH)
		head->content_length = parser->content_length;
	return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct bud_chunks *chunks = ((struct bud_parser *)parser->data)->chunks;

	return len == 0 || bud_chunks_take(chunks, at, len) ? 0 : -1;
}

static int on_end(llhttp_t *parser)
{
	struct bud_parser *self = parser->data;

	if (self->chunks)
		self->chunks->done = true;
	return HPE_PAUSED;
}

struct bud_parser *bud_parser_create(void)
{
	struct bud_parser *parser = bud_new(struct bud_parser);

	llhttp_settings_init(&parser->callbacks);
	parser->callbacks.on_header_field = on_field_name;
	parser->callbacks.on_header_value = on_field_value;
	parser->callbacks.on_headers_complete = on_head;
	parser->callbacks.on_body = on_body;
	parser->callbacks.on_message_complete = on_end;
	return parser;
}

void bud_parser_destroy(struct bud_parser *parser)
{
	free(parser);
}

/* How many bytes were used, or -EINVAL. An Upgrade is not taken: the request is served as it is. */
static long run(struct bud_parser *parser, struct bud_span bytes)
{
	enum llhttp_errno error = llhttp_execute(&parser->parser, bytes.at, bytes.len);

	if (error == HPE_OK)
		return (long)bytes.len;
	if (error == HPE_PAUSED || error == HPE_PAUSED_UPGRADE)
		return (long)(llhttp_get_error_pos(&parser->parser) - bytes.at);
	return -EINVAL;
}

static void start(struct bud_parser *parser)
{
	llhttp_init(&parser->parser, HTTP_REQUEST, &parser->callbacks);
	parser->parser.data = parser;
}

/* A method that the library has not heard of, or knows from another protocol, is no fault of the
 * head: the routes answer it, so the library is given another. */
static long run_unknown(struct bud_parser *parser, struct bud_span bytes, size_t method_len)
{
	static const char known[] = "POST";

	start(parser);
	parser->head->n_fields = 0;
	(void)run(parser, (struct bud_span){known, sizeof(known) - 1});
	bytes = (struct bud_span){bytes.at + method_len, bytes.len - method_len};
	long used = run(parser, bytes);
	return used < 0 ? used : (long)method_len + used;
}

int bud_parser_head(struct bud_parser *parser, struct bud_span bytes, struct bud_head *out_head)
{
	start(parser);
	parser->has_too_many_fields = false;
	parser->head = out_head;
	parser->chunks = NULL;
	out_head->n_fields = 0;
	long used = run(parser, bytes);
	if (used < 0 && !parser->has_too_many_fields)
		used = run_unknown(parser, bytes, out_head->method.len);
	parser->head = NULL;
	if (parser->has_too_many_fields)
		return -E2BIG;
	return used == (long)bytes.len ? 0 : -EINVAL;
}

long bud_parser_chunks(struct bud_parser *parser, struct bud_chunks *chunks, struct bud_span bytes)
{
	parser->chunks = chunks;
	long used = run(parser, bytes);
	parser->chunks = NULL;
	if (used < 0 || (used != (long)bytes.len && !chunks->done))
		return -EINVAL;
	bud_chunks_end(chunks, bytes.at + used);
	return chunks->bad ? -EINVAL : used;
}
