#include "app/successor.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/logging.hpp"

namespace pulse::app {

namespace asio = boost::asio;

namespace {

constexpr const char* own_image = "/proc/self/exe";
constexpr std::chrono::seconds check_limit{10};
constexpr std::chrono::milliseconds poll_interval{20};
constexpr int first_descriptor_not_standard = 3;

std::vector<char*> pointers_to(std::vector<std::string>& arguments) {
  std::vector<char*> all;
  all.reserve(arguments.size() + 1);
  for (auto& one : arguments) all.push_back(one.data());
  all.push_back(nullptr);
  return all;
}

error failed(const std::string& doing, int why) {
  return {errc::io, doing + ": " + std::strerror(why)};
}

// A child process that is asked now and then whether it has ended.
class configuration_check : public std::enable_shared_from_this<configuration_check> {
 public:
  configuration_check(pid_t child, const asio::any_io_executor& executor,
                      std::function<void(result<void>)> done)
      : child_(child),
        poll_(executor),
        deadline_(std::chrono::steady_clock::now() + check_limit),
        done_(std::move(done)) {}

  void wait() {
    poll_.expires_after(poll_interval);
    poll_.async_wait([self = shared_from_this()](const boost::system::error_code& cancelled) {
      if (!cancelled) self->look();
    });
  }

 private:
  void look() {
    int status = 0;
    const auto ended = ::waitpid(child_, &status, WNOHANG);
    if (ended == 0 && std::chrono::steady_clock::now() < deadline_) return wait();
    if (ended == 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, &status, 0);
      return done_(error{errc::unavailable, "the new program did not check its settings in time",
                         "run it with --check"});
    }
    if (ended == child_ && WIFEXITED(status) && WEXITSTATUS(status) == 0) return done_({});
    done_(error{errc::invalid_argument, "the new program could not start with these settings",
                "run it with --check: it prints the reason on standard error"});
  }

  pid_t child_;
  asio::steady_timer poll_;
  std::chrono::steady_clock::time_point deadline_;
  std::function<void(result<void>)> done_;
};

}  // namespace

result<program_start> this_program_start() {
  std::error_code failure;
  program_start start;
  start.program = std::filesystem::read_symlink(own_image, failure);
  if (failure) return failed(std::string("reading ") + own_image, failure.value());
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string one;
  while (std::getline(file, one, '\0')) start.arguments.push_back(one);
  if (start.arguments.empty()) return failed("reading /proc/self/cmdline", EIO);
  return start;
}

void check_successor(const program_start& start, const asio::any_io_executor& executor,
                     std::function<void(result<void>)> done) {
  auto arguments = start.arguments;
  arguments.emplace_back("--check");
  const auto pointers = pointers_to(arguments);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // No connection may stay open because the child has it too.
  posix_spawn_file_actions_addclosefrom_np(&actions, first_descriptor_not_standard);
  pid_t child = 0;
  const int why =
      ::posix_spawn(&child, start.program.c_str(), &actions, nullptr, pointers.data(), ::environ);
  posix_spawn_file_actions_destroy(&actions);
  if (why != 0) {
    auto refused = failed("running " + start.program.string(), why);
    return asio::post(executor, [done = std::move(done), refused] { done(refused); });
  }
  std::make_shared<configuration_check>(child, executor, std::move(done))->wait();
}

error become_successor(const program_start& start, const server::listening_sockets& sockets) {
  if (const auto left = server::leave_to_successor(sockets); !left) return left.error();
  // Until the next program takes them again, these signals must not end it.
  for (const int signal : {SIGUSR2, SIGHUP}) std::signal(signal, SIG_IGN);
  auto arguments = start.arguments;
  const auto pointers = pointers_to(arguments);
  ::execv(start.program.c_str(), pointers.data());
  const auto why = failed("running " + start.program.string(), errno);
  log_error("server", "exec hand-over failed: this program starts again", {{"reason", why.what}});
  ::execv(own_image, pointers.data());
  return failed(std::string("running ") + own_image, errno);
}

}  // namespace pulse::app
