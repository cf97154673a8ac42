/* Grants in the registry. */
#include "store/grants.h"

#include <errno.h>
#include <stdio.h>

#include "auth/authorize.h"

#define KEY_BYTES (sizeof(BUD_GRANT_KEY) + BUD_GRANT_ID_BYTES)

bool bud_grant_key_is(struct bud_span id)
{
	return bud_span_starts(id, bud_span(BUD_GRANT_KEY));
}

static void write_key(const char *id, char out[KEY_BYTES])
{
	snprintf(out, KEY_BYTES, BUD_GRANT_KEY "%.*s", BUD_GRANT_ID_BYTES - 1, id);
}

int bud_grant_put(struct bud_store *store, const struct bud_grant *grant, const char *etag,
	bud_put_fn fn, void *owner)
{
	bud_auto(buffer) struct bud_buffer record = {0};
	char fingerprint[33];
	char key[KEY_BYTES];
	struct bud_put put = {.id = key, .if_etag = "", .etag = etag, .fingerprint = fingerprint};

	write_key(grant->id, key);
	bud_grant_fingerprint(grant, fingerprint);
	bud_grant_write(grant, &record);
	put.record = bud_buffer_as_span(&record);
	return bud_registry_put(store, &put, fn, owner);
}

int bud_grant_put_end(
	struct bud_store *store, const char *id, const char *etag, bud_put_fn fn, void *owner)
{
	char key[KEY_BYTES];
	const struct bud_drop drop = {.id = key, .if_etag = "*", .etag = etag};

	write_key(id, key);
	return bud_registry_drop(store, &drop, fn, owner);
}

int bud_grant_get(struct bud_store *store, const char *id, bud_registry_get_fn fn, void *owner)
{
	char key[KEY_BYTES];

	write_key(id, key);
	return bud_registry_get(store, key, fn, owner);
}

int bud_grant_read(const struct bud_registry_value *value, struct bud_grant **out_grant)
{
	int r;

	if (value->record.len == 0)
		return -ENOENT;
	r = bud_grant_load(value->record, out_grant);
	if (r == 0)
		(*out_grant)->serial = value->serial;
	return r;
}

int bud_grant_apply(struct bud_authority *authority, const struct bud_registry_record *record)
{
	struct bud_span id = record->id;
	struct bud_grant *grant = NULL;
	int r;

	if (!bud_grant_key_is(id))
		return 0;
	id.at += strlen(BUD_GRANT_KEY);
	id.len -= strlen(BUD_GRANT_KEY);
	r = bud_grant_read(&record->value, &grant);
	if (r == 0)
		bud_authority_put_grant(authority, grant);
	else
		bud_authority_remove_grant(authority, id);
	return r == -EINVAL ? r : 1;
}
