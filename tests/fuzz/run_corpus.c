/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target once over each file of a corpus folder, where libFuzzer is not linked.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	unsigned long ran = 0;
	DIR *d = argc > 1 ? opendir(argv[1]) : NULL;
	struct dirent *entry;
	while (d && (entry = readdir(d))) {
		char path[4096];
		struct stat st;
		FILE *f;
		uint8_t *bytes;
		snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
		if (stat(path, &st) || !S_ISREG(st.st_mode) || !(f = fopen(path, "rb")))
			continue;
		bytes = malloc((size_t)st.st_size + 1);
		if (bytes && fread(bytes, 1, (size_t)st.st_size, f) == (size_t)st.st_size) {
			LLVMFuzzerTestOneInput(bytes, (size_t)st.st_size);
			ran++;
		}
		free(bytes);
		fclose(f);
	}
	if (d)
		closedir(d);
	printf("%lu passed, %d failed\n", ran, ran ? 0 : 1);
	return ran ? 0 : 1;
}
