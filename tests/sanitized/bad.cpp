// What a sanitizer has to report: tests/sanitized/integration.py expects this program to fail.
// Never part of a build.
#include <string>
#include <thread>

static int shared = 0;

int main(int count, char** arguments) {
  if (count > 1 && std::string(arguments[1]) == "asan") {
    int* volatile freed = new int(0);
    delete freed;
    return *freed;
  }
  std::thread other([] { ++shared; });
  ++shared;
  other.join();
  return 0;
}
