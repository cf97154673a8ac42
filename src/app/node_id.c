/* The node's id. */
#include "app/node_id.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "config/config.h"
#include "core/error.h"
#include "core/random.h"

static int make_file(const char *path, char *out_id, struct bud_error *error)
{
	FILE *file = fopen(path, "wx");

	if (!file) {
		bud_error_set(error, "data.dir", "cannot write %s: %s", path, strerror(errno));
		return -EACCES;
	}
	bud_random_hex(out_id, 8);
	fprintf(file, "%s\n", out_id);
	if (fclose(file) != 0)
		return bud_error_set(error, "data.dir", "cannot write %s", path);
	return 0;
}

int bud_node_id_get(const struct bud_config *config, char *out_id, struct bud_error *error)
{
	char path[BUD_CONFIG_TEXT_MAX + 16];
	FILE *file;
	int n;

	if (config->node.id[0] != '\0') {
		snprintf(out_id, BUD_NODE_ID_BYTES, "%s", config->node.id);
		return 0;
	}
	snprintf(path, sizeof(path), "%s/node.id", config->data.dir);
	file = fopen(path, "r");
	if (!file)
		return make_file(path, out_id, error);
	n = fscanf(file, "%64[A-Za-z0-9_-]", out_id);
	fclose(file);
	if (n != 1)
		return bud_error_set(
			error, "data.dir", "%s holds no node id; delete it to get a new one", path);
	return 0;
}
