/* Events for publishing by hand. The scanner has the last word, so that a mistake is told here as
 * the server would tell it. */
#include "cli/new_event.h"

#include <stdlib.h>

#include "core/clock.h"
#include "core/error.h"
#include "crypto/base64.h"
#include "event/envelope.h"
#include "event/json.h"
#include "event/media_type.h"

/* The JSON form */

static int add_text(
	struct bud_buffer *out, const char *name, const char *text, struct bud_error *error)
{
	if (!text)
		return 0;
	if (!bud_utf8_is_valid(text, strlen(text)))
		return bud_error_set(error, name, "%s is not UTF-8", name);
	bud_buffer_member_text(out, name, text);
	return 0;
}

static int check_data(const char *data, struct bud_error *error)
{
	const char *wrong;

	if (!data || bud_json_is_valid(bud_span(data), BUD_JSON_DEPTH_MAX, &wrong))
		return 0;
	return bud_error_set(error, "data",
		"data is not JSON: %s; a text needs its quotes, '\"like this\"'", wrong);
}

int bud_new_event_write(
	const struct bud_new_event *event, struct bud_buffer *out, struct bud_error *error)
{
	struct bud_envelope envelope;
	char time[25];
	size_t start = out->len;

	bud_clock_write(event->wall_ms, time);
	bud_buffer_text(out, "{\"specversion\":\"1.0\"");
	int r = check_data(event->data, error);
	if (r == 0)
		r = add_text(out, "id", event->id, error);
	if (r == 0)
		r = add_text(out, "source", event->source, error);
	if (r == 0)
		r = add_text(out, "type", event->type, error);
	if (r == 0)
		r = add_text(out, "subject", event->subject, error);
	if (r == 0) {
		bud_buffer_format(out, ",\"time\":\"%s\"", time);
		if (event->data)
			bud_buffer_format(
				out, ",\"datacontenttype\":\"application/json\",\"data\":");
		bud_buffer_text(out, event->data ? event->data : "");
		bud_buffer_byte(out, '}');
		bud_envelope_init(&envelope);
		struct bud_span json = {out->at + start, out->len - start};
		r = bud_envelope_scan(&envelope, json, error);
		bud_envelope_finish(&envelope);
	}
	if (r < 0)
		out->len = start;
	return r;
}

/* Binary mode */

static void add_header(struct bud_binary_form *form, struct bud_buffer *line)
{
	form->headers = bud_realloc(form->headers, (form->headers_n + 1) * sizeof(char *));
	form->headers[form->headers_n++] = bud_strndup(line->at, line->len);
	bud_buffer_clear(line);
}

/* HTTP binding 3.1.3.2: what is not printable ASCII, and space, quote and percent, is escaped. */
static void add_escaped(struct bud_buffer *line, struct bud_span value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.at[i];
		if (c <= ' ' || c >= 0x7f || c == '"' || c == '%')
			bud_buffer_format(line, "%%%02X", c);
		else
			bud_buffer_byte(line, (char)c);
	}
}

static void add_attributes(struct bud_binary_form *form, const struct bud_envelope *envelope)
{
	bud_auto(buffer) struct bud_buffer line = {0};

	for (size_t i = 0; i < envelope->attributes_n; i++) {
		const struct bud_attribute *attribute = &envelope->attributes[i];
		if (bud_span_is(attribute->name, "datacontenttype"))
			continue;
		bud_buffer_text(&line, "ce-");
		bud_buffer_span(&line, attribute->name);
		/* libcurl takes a name and a colon alone for a header to leave out. */
		bud_buffer_text(&line, attribute->value.len > 0 ? ": " : ";");
		add_escaped(&line, attribute->value);
		add_header(form, &line);
	}
	/* Without a type JSON data means JSON (JSON format 3.1). */
	struct bud_span type = envelope->datacontenttype;
	if (!type.at && envelope->data_kind == BUD_DATA_KIND_JSON)
		type = bud_span("application/json");
	if (!type.at)
		return;
	bud_buffer_text(&line, "Content-Type: ");
	bud_buffer_span(&line, type);
	add_header(form, &line);
}

static bool is_text(const struct bud_envelope *envelope)
{
	struct bud_media_type type;

	return envelope->datacontenttype.at && envelope->data.at[0] == '"' &&
	       bud_media_type_parse(envelope->datacontenttype, &type) &&
	       !bud_media_type_is_json(&type);
}

static void add_body(struct bud_binary_form *form, const struct bud_envelope *envelope)
{
	struct bud_span data = envelope->data;
	size_t len = 0;

	switch (envelope->data_kind) {
	case BUD_DATA_KIND_NONE:
		return;
	case BUD_DATA_KIND_JSON:
		/* A JSON string that stands for a text of another type goes without its quotes. */
		if (is_text(envelope))
			bud_json_unescape(
				(struct bud_span){data.at + 1, data.len - 2}, &form->body);
		else
			bud_buffer_span(&form->body, data);
		return;
	case BUD_DATA_KIND_BASE64:
		bud_buffer_reserve(&form->body, BUD_BASE64_DECODED_MAX(data.len));
		if (bud_base64_decode(
			    data, BUD_BASE64_PADDED, form->body.at, form->body.room, &len) == 0)
			form->body.len = len;
		return;
	}
}

/* What the server would take for another event, or NULL. */
static const char *fault_of(const struct bud_envelope *envelope)
{
	struct bud_span type = envelope->datacontenttype;
	struct bud_media_type parsed;

	if (bud_span_starts_nocase(type, "application/cloudevents"))
		return "in binary mode this datacontenttype would say that the body is an event";
	if (envelope->data_kind == BUD_DATA_KIND_JSON && type.at &&
		bud_media_type_parse(type, &parsed) && !bud_media_type_is_utf8(&parsed))
		return "in binary mode data would have to be in the charset that datacontenttype "
		       "names, and only UTF-8 is written here";
	return NULL;
}

int bud_binary_form_make(const struct bud_envelope *envelope, struct bud_binary_form *out_form,
	struct bud_error *error)
{
	const char *fault = fault_of(envelope);

	if (fault)
		return bud_error_set(error, "datacontenttype", "%s; leave out --binary", fault);
	add_attributes(out_form, envelope);
	add_body(out_form, envelope);
	return 0;
}

void bud_binary_form_finish(struct bud_binary_form *form)
{
	for (size_t i = 0; i < form->headers_n; i++)
		free(form->headers[i]);
	free(form->headers);
	bud_buffer_finish(&form->body);
	*form = (struct bud_binary_form){0};
}

void bud_binary_form_auto(struct bud_binary_form *form)
{
	bud_binary_form_finish(form);
}
