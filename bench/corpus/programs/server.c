/* The service that was broken into: sleeps, and is the parent of what its standard input, a shell's text, says. */
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  static char text[1 << 16];
  ssize_t length = 0, got;
  while ((got = read(0, text + length, sizeof text - 1 - (size_t)length)) > 0) length += got;
  int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  if (length > 0 && fork() == 0) {
    execl("/bin/sh", "sh", "-c", text, (char *)0);
    _exit(127);
  }
  for (;;) pause();
}
