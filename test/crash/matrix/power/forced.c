/*
 * Preloaded into every process of a run: keeps a copy of what was forced to the disk, so that a loss of power can be played.
 *
 * After each successful fsync or fdatasync of a file below POWER_ROOTS (separated by colons) its contents are copied to
 * POWER_STORE/data/<key>; of a folder, the list of its entries to POWER_STORE/folders/<key>. A key is the inode's number with
 * its time of birth, since numbers are given again. A name is no key: names are forced by forcing the folder, not the file.
 *
 * Reads of the boot id are given the file POWER_BOOT_ID in its place, so that the next life of the services is on another boot.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static char roots[PATH_MAX * 2];
static char store[PATH_MAX];
static char boot_file[PATH_MAX];
static atomic_uint copies;

static int (*real_open)(const char *, int, ...);
static int (*real_open64)(const char *, int, ...);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);

__attribute__((constructor)) static void begin(void) {
  real_open = dlsym(RTLD_NEXT, "open");
  real_open64 = dlsym(RTLD_NEXT, "open64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  const char *value;
  if ((value = getenv("POWER_ROOTS"))) snprintf(roots, sizeof roots, "%s", value);
  if ((value = getenv("POWER_STORE"))) snprintf(store, sizeof store, "%s", value);
  if ((value = getenv("POWER_BOOT_ID"))) snprintf(boot_file, sizeof boot_file, "%s", value);
}

static int is_below_roots(const char *path) {
  for (const char *root = roots; *root;) {
    size_t length = strcspn(root, ":");
    if (length > 0 && strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == 0)) return 1;
    root += length;
    if (*root == ':') root++;
  }
  return 0;
}

static void key_of(const struct statx *info, char *key, size_t size) {
  long long born = (long long)info->stx_btime.tv_sec * 1000000000LL + info->stx_btime.tv_nsec;
  snprintf(key, size, "%llu-%lld", (unsigned long long)info->stx_ino, born);
}

static int write_all(int to, const char *bytes, size_t left) {
  while (left > 0) {
    ssize_t done = write(to, bytes, left);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return -1;
    bytes += done;
    left -= (size_t)done;
  }
  return 0;
}

/*
 * By the descriptor that we were given: opening the file anew and closing it would let go of the locks that SQLite holds on it
 * (POSIX locks belong to the process and the file). What cannot be read through it is no database, and is opened anew.
 */
static int copy_file(int fd, int to) {
  char again[64];
  int from = fd;
  if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY) {
    snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
    if ((from = real_open(again, O_RDONLY | O_CLOEXEC)) < 0) return -1;
  }
  // One for all: only who holds the lock is here. Not on the stack, which may be small.
  static char block[1 << 16];
  off_t at = 0;
  int failed = 0;
  for (;;) {
    ssize_t read = pread(from, block, sizeof block, at);
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) failed = 1;
    if (read <= 0) break;
    if (write_all(to, block, (size_t)read) < 0) {
      failed = 1;
      break;
    }
    at += read;
  }
  if (from != fd) close(from);
  return failed ? -1 : 0;
}

/* A line for each entry: its kind, its key and its name. */
static int copy_folder(const char *path, int to) {
  DIR *folder = opendir(path);
  if (!folder) return -1;
  int failed = 0;
  for (struct dirent *entry; !failed && (entry = readdir(folder));) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    struct statx info;
    if (statx(dirfd(folder), entry->d_name, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME | STATX_TYPE, &info) != 0) continue;
    char kind = S_ISREG(info.stx_mode) ? 'f' : S_ISDIR(info.stx_mode) ? 'd' : 'o';
    char key[64], line[NAME_MAX + 96];
    key_of(&info, key, sizeof key);
    int length = snprintf(line, sizeof line, "%c %s %s\n", kind, key, entry->d_name);
    failed = write_all(to, line, (size_t)length) < 0;
  }
  closedir(folder);
  return failed ? -1 : 0;
}

/* One copy at a time in all processes: an older one must not replace a newer one. */
static void keep(int fd) {
  if (!store[0]) return;
  int before = errno;
  char link[64], path[PATH_MAX], key[64], fresh[PATH_MAX + 96], kept[PATH_MAX + 96];
  struct statx info;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length > 0) path[length] = 0;
  if (length > 0 && is_below_roots(path) && statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME | STATX_TYPE, &info) == 0 &&
      (S_ISREG(info.stx_mode) || S_ISDIR(info.stx_mode))) {
    key_of(&info, key, sizeof key);
    snprintf(fresh, sizeof fresh, "%s/lock", store);
    int lock = real_open(fresh, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock >= 0) while (flock(lock, LOCK_EX) != 0 && errno == EINTR);
    int isFolder = S_ISDIR(info.stx_mode);
    snprintf(fresh, sizeof fresh, "%s/fresh/%d-%ld-%u", store, getpid(), syscall(SYS_gettid), atomic_fetch_add(&copies, 1));
    snprintf(kept, sizeof kept, "%s/%s/%s", store, isFolder ? "folders" : "data", key);
    int to = real_open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to >= 0) {
      int failed = isFolder ? copy_folder(path, to) : copy_file(fd, to);
      close(to);
      if (failed || rename(fresh, kept) != 0) unlink(fresh);
    }
    if (lock >= 0) close(lock);
  }
  errno = before;
}

int fsync(int fd) {
  int result = real_fsync(fd);
  if (result == 0) keep(fd);
  return result;
}

int fdatasync(int fd) {
  int result = real_fdatasync(fd);
  if (result == 0) keep(fd);
  return result;
}

static const char *redirected(const char *path) {
  return boot_file[0] && strcmp(path, BOOT_ID) == 0 ? boot_file : path;
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return real_open(redirected(path), flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return real_open64(redirected(path), flags, mode);
}
