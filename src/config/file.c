/* The text of a configuration file. inih splits it; the reader below hands it one line at a time,
 * so that errors can name a line (Debian's inih passes none) and no line is cut silently (it cuts
 * at 200 bytes). Comments behind a value are taken off here, too: inih leaves them in continued
 * lines. */
#include "config/file.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>

#include "config/config.h"

struct reader {
	struct bud_span rest;
	unsigned line;
	bool is_indented; /* the line given last */
	bool has_entry;   /* an entry came since the last section head, so inih may continue it */
	const char *name;
	bud_config_entry_fn fn;
	void *owner;
	struct bud_error *error;
	int r;
};

static struct bud_span next_line(struct bud_span *rest)
{
	const char *end = memchr(rest->at, '\n', rest->len);
	struct bud_span line = {rest->at, end ? (size_t)(end - rest->at) : rest->len};

	rest->at += line.len + (end ? 1 : 0);
	rest->len -= line.len + (end ? 1 : 0);
	return line;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* A comment is a whole line that begins with ; or #, or what follows a space and ; in any line. */
static struct bud_span strip_comment(struct bud_span line)
{
	size_t from = 0;

	while (from < line.len && is_blank(line.at[from]))
		from++;
	if (from == line.len || line.at[from] == '#' || line.at[from] == ';')
		return (struct bud_span){line.at, 0};
	for (size_t i = from + 1; i < line.len; i++)
		if (line.at[i] == ';' && is_blank(line.at[i - 1]))
			line.len = i;
	while (line.len > 0 && is_blank(line.at[line.len - 1]))
		line.len--;
	return line;
}

/* inih's fgets(): NULL ends the parsing. */
static char *give_line(char *out, int room, void *stream)
{
	struct reader *reader = stream;
	struct bud_span line;

	if (reader->rest.len == 0 || reader->r < 0)
		return NULL;
	line = strip_comment(next_line(&reader->rest));
	reader->line++;
	if (line.len + 2 > (size_t)room) {
		reader->r = bud_error_set(reader->error, NULL,
			"%s:%u: the line is longer than %d bytes; "
			"a list may go on in the next line, "
			"indented, and any setting may come from the environment",
			reader->name, reader->line, room - 2);
		return NULL;
	}
	reader->is_indented = line.len > 0 && is_blank(line.at[0]);
	if (line.len > 0 && line.at[0] == '[')
		reader->has_entry = false;
	memcpy(out, line.at, line.len);
	memcpy(out + line.len, "\n", 2);
	return out;
}

static int on_entry(void *owner, const char *section, const char *name, const char *value)
{
	struct reader *reader = owner;
	char key[128];

	if (reader->r < 0)
		return 0;
	snprintf(key, sizeof(key), "%s%s%s", section, section[0] ? "." : "", name);
	if (reader->is_indented && reader->has_entry) {
		reader->r = reader->fn(reader->owner, NULL, value, reader->line, reader->error);
	} else {
		reader->has_entry = true;
		reader->r = reader->fn(reader->owner, key, value, reader->line, reader->error);
	}
	return reader->r == 0;
}

int bud_config_file_parse(struct bud_span text, const char *name, bud_config_entry_fn fn,
	void *owner, struct bud_error *error)
{
	struct reader reader = {
		.rest = text, .name = name, .fn = fn, .owner = owner, .error = error};
	int bad_line;

	if (text.len > 0 && memchr(text.at, '\0', text.len))
		return bud_error_set(error, NULL, "%s: has a zero byte; it must be text", name);
	bad_line = ini_parse_stream(give_line, &reader, on_entry, &reader);
	/* inih goes on behind a line it cannot read, so ours may be a later one. */
	if (bad_line > 0 && (reader.r == 0 || (unsigned)bad_line < reader.line))
		return bud_error_set(error, NULL,
			"%s:%d: neither [section] nor key = value nor a comment "
			"(which starts with #)",
			name, bad_line);
	return reader.r;
}

static int fail(struct bud_error *error, const char *path, int err)
{
	(void)bud_error_set(error, NULL, "%s: cannot be read: %s", path, strerror(err));
	return -err;
}

int bud_config_file_read(const char *path, struct bud_buffer *out, struct bud_error *error)
{
	FILE *file = fopen(path, "re");
	size_t n;
	int err;

	if (!file)
		return fail(error, path, errno);
	n = fread(
		bud_buffer_reserve(out, BUD_CONFIG_FILE_MAX + 1), 1, BUD_CONFIG_FILE_MAX + 1, file);
	err = ferror(file) ? errno : 0;
	fclose(file);
	if (err)
		return fail(error, path, err);
	if (n > BUD_CONFIG_FILE_MAX)
		return bud_error_set(
			error, NULL, "%s: is longer than %u bytes", path, BUD_CONFIG_FILE_MAX);
	out->len += n;
	out->at[out->len] = '\0';
	return 0;
}
