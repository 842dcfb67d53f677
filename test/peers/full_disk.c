/*
 * full_disk.c
 *		A disk that is full, for tests; to be loaded before libc (LD_PRELOAD).
 *
 * While the file that FULL_DISK names exists, no file of a table or an index
 * grows: what is there can be overwritten, what would lie beyond its end is
 * refused, for want of space or, if that file says "quota", by a quota. WAL
 * goes on, as where it has a disk of its own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0, or the error that a full disk returns now. */
static int
fullness(void)
{
	char		text[8] = "";
	int			file = open(getenv("FULL_DISK"), O_RDONLY);

	if (file < 0)
		return 0;
	(void) !read(file, text, sizeof(text) - 1);
	close(file);
	return strncmp(text, "quota", 5) == 0 ? EDQUOT : ENOSPC;
}

static int
is_of_table(int file)
{
	char		link[64];
	char		path[4096];
	ssize_t		length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return 0;
	path[length] = '\0';
	return strstr(path, "/base/") != NULL;
}

ssize_t
pwrite(int file, const void *bytes, size_t count, off_t offset)
{
	ssize_t		(*real) (int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite");
	int			saved = errno;
	int			error = fullness();
	struct stat status;

	if (error != 0 && is_of_table(file) && fstat(file, &status) == 0 && offset + (off_t) count > status.st_size)
	{
		errno = error;
		return -1;
	}
	errno = saved;
	return real(file, bytes, count, offset);
}
