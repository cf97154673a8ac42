/* Gives each file of a folder to the fuzz target, so that what was found once is tried for ever. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_BYTES_MAX 65536u

int main(int argc, char **argv)
{
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
	static uint8_t input[INPUT_BYTES_MAX];
	struct dirent *entry;
	int n = 0;

	if (!folder) {
		fprintf(stderr, "usage: replay_cesql FOLDER\n");
		return 2;
	}
	while ((entry = readdir(folder))) {
		char path[4096];
		FILE *file;
		size_t len;
		uint8_t *exact;
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		file = fopen(path, "rb");
		if (!file) {
			perror(path);
			return 1;
		}
		len = fread(input, 1, sizeof(input), file);
		fclose(file);
		exact = malloc(len + 1); /* a sanitizer sees what is read behind it */
		for (size_t i = 0; i < len; i++)
			exact[i + 1] = input[i];
		LLVMFuzzerTestOneInput(exact + 1, len);
		free(exact);
		n++;
	}
	closedir(folder);
	printf("%d inputs\n", n);
	return n > 0 ? 0 : 1;
}
