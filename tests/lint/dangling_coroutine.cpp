// Three ways for a coroutine to outlive what it uses, each of which script/lint must reject.
// Compiled into nothing.
#include <coroutine>
#include <mutex>
#include <string>

namespace {

struct task {
  struct promise_type {
    task get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};

task takes_a_reference(const std::string& text) {
  co_await std::suspend_always{};
  static_cast<void>(text.size());
}

task holds_a_lock(std::mutex* mutex) {
  const std::scoped_lock lock(*mutex);
  co_await std::suspend_always{};
}

void captures(int number) {
  const auto coroutine = [&]() -> task {
    co_await std::suspend_always{};
    static_cast<void>(number);
  };
  coroutine();
}

}  // namespace

int main() {
  std::mutex mutex;
  takes_a_reference("text");
  holds_a_lock(&mutex);
  captures(1);
}
