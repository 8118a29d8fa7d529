/* SPDX-License-Identifier: MIT */
/*
 * What runs a fuzz target without libFuzzer, in every preset: each file of the corpus as it is, cut off
 * at each length, and changed at random: bytes flipped, replaced, doubled, taken out, spliced with other
 * files. NH_SEED and the operation count repeat a run.
 *
 *   fuzz_x FOLDER OPERATIONS
 */
#define _FILE_OFFSET_BITS 64 /* 32-bit programs read folders of 64-bit file systems */

#include "fuzz.h"

#include "tests/support/env.h"
#include "tests/support/random.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES 64u
#define LARGEST 8192u

static struct input {
	uint8_t bytes[LARGEST];
	size_t size;
	char name[64];
} corpus[FILES], work;
static unsigned files;

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct input *)a)->name, ((const struct input *)b)->name);
}

/* By name: the order of a folder is the file system's. */
static void read_corpus(const char *path)
{
	DIR *folder = opendir(path);
	NHT_CHECK(folder != NULL, "no folder %s", path);
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		char name[1024];
		if (entry->d_name[0] == '.')
			continue;
		NHT_CHECK(files < FILES && strlen(entry->d_name) < sizeof work.name, "more than %u files",
		          FILES);
		struct input *input = &corpus[files++];
		strcpy(input->name, entry->d_name);
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		FILE *file = fopen(name, "rb");
		NHT_CHECK(file != NULL, "%s cannot be read", name);
		input->size = fread(input->bytes, 1, LARGEST, file);
		fclose(file);
	}
	closedir(folder);
	NHT_CHECK(files > 0, "%s is empty", path);
	qsort(corpus, files, sizeof corpus[0], by_name);
}

static void run(void)
{
	LLVMFuzzerTestOneInput(work.bytes, work.size);
}

static void insert(size_t at, const uint8_t *bytes, size_t size)
{
	if (size > LARGEST - work.size)
		size = LARGEST - work.size;
	memmove(work.bytes + at + size, work.bytes + at, work.size - at);
	memmove(work.bytes + at, bytes, size);
	work.size += size;
}

static void erase(size_t at, size_t size)
{
	if (size > work.size - at)
		size = work.size - at;
	memmove(work.bytes + at, work.bytes + at + size, work.size - at - size);
	work.size -= size;
}

static void mutate(nht_random *random)
{
	static const char telling[] = "0x,\"-#=\n \t9fFyKM\\";
	if (work.size == 0)
		return;
	size_t at = nht_below(random, work.size);
	const struct input *other = &corpus[nht_below(random, files)];
	uint8_t copy[32];
	size_t length = 1 + nht_below(random, sizeof copy);
	switch (nht_below(random, 6)) {
	case 0:
		work.bytes[at] ^= (uint8_t)(1u << nht_below(random, 8));
		break;
	case 1:
		work.bytes[at] = (uint8_t)nht_below(random, 256);
		break;
	case 2:
		work.bytes[at] = (uint8_t)telling[nht_below(random, sizeof telling - 1)];
		break;
	case 3:
		erase(at, length);
		break;
	case 4:
		length = length > work.size - at ? work.size - at : length;
		memcpy(copy, work.bytes + at, length);
		insert(at, copy, length);
		break;
	default:
		if (other->size > length)
			insert(at, other->bytes + nht_below(random, other->size - length), length);
	}
}

int main(int argc, char **argv)
{
	nht_start(argc, argv);
	NHT_CHECK(argc == 3, "FOLDER OPERATIONS");
	read_corpus(argv[1]);
	for (unsigned i = 0; i < files; i++) {
		work = corpus[i];
		nht_context("file %s", work.name);
		run();
		for (size_t size = work.size < 1024 ? work.size : 1024; size-- > 0;) {
			work.size = size;
			run();
		}
	}
	nht_random random;
	nht_random_seed(&random, nht_seed());
	size_t operations = nht_test_operations((size_t)strtoul(argv[2], NULL, 10));
	for (size_t i = 0; i < operations; i++) {
		work = corpus[nht_below(&random, files)];
		nht_context("file %s, operation %zu", work.name, i);
		for (size_t changes = 1 + nht_below(&random, 4); changes > 0; changes--)
			mutate(&random);
		run();
	}
	printf("%u files, %zu changed inputs\n", files, operations);
	return 0;
}
