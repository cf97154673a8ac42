/* The parser: http_parser 2.9 (Debian 12). */
#include "http/parser.h"

#include <errno.h>
#include <http_parser.h>
#include <pthread.h>
#include <stdlib.h>

#include "http/chunk.h"
#include "http/head.h"

/* Of a line with a token: above, its middle is not parsed; its ends are. */
#define LONG_BYTES  256
#define FIRST_BYTES 32 /* the name and the beginning of the value */
#define LAST_BYTES  8

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

/* Once per field, or for its beginning and its end (feed_head). */
static int on_field_value(http_parser *parser, const char *at, size_t len)
{
	struct bud_head *head = ((struct bud_parser *)parser->data)->head;
	struct bud_header *field;
	const char *from = at;

	if (!head)
		return 0;
	field = &head->fields[head->n_fields - 1];
	if (field->value.len > 0)
		from = field->value.at;
	field->value = bud_span_trim((struct bud_span){from, (size_t)(at + len - from)});
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

/* A value that means nothing to the parser and is long. `line` is without its line feed. */
static bool is_token_line(struct bud_span line)
{
	struct bud_span rest = line;
	struct bud_span name = bud_span_take_until(&rest, ':');

	return line.len > LONG_BYTES && rest.len > 1 && rest.at[1] > ' ' &&
	       (bud_span_is_nocase(name, "Authorization") ||
		       bud_span_is_nocase(name, "PlatformAccessToken"));
}

/* The first such line in `bytes`; an empty span when there is none. */
static struct bud_span find_token_line(struct bud_span bytes)
{
	while (bytes.len > LONG_BYTES) {
		struct bud_span line = bud_span_take_until(&bytes, '\n');
		if (is_token_line(line))
			return line;
	}
	return (struct bud_span){NULL, 0};
}

/* http_parser takes 17 instructions for a byte of a value, and a token has a thousand: of it the
 * parser sees the beginning and the end. What lies between was judged by bud_head_scan(), by the
 * same rule. Returns how many bytes are done. */
static size_t feed_head(struct bud_parser *parser, struct bud_span bytes)
{
	http_parser *inner = &parser->parser;
	struct bud_span line;
	size_t used = 0;

	while ((line = find_token_line(bytes)).len > 0) {
		size_t first = (size_t)(line.at - bytes.at) + FIRST_BYTES;
		size_t skipped = line.len - FIRST_BYTES - LAST_BYTES;
		size_t n = http_parser_execute(inner, &callbacks, bytes.at, first);
		used += n;
		if (n != first)
			return used;
		used += skipped;
		bytes = (struct bud_span){bytes.at + first + skipped, bytes.len - first - skipped};
	}
	return used + http_parser_execute(inner, &callbacks, bytes.at, bytes.len);
}

static void start(struct bud_parser *parser)
{
	http_parser_init(&parser->parser, HTTP_REQUEST);
	parser->parser.data = parser;
}

/* A method that the library has not heard of is no fault of the head: the routes answer it, so the
 * library is given another. */
static size_t feed_unknown(struct bud_parser *parser, struct bud_span bytes, size_t method_len)
{
	static const char known[] = "POST";

	start(parser);
	(void)http_parser_execute(&parser->parser, &callbacks, known, sizeof(known) - 1);
	bytes = (struct bud_span){bytes.at + method_len, bytes.len - method_len};
	return method_len + feed_head(parser, bytes);
}

int bud_parser_head(struct bud_parser *parser, struct bud_span bytes, struct bud_head *out_head)
{
	start(parser);
	parser->head = out_head;
	parser->chunks = NULL;
	out_head->n_fields = 0;
	size_t used = feed_head(parser, bytes);
	if (HTTP_PARSER_ERRNO(&parser->parser) == HPE_INVALID_METHOD)
		used = feed_unknown(parser, bytes, out_head->method.len);
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
