/* Writes deploy/budstikke.conf anew: `ninja update-conf` after a change of the table. */
#include <stdio.h>

#include "config/config.h"

int main(int argc, char **argv)
{
	bud_auto(buffer) struct bud_buffer text = {0};
	FILE *file = argc == 2 ? fopen(argv[1], "we") : NULL;

	if (!file) {
		perror("update_conf FILE");
		return 1;
	}
	bud_config_write_template(&text);
	if (fwrite(text.at, 1, text.len, file) != text.len || fclose(file) != 0) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
